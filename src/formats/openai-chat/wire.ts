/** What an answer in the chat dialect says beside its bytes: the text that was generated, and the errors in it. */
import type { UpstreamFailure } from '../failure.js';

/** All text of a message or a delta that was generated: content, reasoning, refusal, tool names and arguments. */
export function textOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) return '';
  const wire = message as Record<string, unknown>;
  let text = '';
  for (const name of ['reasoning_content', 'reasoning', 'content', 'refusal']) {
    if (typeof wire[name] === 'string') text += wire[name];
  }
  if (!Array.isArray(wire['tool_calls'])) return text;
  for (const call of wire['tool_calls'] as ({ function?: Record<string, unknown> } | null)[]) {
    const { name, arguments: args } = call?.function ?? {};
    if (typeof name === 'string') text += name;
    if (typeof args === 'string') text += args;
  }
  return text;
}

type ToldError = Omit<UpstreamFailure, 'kind'>;

/**
 * The error that a body tells of, in any of the shapes in use: `{error: {...}}`, `{error: "..."}`, flat
 * `{object: "error", message}` (vLLM) and `{detail}` (FastAPI). Undefined where it tells of none.
 */
export function errorIn(body: object): ToldError | undefined {
  const wire = body as Record<string, unknown>;
  const error = wire['error'];
  if (typeof error === 'string') return { message: error };
  if (typeof error === 'object' && error !== null) return toldBy(error as Record<string, unknown>);
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
