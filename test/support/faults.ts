/** What an upstream can do wrong, by name: for the table of faults, and for whoever needs a fault on request. */
import { setTimeout as sleep } from 'node:timers/promises';
import { contentChunk, event } from './openai-answers.js';
import { faithful } from './upstream.js';
import type { Received, Step } from './upstream-steps.js';
import * as does from './upstream-steps.js';

const DONE = 'data: [DONE]\n\n';
const roleChunk = event({
  id: 'c',
  choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
});
const whole = (text: string) =>
  JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  });

/** A delay as it is spread in the wild: of each hundred, so many are longer than `p50`, `p90`, `p99`. */
export function percentileMs(
  of: { readonly p50: number; readonly p90: number; readonly p99: number },
  random: () => number,
): number {
  const at = random();
  const between = (from: number, to: number, share: number) => from + (to - from) * share;
  if (at < 0.5) return between(0, of.p50, at / 0.5);
  if (at < 0.9) return between(of.p50, of.p90, (at - 0.5) / 0.4);
  return between(of.p90, of.p99, Math.min(1, (at - 0.9) / 0.09));
}

export const delayed =
  (ms: () => number) =>
  (request: Received): readonly Step[] => [
    async ({ left }) => {
      await sleep(ms(), undefined, { signal: left }).catch(() => {});
    },
    ...faithful(request),
  ];

/** The request streams. */
const streams = (request: Received): boolean => request.json()['stream'] === true;

/** By what is asked for: a stream's steps, or a whole answer's. */
const either =
  (stream: readonly Step[], other: readonly Step[]) =>
  (request: Received): readonly Step[] =>
    streams(request) ? stream : other;

const jsonHead = (length?: number): Step =>
  does.head(200, { 'content-type': 'application/json', ...(length === undefined ? {} : { 'content-length': length }) });

const limited = (headers: Record<string, string>, code = 'rate_limit_exceeded') =>
  does.openaiError(429, { message: 'Rate limit reached.', type: 'requests', code }, headers);

