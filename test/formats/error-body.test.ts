/** Errors in every form in which they come: what is read of each. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { errorIn, readErrorBody, type ToldError } from '../../src/formats/error-body.js';

type Row = readonly [what: string, status: number, body: unknown, told: Partial<ToldError>];

const google = (more: object) => ({
  code: 429,
  message: 'You exceeded your current quota.',
  status: 'RESOURCE_EXHAUSTED',
  ...more,
});
const retryInfo = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' };
const quotaFailure = (quotaId: string) => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaMetric: 'x', quotaId }],
});

const rows: readonly Row[] = [
  [
    'the usual form',
    400,
    { error: { message: 'Too hot.', type: 'invalid_request_error', param: 'temperature', code: 'invalid_value' } },
    { message: 'Too hot.', type: 'invalid_request_error', param: 'temperature', code: 'invalid_value' },
  ],
  ['a text', 404, { error: "model 'x' not found" }, { message: "model 'x' not found", code: null }],
  [
    'a text beside a code',
    400,
    { code: 'invalid-argument', error: 'Bad.' },
    { message: 'Bad.', code: 'invalid-argument' },
  ],
  [
    'a text beside a code that is a sentence',
    403,
    { code: 'The caller does not have permission', error: 'No.' },
    { message: 'No.', code: null, more: 'The caller does not have permission' },
  ],
  ['a text beside its type', 422, { error: 'Input is bad.', error_type: 'validation' }, { type: 'validation' }],
  [
    'a flat form',
    400,
    { object: 'error', message: 'Flat.', type: 'BadRequestError', code: 400 },
    { message: 'Flat.', type: 'BadRequestError', code: null },
  ],
  ['a message alone', 401, { message: 'invalid api token' }, { message: 'invalid api token', type: undefined }],
  [
    'a message of AWS',
    403,
    { Message: 'Denied.', __type: 'com.amazon#AccessDeniedException' },
    { message: 'Denied.', type: 'AccessDeniedException' },
  ],
  [
    'a status code of its own',
    401,
    { statusCode: 401, message: 'Unauthorized.' },
    { message: 'Unauthorized.', code: null },
  ],
  [
    'an error code beside a message',
    400,
    { error_code: 'BAD_REQUEST', message: 'Bad.' },
    { message: 'Bad.', code: 'BAD_REQUEST' },
  ],
  ['a detail', 404, { detail: 'Not Found' }, { message: 'Not Found', type: undefined, code: null }],
  [
    'a list of details',
    422,
    {
      detail: [
        { loc: ['body', 'messages', 0, 'role'], msg: 'Field required', type: 'missing' },
        { loc: ['body', 'n'], msg: 'Too many' },
      ],
    },
    { message: 'messages.0.role: Field required; n: Too many', param: 'messages.0.role' },
  ],
  [
    'a detail inside the message',
    422,
    {
      object: 'error',
      message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'foo'], msg: 'Extra inputs are not permitted' }] },
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
    { message: 'foo: Extra inputs are not permitted', param: 'foo', code: null, type: 'invalid_request_error' },
  ],
  ['an object as detail', 400, { detail: { error: { message: 'Deep.' } } }, { message: 'Deep.' }],
  ['an object without words', 400, { detail: { reason: 7 } }, { message: '{"reason":7}' }],
  ['a list of errors', 400, { errors: [{ message: 'One.' }, { message: 'Two.' }] }, { message: 'One.; Two.' }],
  [
    'a problem document',
    400,
    { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'Why.' },
    { message: 'Why.' },
  ],
  [
    "Google's, in a list, with the time to wait",
    429,
    [{ error: google({ details: [quotaFailure('GenerateRequestsPerDayPerProject'), retryInfo] }) }],
    { type: 'RESOURCE_EXHAUSTED', code: null, retryAfterMs: 34_400, more: 'GenerateRequestsPerDayPerProject' },
  ],
  [
    "Google's reason",
    400,
    {
      error: {
        code: 400,
        message: 'API key not valid.',
        status: 'INVALID_ARGUMENT',
        details: [{ reason: 'API_KEY_INVALID' }],
      },
    },
    { type: 'INVALID_ARGUMENT', code: null, more: 'API_KEY_INVALID' },
  ],
  [
    'a code of two places',
    429,
    {
      type: 'error',
      error: { type: 'rate_limit_error', message: 'x', details: { error_code: 'spend_limit_reached' } },
    },
    { code: 'spend_limit_reached', type: 'rate_limit_error' },
  ],
  [
    'an inner code',
    400,
    { error: { message: 'x', code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    { code: 'content_filter', more: 'ResponsibleAIPolicyViolation' },
  ],
  [
    'what the provider behind a router said',
    429,
    {
      error: {
        message: 'Provider returned error',
        code: 429,
        metadata: { raw: 'x is temporarily rate-limited upstream' },
      },
    },
    { message: 'Provider returned error', code: null, more: 'x is temporarily rate-limited upstream' },
  ],
  ['a number of its own as the code', 400, { error: { message: 'x', code: 1261 } }, { code: '1261' }],
  ['a number in a text as the code', 400, { error: { message: 'x', code: '1113' } }, { code: '1113' }],
  ['a status in a text as the code', 429, { error: { message: 'x', code: '429' } }, { code: null }],
  ['a code that is null', 400, { error: { message: 'x', code: null } }, { code: null }],
  ['a code that is an object', 400, { error: { message: 'x', code: { a: 1 } } }, { code: null }],
  [
    'no words at all',
    500,
    { error: { type: 'api_error' } },
    { message: 'The upstream reported an error without a message.', type: 'api_error' },
  ],
  ['JSON of another form', 502, { oops: true }, { message: 'The upstream answered with status 502.' }],
  ['an empty list', 502, [], { message: 'The upstream answered with status 502.' }],
  ['nothing', 503, '', { message: 'The upstream answered with status 503.' }],
  ['a text', 503, 'upstream connect error', { message: 'upstream connect error' }],
  ['a long text', 503, 'x'.repeat(900), { message: 'x'.repeat(500) }],
  [
    'a page',
    502,
    '<html><head><TITLE>502 Bad Gateway</TITLE></head><body>long</body></html>',
    { message: 'The upstream answered with status 502 and a page: 502 Bad Gateway.' },
  ],
  [
    'a page without a title',
    500,
    '<!doctype html><p>insufficient_quota</p>',
    { message: 'The upstream answered with status 500.' },
  ],
  [
    'JSON that was cut',
    400,
    '{"error":{"message":"maximum context length',
    { message: 'The upstream answered with status 400.', more: '{"error":{"message":"maximum context length' },
  ],
  [
    'a wait in words',
    429,
    { error: { message: 'Rate limit reached. Please try again in 1m2.5s.' } },
    { retryAfterMs: 62_500 },
  ],
  ['a wait in seconds', 429, { error: { message: 'Please retry after 6 seconds.' } }, { retryAfterMs: 6_000 }],
  ['a wait in milliseconds', 503, 'try again in 250ms', { retryAfterMs: 250 }],
  [
    'a wait in the words of an error of the request',
    400,
    { error: { message: 'try again in 250ms' } },
    { retryAfterMs: undefined },
  ],
];

describe('an error status', () => {
  for (const [what, status, body, told] of rows) {
    test(`with ${what}`, () => {
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const failure = readErrorBody(status, bytes);
      assert.equal(failure.kind, 'status');
      assert.equal(failure.status, status);
      const read = Object.fromEntries(Object.keys(told).map((name) => [name, failure[name as keyof ToldError]]));
      assert.deepEqual(read, told);
    });
  }

  test('whatever comes, is an error with a message of bounded length, and a code that is text or none', () => {
    const json = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.jsonValue().map((error) => JSON.stringify({ error })),
      fc
        .record({ message: fc.jsonValue(), code: fc.jsonValue(), type: fc.jsonValue(), details: fc.jsonValue() })
        .map((error) => JSON.stringify([{ error }])),
      fc.string(),
    );
    fc.assert(
      fc.property(json, fc.integer({ min: 300, max: 599 }), (text, status) => {
        const { message, code, more, retryAfterMs } = readErrorBody(status, Buffer.from(text));
        assert.ok(message.length > 0 && message.length <= 16_000);
        assert.ok(code === undefined || code === null || (typeof code === 'string' && code.length <= 500));
        assert.ok((more ?? '').length <= 1_000);
        assert.ok(retryAfterMs === undefined || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an error beside status 200', () => {
  for (const body of [
    {},
    [],
    null,
    'error',
    7,
    { error: '' },
    { error: null },
    { error: {} },
    { error: { code: null } },
    { detail: 'x' },
    { message: 'x' },
    { base_resp: { status_code: 0, status_msg: 'success' } },
  ]) {
    test(`${JSON.stringify(body)} tells of none`, () => assert.equal(errorIn(body), undefined));
  }
  for (const [body, message, more] of [
    [{ error: 'Broken.' }, 'Broken.', {}],
    [[{ error: { message: 'Broken.', code: 503 } }], 'Broken.', { status: 503, code: null }],
    [{ error: { message: 'Pay.', code: 402 } }, 'Pay.', { status: 402 }],
    [
      { base_resp: { status_code: 1008, status_msg: 'insufficient balance' } },
      'insufficient balance',
      { code: '1008', type: 'base_resp' },
    ],
  ] as const) {
    test(`${JSON.stringify(body)} tells of one`, () => {
      const told = errorIn(body)!;
      assert.equal(told.message, message);
      for (const [name, value] of Object.entries(more)) assert.equal(told[name as keyof ToldError], value);
    });
  }
});
