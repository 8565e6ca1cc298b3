/** The errors that an answer in the chat dialect tells of. */
import type { UpstreamFailure } from '../failure.js';

/** Finish reasons with which a server says that it failed: OpenRouter, DeepSeek, Z.ai, vLLM. */
const failedFinishes: ReadonlySet<unknown> = new Set([
  'error',
  'insufficient_system_resource',
  'network_error',
  'abort',
]);

/** The error that one choice of an answer or of a chunk tells of. */
export function errorInChoice(choice: object): ToldError | undefined {
  const told = errorIn({ error: (choice as { error?: unknown }).error });
  if (told) return told;
  const { finish_reason: finish } = choice as { finish_reason?: unknown };
  return failedFinishes.has(finish) ? { message: `The upstream ended its answer with '${finish}'.` } : undefined;
}

type ToldError = Omit<UpstreamFailure, 'kind'>;

/**
 * The error that a body tells of, in any of the shapes in use: `{error: {...}}`, `{error: "..."}`, flat
 * `{object: "error", message}` (vLLM) and `{detail}` (FastAPI). Undefined where it tells of none: some send an `error` that is
 * null or empty beside a whole answer.
 */
export function errorIn(body: object): ToldError | undefined {
  const wire = body as Record<string, unknown>;
  const error = wire['error'];
  if (typeof error === 'string' && error !== '') return { message: error };
  if (typeof error === 'object' && error !== null && Object.values(error).some(Boolean))
    return toldBy(error as Record<string, unknown>);
  if (wire['object'] === 'error' || wire['type'] === 'error') return toldBy(wire);
  return undefined;
}

function toldBy(wire: Record<string, unknown>): ToldError {
  const { code } = wire;
  return {
    message:
      typeof wire['message'] === 'string' ? wire['message'] : 'The upstream reported an error without a message.',
    type: typeof wire['type'] === 'string' ? wire['type'] : undefined,
    code: typeof code === 'string' || typeof code === 'number' ? code : null,
    param: typeof wire['param'] === 'string' ? wire['param'] : null,
    status: typeof code === 'number' && code >= 400 && code < 600 ? code : undefined,
  };
}

/** An answer with an error status, whatever its body. */
export function readError(status: number, body: Buffer): UpstreamFailure {
  const text = body.toString('utf8');
  let told: ToldError | undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) told = errorIn(json) ?? detailIn(json);
  } catch {
    // Not JSON: a proxy's page, or nothing.
  }
  const plain = text.trim();
  const readable = plain !== '' && plain.length < 500 && !plain.startsWith('<') && !plain.startsWith('{');
  const message = readable ? plain : `The upstream answered with status ${status}.`;
  return { kind: 'status', ...(told ?? { message }), status };
}

function detailIn(json: object): ToldError | undefined {
  const { detail, message } = json as { detail?: unknown; message?: unknown };
  const words = detail ?? message;
  if (words === undefined || words === null) return undefined;
  return { message: typeof words === 'string' ? words : JSON.stringify(words).slice(0, 1000) };
}
