/**
 * A provider that answers by itself: no key, no network, the same answer for the same request. Directives in the last
 * user message tell it to misbehave, so that a client's handling can be tried: `[delay=500ms]` before the first byte,
 * `[pace=50ms]` between words, `[status=503]` an error, `[cut=5]` a connection lost after five words, `[words=200]`
 * the length of the answer. Usage is a quarter of the bytes, rounded up.
 *
 * The last text that is to be embedded may tell it to be late or to fail, too. Its vectors are counts of words, spread over
 * the dimensions by a hash and brought to length one: texts that share words are near to each other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chatFailures } from '../src/formats/openai-chat/failures.js';
import { ofLengthOne, vectorJson } from '../src/formats/openai-embeddings/vectors.js';
import { sseEvent } from '../src/formats/sse.js';
import type { LocalAnswer, LocalRequest, ProviderType } from '../src/provider/provider-type.js';
import { unsigned } from '../src/provider/signers.js';

interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

interface Request {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly Message[];
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

const LOREM = 'the toll is paid and the gate is open so the answer passes on its way'.split(' ');
const CREATED = 1_760_000_000;
const PATHS = { 'openai-chat': '/chat/completions', 'openai-embeddings': '/embeddings' };
const DIMENSIONS = 256;
const MOST_DIMENSIONS = 4096;

const answer = (request: LocalRequest): Promise<LocalAnswer> =>
  request.path.endsWith(PATHS['openai-embeddings']) ? embed(request) : chat(request);

async function chat({ body, signal }: LocalRequest): Promise<LocalAnswer> {
  const request = JSON.parse(body.toString('utf8')) as Request;
  const prompt = lastUserText(request.messages);
  const told = directives(prompt);
  if (told.delayMs > 0) await sleep(told.delayMs, undefined, { signal });
  if (told.status !== null) return failing(told.status);
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const all = words(prompt, told.words);
  const said = all.slice(0, Math.max(1, Math.floor(limit)));
  const finish = said.length < all.length ? 'length' : 'stop';
  const base = { id: `chatcmpl-sandbox-${tokensIn(prompt)}`, created: CREATED, model: request.model };
  const usage = usageOf(request.messages, said.length);
  if (request.stream !== true) {
    const message = { role: 'assistant', content: said.join(''), refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }];
    const whole = JSON.stringify({ ...base, object: 'chat.completion', choices, usage });
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: pieces([Buffer.from(whole)], told, signal),
    };
  }
  const chunk = (delta: object, finish_reason: string | null) =>
    sseEvent(
      JSON.stringify({
        ...base,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, logprobs: null, finish_reason }],
        usage: null,
      }),
    );
  const events = [
    chunk({ role: 'assistant', content: '', refusal: null }, null),
    ...said.map((word) => chunk({ content: word }, null)),
    chunk({}, finish),
    sseEvent(JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [], usage })),
    sseEvent('[DONE]'),
  ];
  return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: pieces(events, told, signal) };
}

interface EmbeddingsRequest {
  readonly model: string;
  /** One text or several; a text may come as tokens. */
  readonly input: string | readonly (string | number | readonly number[])[];
  readonly encoding_format?: string | null;
  readonly dimensions?: number | null;
}

async function embed({ body, signal }: LocalRequest): Promise<LocalAnswer> {
  const { model, input, encoding_format, dimensions } = JSON.parse(body.toString('utf8')) as EmbeddingsRequest;
  const items = typeof input === 'string' || typeof input[0] === 'number' ? [input as string | number[]] : input;
  const last = items.at(-1);
  const told = directives(typeof last === 'string' ? last : '');
  if (told.delayMs > 0) await sleep(told.delayMs, undefined, { signal });
  if (told.status !== null) return failing(told.status);
  const format = encoding_format === 'base64' ? 'base64' : 'float';
  const length = Math.min(dimensions ?? DIMENSIONS, MOST_DIMENSIONS);
  const data = items.map((item, index) => {
    const parts = typeof item === 'string' ? item.toLowerCase().match(/[\p{L}\p{N}]+/gu) : [item].flat().map(String);
    return `{"object":"embedding","index":${index},"embedding":${vectorJson(vectorOf(parts ?? [], length), format)}}`;
  });
  const tokens = items.reduce(
    (sum: number, item) => sum + (typeof item === 'string' ? tokensIn(item) : [item].flat().length),
    0,
  );
  const rest = JSON.stringify({ model, usage: { prompt_tokens: tokens, total_tokens: tokens } }).slice(1);
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: once(Buffer.from(`{"object":"list","data":[${data.join(',')}],${rest}`)),
  };
}

function vectorOf(parts: readonly string[], length: number): Float32Array {
  const counts = new Float32Array(length);
  for (const part of parts) {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(part)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    counts[(hash >>> 1) % length]! += hash & 1 ? 1 : -1;
  }
  counts[0]! += 0.01; // a text without words has a direction too
  return ofLengthOne(counts) ?? counts;
}

interface Told {
  readonly delayMs: number;
  readonly paceMs: number;
  readonly status: number | null;
  readonly cutAfter: number | null;
  readonly words: number | null;
}

function directives(text: string): Told {
  const find = (name: string): number | null => {
    const match = new RegExp(`\\[${name}=(\\d{1,6})(ms|s)?\\]`).exec(text);
    return match ? Number(match[1]) * (match[2] === 's' ? 1000 : 1) : null;
  };
  const status = find('status');
  return {
    delayMs: find('delay') ?? 0,
    paceMs: find('pace') ?? 0,
    status: status !== null && status >= 400 && status < 600 ? status : null,
    cutAfter: find('cut'),
    words: find('words'),
  };
}

async function* pieces(events: readonly Buffer[], told: Told, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let i = 0; i < events.length; i++) {
    if (told.cutAfter !== null && i > told.cutAfter) throw new Error('cut, as told');
    if (i > 0 && told.paceMs > 0) await sleep(told.paceMs, undefined, { signal });
    yield events[i]!;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function failing(status: number): LocalAnswer {
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'api_error';
  const error = { message: `The sandbox was told to answer with ${status}.`, type, param: null, code: null };
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: once(Buffer.from(JSON.stringify({ error }))),
  };
}

function words(prompt: string, length: number | null): string[] {
  if (length !== null) return Array.from({ length }, (_, i) => (i === 0 ? '' : ' ') + LOREM[i % LOREM.length]!);
  const heard = prompt.trim() === '' ? 'nothing' : `"${prompt.trim().slice(0, 200)}"`;
  return `This is the sandbox. It heard ${heard} and answers the same each time.`.split(/(?<=\s)/);
}

function lastUserText(messages: readonly Message[]): string {
  return textOf(messages.findLast(({ role }) => role === 'user')?.content);
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : '')).join(' ');
}

const tokensIn = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);

function usageOf(messages: readonly Message[], completion: number) {
  const prompt = messages.reduce((sum, { content }) => sum + 3 + tokensIn(textOf(content)), 3);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}

export const sandbox = {
  type: 'sandbox',
  baseUrl: 'http://sandbox.invalid',
  speaks: PATHS,
  auth: unsigned,
  catalogue: null,
  failures: chatFailures,
  limitHeaders: [],
  counting: () => ({ encoding: 'quarter_bytes', factor: 1, exact: true }),
  local: answer,
} satisfies ProviderType;
