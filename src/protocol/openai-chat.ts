/**
 * A chat completion carried to a target that speaks the same dialect: the caller's bytes go out with only `model` and the
 * asked-for usage changed, and the upstream's bytes come back untouched but for usage that the client did not ask for.
 */
import type { Exchange, WholeAnswer } from './exchange.js';
import type { UpstreamFailure } from './failure.js';
import { jsonFields, splice } from './json-fields.js';
import type { ChatRequest } from './openai-chat-request.js';
import { OpenAiChatStream } from './openai-chat-stream.js';
import { readChatUsage } from './openai-chat-usage.js';

export function openaiChatToOpenaiChat(call: ChatRequest, model: string): Exchange {
  return {
    body: requestBody(call, model),
    dropped: [],
    answer: readAnswer,
    stream: () => new OpenAiChatStream(call.askedUsage, call.n),
    failure: readError,
  };
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

function requestBody(call: ChatRequest, model: string): Buffer {
  const edits: Edit[] = [];
  const askUsage = call.stream && !call.askedUsage;
  let hasOptions = false;
  for (const { name, valueStart, valueEnd } of call.fields.fields) {
    if (name === 'model') edits.push({ start: valueStart, end: valueEnd, with: JSON.stringify(model) });
    if (name !== 'stream_options') continue;
    hasOptions = true;
    if (askUsage) edits.push(withUsage(call.body, valueStart, valueEnd));
  }
  if (askUsage && !hasOptions) {
    const at = call.fields.end;
    edits.push({ start: at, end: at, with: ',"stream_options":{"include_usage":true}' });
  }
  return splice(call.body, edits);
}

/** The edit that makes `stream_options` ask for usage and keeps what else it says. */
function withUsage(body: Buffer, start: number, end: number): Edit {
  const found = jsonFields(body.subarray(start, end));
  if (!found || found.fields.length === 0) return { start, end, with: '{"include_usage":true}' };
  const field = found.fields.findLast(({ name }) => name === 'include_usage');
  if (field) return { start: start + field.valueStart, end: start + field.valueEnd, with: 'true' };
  return { start: start + found.end, end: start + found.end, with: ',"include_usage":true' };
}

interface WireCompletion {
  model?: unknown;
  choices?: unknown;
  usage?: unknown;
  error?: unknown;
}

function readAnswer(body: Buffer): WholeAnswer {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return {
      ok: false,
      failure: { kind: 'garbage', message: 'The upstream answered with something that is not JSON.' },
    };
  }
  const completion = (typeof json === 'object' ? json : null) as WireCompletion | null;
  const told = completion && errorIn(completion);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told } };
  if (!Array.isArray(completion?.choices)) {
    return {
      ok: false,
      failure: { kind: 'garbage', message: 'The upstream answered with JSON that is not a chat completion.' },
    };
  }
  const choices: unknown[] = completion.choices;
  return {
    ok: true,
    body,
    usage: readChatUsage(completion.usage),
    servedModel: typeof completion.model === 'string' ? completion.model : undefined,
    text: () => choices.map((choice) => textOf((choice as { message?: unknown } | null)?.message)).join(''),
  };
}

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
