/** The gateway's own words in the messages dialect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messagesErrors } from '../../../src/formats/anthropic-messages/errors.js';
import { type ErrorCode, type Refusal, refuse } from '../../../src/lib/errors.js';

interface Told {
  readonly type: string;
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id: string;
}

const told = (refusal: Refusal): Told => JSON.parse(messagesErrors.body(refusal, 'req_1').toString()) as Told;
const typeOf = (code: ErrorCode, more: Partial<Refusal> = {}) => told({ ...refuse(code, 'words'), ...more }).error.type;

test('an error has its shape, and the id of the request', () => {
  assert.deepEqual(told(refuse('invalid_json', 'It is no JSON.')), {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'It is no JSON.' },
    request_id: 'req_1',
  });
});

test('each kind of refusal has its type', () => {
  const types: [ErrorCode, string][] = [
    ['invalid_value', 'invalid_request_error'],
    ['invalid_api_key', 'authentication_error'],
    ['model_not_allowed', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['conflict', 'conflict_error'],
    ['request_too_large', 'request_too_large'],
    ['request_timeout', 'timeout_error'],
    ['unsupported_media_type', 'invalid_request_error'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['budget_exceeded', 'billing_error'],
    ['internal_error', 'api_error'],
    ['upstream_error', 'api_error'],
    ['upstream_account_error', 'api_error'],
    ['overloaded', 'overloaded_error'],
    ['upstream_timeout', 'timeout_error'],
  ];
  for (const [code, type] of types) assert.equal(typeOf(code), type, code);
});

test('the type of an upstream that speaks the dialect is told on, and that of another one is not', () => {
  const upstream = (type: string, status = 400) => ({ upstream: { status, type } });
  assert.equal(typeOf('invalid_value', upstream('conflict_error', 409)), 'conflict_error');
  assert.equal(typeOf('rate_limit_exceeded', upstream('tokens', 429)), 'rate_limit_error');
  assert.equal(typeOf('invalid_value', upstream('BadRequestError')), 'invalid_request_error');
});

test('the code of an upstream is told on, and a thread that cannot be kept in the words that clients go by', () => {
  const details = (refusal: Refusal) => (told(refusal).error as { details?: object }).details;
  const upstream = { status: 400, type: 'invalid_request_error', code: 'thread_not_found' };
  assert.deepEqual(details(refuse('invalid_value', 'x', { upstream })), { error_code: 'thread_not_found' });
  assert.equal(details(refuse('invalid_value', 'x', { param: 'thread' })), undefined);
  assert.deepEqual(details(refuse('unsupported_parameter', 'x', { param: 'thread' })), {
    error_code: 'thread_unsupported_request',
    unsupported: ['thread'],
  });
});

test('the field that is at fault stands in front', () => {
  const message = (words: string, param: string) => told(refuse('invalid_value', words, { param })).error.message;
  assert.equal(message("'tools.0.name' must be a text.", 'tools.0.name'), 'tools.0.name: must be a text.');
  assert.equal(message('max_tokens: Field required', 'max_tokens'), 'max_tokens: Field required');
  assert.equal(message("The model 'x' does not exist.", 'model'), "model: The model 'x' does not exist.");
});

test('a prompt that is too long is told in the words that clients look for, with both numbers where they are known', () => {
  const message = (words: string) => told(refuse('context_length_exceeded', words)).error.message;
  assert.match(
    message("This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."),
    /^prompt is too long: 9001 tokens > 8192 maximum\. This model/,
  );
  assert.match(message('Input too long for 1 model.'), /^prompt is too long: Input too long/);
  const own = 'prompt is too long: 210000 tokens > 200000 maximum';
  assert.equal(message(own), own);
});

test('an error in a stream is an event, and what keeps a stream alive is a ping', () => {
  const event = messagesErrors.event(refuse('upstream_error', 'gone'), 'req_1').toString();
  assert.match(
    event,
    /^event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"gone"\},"request_id":"req_1"\}\n\n$/,
  );
  assert.equal(messagesErrors.keepAlive.toString(), 'event: ping\ndata: {"type": "ping"}\n\n');
});