/** Name -> what the upstream does. */
export const faults: Readonly<Record<string, (request: Received) => readonly Step[]>> = {
  none: faithful,
  slow: delayed(() => 120),
  spread: delayed(() => percentileMs({ p50: 5, p90: 40, p99: 150 }, Math.random)),
  drip: (request) =>
    streams(request)
      ? [does.head(200, does.sseHeaders), does.writeInPieces(contentChunk('drop', 'stop') + DONE, 9, 2)]
      : [jsonHead(), does.writeInPieces(whole('drop'), 9, 2)],
  'huge-chunk': either(
    does.sse(contentChunk('x'.repeat(3 * 1024 * 1024), 'stop'), DONE),
    does.json(200, whole('x'.repeat(6 * 1024 * 1024))),
  ),

  'reset-before-headers': () => [does.reset],
  'cut-before-headers': () => [does.cut],
  'reset-after-headers': either(
    [does.head(200, does.sseHeaders), does.pause(20), does.reset],
    [jsonHead(), does.pause(20), does.reset],
  ),
  'cut-before-content': either(does.sse(roleChunk, does.pause(20), does.cut), [
    jsonHead(500),
    does.write('{"id":'),
    does.pause(20),
    does.cut,
  ]),
  'ends-before-content': either(does.sse(roleChunk), does.json(200, '')),
  'error-before-content': either(
    does.sse(roleChunk, event({ error: { message: 'Broken.', type: 'server_error', code: 'broken' } })),
    does.json(200, { error: { message: 'Broken.', type: 'server_error', code: 'broken' } }),
  ),
  garbage: either(does.sse('data: <oops>\n\n'), does.json(200, '{"choices": [oops')),
  'wrong-content-type': () => does.html(200),
  'not-http': () => [does.raw('SSH-2.0-OpenSSH_9.2\r\n\r\n'), does.stall],
  'stall-before-headers': () => [does.stall],
  'stall-before-content': either(does.sse(roleChunk, does.stall), [jsonHead(), does.write('{'), does.stall]),

  'cut-after-content': () => does.sse(contentChunk('Half an ans'), does.pause(20), does.cut),
  'stall-after-content': () => does.sse(contentChunk('Half an ans'), does.stall),
  'error-after-content': () =>
    does.sse(
      contentChunk('Half an ans'),
      does.pause(20),
      event({ error: { message: 'Broken.', type: 'server_error', code: 'broken' } }),
    ),
  'garbage-after-content': () => does.sse(contentChunk('Half an ans'), does.pause(20), 'data: oops\n\n'),

  '429-soon': () => limited({ 'retry-after-ms': '60' }),
  '429-seconds': () => limited({ 'retry-after': '1' }),
  '429-date': () => limited({ 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }),
  '429-long': () => limited({ 'retry-after': '3600' }),
  '429-reset': () => limited({ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1h2m' }),
  '429-bare': () => limited({}),
  '429-page': () => does.html(429, '<html>Too many requests</html>'),
  '429-quota': () => limited({}, 'insufficient_quota'),
  '402-billing': () => does.openaiError(402, { message: 'Pay first.' }),

  '500': () => does.openaiError(500, { message: 'The server had an error.', type: 'server_error' }),
  '502-page': () => does.html(502),
  '503': () =>
    does.openaiError(503, { message: 'Overloaded.', type: 'service_unavailable_error', code: 'server_is_overloaded' }),
  '503-later': () => does.openaiError(503, { message: 'Down.', type: 'server_error' }, { 'retry-after': '120' }),
  '520-page': () => does.html(520),

  '400': () => does.openaiError(400, { message: 'That is too hot.', code: 'invalid_value', param: 'temperature' }),
  '400-context': () =>
    does.openaiError(400, { message: 'maximum context length is 8192 tokens', code: 'context_length_exceeded' }),
  '400-policy': () => does.openaiError(400, { message: 'Not that.', code: 'content_policy_violation' }),
  '401': () => does.openaiError(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }),
  '403': () => does.openaiError(403, { message: 'Not for this project.', code: 'permission_denied' }),
  '404-page': () => does.html(404, '<html><title>404 Not Found</title></html>'),
  '500-stalls': () => [
    does.head(500, { 'content-type': 'application/json', 'content-length': 500 }),
    does.write('{"error":{"message":"Half'),
    does.stall,
  ],
  '429-stalls': () => [does.head(429, { 'content-type': 'application/json', 'retry-after': '1' }), does.stall],
  '404-model': () => does.openaiError(404, { message: 'The model does not exist.', code: 'model_not_found' }),
  '422': () => does.openaiError(422, { message: 'No.' }),

  filtered: either(
    does.sse(
      roleChunk,
      event({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'content_filter' }] }),
      event({ id: 'c', choices: [], usage: { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 } }),
      DONE,
    ),
    does.json(200, {
      id: 'c',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'content_filter' }],
      usage: { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 },
    }),
  ),
};

const anthropicLimited = (headers: Record<string, string>, details?: object) =>
  does.json(
    429,
    { type: 'error', error: { type: 'rate_limit_error', message: 'Rate limited.', ...(details && { details }) } },
    { 'request-id': 'req_upstream', ...headers },
  );

/** The same for the messages dialect, where its words differ. */
export const anthropicFaults: Readonly<Record<string, (request: Received) => readonly Step[]>> = {
  none: faithful,
  '429-seconds': () => anthropicLimited({ 'retry-after': '1' }),
  '429-reset': () =>
    anthropicLimited({
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': new Date(Date.now() + 3_600_000).toISOString(),
    }),
  '429-spend': () => anthropicLimited({}, { error_code: 'enforced_spend_limit_reached' }),
  '529': () => does.anthropicError(529, 'overloaded_error', 'Overloaded'),
  '500': () => does.anthropicError(500, 'api_error', 'Internal server error'),
  '400': () => does.anthropicError(400, 'invalid_request_error', 'messages: roles must alternate'),
  '400-context': () =>
    does.anthropicError(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
};

/** The fault that a request's model names after its last dot: `pair.429-soon`. */
export const faultOf =
  (table: typeof faults) =>
  (request: Received): readonly Step[] => {
    const name = String(request.json()['model']);
    const fault = table[name.slice(name.lastIndexOf('.') + 1)];
    return fault
      ? fault(request)
      : does.openaiError(404, { message: `There is no fault ${name}.`, code: 'no_such_fault' });
  };
