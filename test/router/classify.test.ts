/** The table of failures: what providers say, and what it means. The words are those that the APIs are documented to use. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { readErrorBody } from '../../src/formats/error-body.js';
import type { FailureClass, UpstreamFailure } from '../../src/formats/failure.js';
import { classify } from '../../src/router/classify.js';

type Row = readonly [is: FailureClass, status: number, error: Record<string, unknown>];

const chat: readonly Row[] = [
  ['rate_limit', 429, { message: 'Rate limit reached for gpt-4o', type: 'tokens', code: 'rate_limit_exceeded' }],
  ['rate_limit', 429, { message: 'Slow down', code: 'slow_down' }],
  ['rate_limit', 429, { message: 'Requests have exceeded the call rate limit', code: '429' }],
  ['rate_limit', 503, { message: 'Slow down', code: 'slow_down' }],
  ['rate_limit', 500, { message: 'wrapped', code: 'rate_limit_exceeded' }],
  ['rate_limit', 429, { message: 'x', type: 'insufficient_quota', code: 'rate_limit_exceeded' }],
  [
    'quota',
    429,
    { message: 'You exceeded your current quota', type: 'insufficient_quota', code: 'insufficient_quota' },
  ],
  ['quota', 429, { message: 'x', type: 'insufficient_quota', code: null }],
  ['quota', 429, { message: 'x', type: 'insufficient_quota', code: 'credit_balance_exhausted' }],
  ['quota', 403, { message: 'x', code: 'project_spend_limit_reached' }],
  ['quota', 402, { message: 'Payment required' }],
  ['overload', 503, { message: 'x', type: 'service_unavailable_error', code: 'server_is_overloaded' }],
  ['overload', 500, { message: 'x', type: 'service_unavailable_error' }],
  ['overload', 498, { message: 'capacity exceeded', code: 'capacity_exceeded' }],
  ['overload', 503, { message: 'x' }],
  ['transient', 500, { message: 'The server had an error', type: 'server_error' }],
  ['transient', 502, { message: 'x' }],
  ['transient', 520, { message: 'x' }],
  ['transient', 408, { message: 'x' }],
  ['context_window', 400, { message: 'x', code: 'context_length_exceeded' }],
  ['context_window', 400, { message: "This model's maximum context length is 8192 tokens. However, ...", code: null }],
  ['context_window', 400, { message: 'Input tokens exceed the configured limit of 272000 tokens.', code: null }],
  [
    'context_window',
    400,
    { message: 'the request exceeds the available context size', type: 'exceed_context_size_error' },
  ],
  ['context_window', 400, { message: 'Please reduce the length. Current length is 9000 while limit is 8192' }],
  [
    'caller',
    400,
    { message: "Invalid 'user': string too long. maximum context length", code: 'string_above_max_length' },
  ],
  ['content_policy', 400, { message: 'x', code: 'content_policy_violation' }],
  [
    'content_policy',
    400,
    { message: 'x', code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } },
  ],
  [
    'content_policy',
    400,
    { message: 'Invalid prompt: your prompt was flagged as potentially violating our usage policy.' },
  ],
  ['credential', 401, { message: 'Incorrect API key provided', code: 'invalid_api_key' }],
  ['credential', 403, { message: 'x' }],
  ['not_found', 404, { message: 'The model does not exist', code: 'model_not_found' }],
  ['not_found', 404, { message: 'The API deployment for this resource does not exist.', code: 'DeploymentNotFound' }],
  ['caller', 400, { message: 'Unsupported value', code: 'unsupported_value', param: 'temperature' }],
  ['content_policy', 403, { message: 'Your input was flagged', code: 403 }],
  ['not_found', 404, { message: 'The model `x` does not exist.', type: 'NotFoundError', code: 404 }],
  ['not_found', 404, { message: 'model "x" not found, try pulling it first' }],
  // Not the target, but something that the request refers to: it must not keep others from the target.
  ['caller', 404, { message: 'No such File object: file-abc', type: 'invalid_request_error', code: null }],
  ['caller', 409, { message: 'x' }],
  ['caller', 422, { message: 'x' }],
  ['caller', 413, { message: 'too large' }],
  // What a caller wrote comes back in messages and must not be taken for the provider's own word.
  [
    'caller',
    400,
    { message: 'Invalid value: "429 rate_limit_exceeded insufficient_quota overloaded"', code: 'invalid_value' },
  ],
  ['transient', 500, { message: 'maximum context length' }],
];

const messages: readonly Row[] = [
  ['rate_limit', 429, { type: 'rate_limit_error', message: 'This request would exceed your rate limit' }],
  ['rate_limit', 429, { type: 'rate_limit_error', message: 'x', details: { error_code: 'ramp_limit_exceeded' } }],
  ['quota', 429, { type: 'rate_limit_error', message: 'x', details: { error_code: 'enforced_spend_limit_reached' } }],
  ['quota', 429, { type: 'rate_limit_error', message: 'x', details: { error_code: 'contract_spend_limit_reached' } }],
  ['quota', 400, { type: 'invalid_request_error', message: 'You have reached your specified API usage limits. ...' }],
  [
    'quota',
    400,
    { type: 'invalid_request_error', message: 'You have reached your specified workspace API usage limits.' },
  ],
  ['quota', 400, { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API.' }],
  ['quota', 402, { type: 'billing_error', message: 'x' }],
  ['overload', 529, { type: 'overloaded_error', message: 'Overloaded' }],
  ['transient', 500, { type: 'api_error', message: 'Internal server error' }],
  ['transient', 504, { type: 'timeout_error', message: 'x' }],
  [
    'context_window',
    400,
    { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
  ],
  [
    'context_window',
    400,
    {
      type: 'invalid_request_error',
      message: 'input length and `max_tokens` exceed context limit: 199000 + 20000 > 200000',
    },
  ],
  ['context_window', 413, { type: 'request_too_large', message: 'Request exceeds the maximum size' }],
  ['content_policy', 400, { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' }],
  ['credential', 401, { type: 'authentication_error', message: 'invalid x-api-key' }],
  ['credential', 403, { type: 'permission_error', message: 'x' }],
  ['not_found', 404, { type: 'not_found_error', message: 'model: claude-9' }],
  ['caller', 404, { type: 'not_found_error', message: 'File not found: file_01 model: x' }],
  ['caller', 400, { type: 'invalid_request_error', message: 'messages: roles must alternate' }],
];

const name = ([is, status, error]: Row) => `${status} ${JSON.stringify(error).slice(0, 90)} is ${is}`;

describe('the chat dialect', () => {
  for (const type of ['openai', 'openai-compatible', 'sandbox']) {
    const { failures } = providers[type]!;
    for (const row of chat) {
      test(`${type}: ${name(row)}`, () => {
        const [is, status, error] = row;
        assert.equal(classify(readErrorBody(status, Buffer.from(JSON.stringify({ error }))), failures), is);
      });
    }
  }
});

describe('the messages dialect', () => {
  const { failures } = providers['anthropic']!;
  for (const row of messages) {
    test(name(row), () => {
      const [is, status, error] = row;
      const body = Buffer.from(JSON.stringify({ type: 'error', error }));
      assert.equal(classify(readErrorBody(status, body), failures), is);
    });
  }
});

test('what is no answer at all may work the next time', () => {
  for (const kind of ['connect', 'timeout', 'cut', 'garbage'] as const) {
    const failure: UpstreamFailure = { kind, message: 'prompt is too long', status: 504 };
    for (const { failures } of Object.values(providers)) assert.equal(classify(failure, failures), 'transient', kind);
  }
});

test('an error inside a stream is classified by its words, and without any it may work the next time', () => {
  const { failures } = providers['anthropic']!;
  const told = (type: string, status?: number): UpstreamFailure => ({ kind: 'in_band', message: 'x', type, status });
  assert.equal(classify(told('overloaded_error', 529), failures), 'overload');
  assert.equal(classify(told('rate_limit_error', 429), failures), 'rate_limit');
  assert.equal(classify(told('odd'), failures), 'transient');
});

test('a page of a proxy in between means what its status means', () => {
  const page = Buffer.from('<html>insufficient_quota</html>');
  assert.equal(classify(readErrorBody(429, page), providers['openai']!.failures), 'rate_limit');
  assert.equal(classify(readErrorBody(502, page), providers['openai']!.failures), 'transient');
});
