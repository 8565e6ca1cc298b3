import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inBandError, readMessagesUsage } from '../../../src/formats/anthropic-messages/wire.js';
import { readErrorBody } from '../../../src/formats/error-body.js';
import { noUsage } from '../../../src/formats/usage.js';
import { fixture } from '../../translate/openai-chat--anthropic-messages/calls.js';

const used = (fields: object) => ({ ...noUsage(), ...fields });

test('input, cache and output are disjoint kinds', () => {
  const wire = {
    input_tokens: 10,
    cache_read_input_tokens: 2000,
    cache_creation_input_tokens: 700,
    cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 200 },
    output_tokens: 30,
    output_tokens_details: { thinking_tokens: 20 },
  };
  assert.deepEqual(
    readMessagesUsage(wire),
    used({ input: 10, cache_read: 2000, cache_write_5m: 500, cache_write_1h: 200, output: 30, reasoning: 20 }),
  );
});

test('cache writes without lifetimes have the usual, shorter one', () => {
  const wire = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 700, cache_creation: null };
  assert.equal(readMessagesUsage(wire)?.cache_write_5m, 700);
});

test('a later report overwrites what it names and keeps the rest', () => {
  const first = readMessagesUsage({
    input_tokens: 43,
    cache_read_input_tokens: 5,
    cache_creation_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
    output_tokens: 1,
  });
  const outputOnly = readMessagesUsage({ output_tokens: 9 }, first);
  assert.deepEqual(outputOnly, used({ input: 43, cache_read: 5, cache_write_5m: 100, cache_write_1h: 200, output: 9 }));
  const all = { input_tokens: 61, cache_read_input_tokens: 0, cache_creation_input_tokens: 300, output_tokens: 12 };
  assert.deepEqual(
    readMessagesUsage(all, outputOnly),
    used({ input: 61, cache_write_5m: 100, cache_write_1h: 200, output: 12 }),
  );
  const nulls = {
    input_tokens: null,
    cache_read_input_tokens: null,
    cache_creation_input_tokens: null,
    output_tokens: 13,
  };
  assert.deepEqual(readMessagesUsage(nulls, outputOnly), { ...outputOnly, output: 13 });
});

test('a later report does not take back what an earlier one said', () => {
  const first = readMessagesUsage({ input_tokens: 1200, cache_read_input_tokens: 800, output_tokens: 1 });
  const zeros = readMessagesUsage({ input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 9 }, first);
  assert.deepEqual(zeros, used({ input: 1200, cache_read: 800, output: 9 }));
  assert.deepEqual(readMessagesUsage({ input_tokens: 0, output_tokens: 0 }, zeros), zeros);
  // Moved from one kind to another, and no more in all.
  const moved = readMessagesUsage({ input_tokens: 200, cache_read_input_tokens: 1800, output_tokens: 9 }, zeros);
  assert.deepEqual(moved, used({ input: 200, cache_read: 1800, output: 9 }));
});

test('a side that no report tells is named, until one does', () => {
  const first = readMessagesUsage({ input_tokens: null, output_tokens: 1 });
  assert.equal(first?.lacks, 'input');
  assert.equal(readMessagesUsage({ output_tokens: 5 }, first)?.lacks, 'input');
  assert.deepEqual(readMessagesUsage({ input_tokens: 7, output_tokens: 5 }, first), used({ input: 7, output: 5 }));
  assert.equal(readMessagesUsage({ input_tokens: 3, output_tokens: '9' })?.lacks, 'output');
});

test('numbers of any size are safe integers', () => {
  for (const huge of [2 ** 64, 1e300, Number.POSITIVE_INFINITY]) {
    const usage = readMessagesUsage({
      ...{ input_tokens: huge, output_tokens: huge, cache_read_input_tokens: huge, cache_creation_input_tokens: huge },
      ...{ cache_creation: { ephemeral_1h_input_tokens: huge, ephemeral_5m_input_tokens: huge } },
      output_tokens_details: { thinking_tokens: huge },
    });
    for (const value of Object.values(usage ?? {})) assert.ok(Number.isSafeInteger(value));
  }
});

test('cache writes that only the end reports, or that grow, are counted', () => {
  const first = readMessagesUsage({
    input_tokens: 1,
    output_tokens: 1,
    cache_creation: { ephemeral_1h_input_tokens: 200 },
  });
  const grown = readMessagesUsage({ output_tokens: 2, cache_creation_input_tokens: 250 }, first);
  assert.equal(grown?.cache_write_1h, 200);
  assert.equal(grown?.cache_write_5m, 50);
});

test('where lifetimes and total disagree, no written token is lost', () => {
  const cache_creation = { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 };
  const written = (total: number) =>
    readMessagesUsage({ input_tokens: 1, cache_creation, cache_creation_input_tokens: total });
  assert.deepEqual([written(0)?.cache_write_5m, written(0)?.cache_write_1h], [100, 200]);
  assert.deepEqual([written(350)?.cache_write_5m, written(350)?.cache_write_1h], [150, 200]);
});

test('no report is no usage, and does not undo an earlier one', () => {
  for (const wire of [undefined, null, 7, [], {}, { input_tokens: 'many' }]) {
    assert.equal(readMessagesUsage(wire), undefined);
    const before = used({ input: 3 });
    assert.equal(readMessagesUsage(wire, before), before);
  }
});

test('counts that are no counts are none', () => {
  const wire = {
    input_tokens: -5,
    output_tokens: 2.7,
    cache_read_input_tokens: '9',
    output_tokens_details: { thinking_tokens: 99 },
  };
  assert.deepEqual(readMessagesUsage(wire), used({ output: 2, reasoning: 2, lacks: 'input' }));
});

test('an error keeps its status, type and words', () => {
  assert.deepEqual(readErrorBody(529, fixture('error-overloaded.json')), {
    kind: 'status',
    status: 529,
    type: 'overloaded_error',
    message: 'Overloaded',
    code: null,
    param: null,
  });
  assert.equal(
    readErrorBody(400, fixture('error-invalid.json')).message,
    'tools.0.custom.input_schema.type: Field required',
  );
});

test('a spend limit is told from a rate limit by its code', () => {
  assert.equal(readErrorBody(429, fixture('error-rate-limit.json')).code, null);
  assert.equal(readErrorBody(429, fixture('error-spend-limit.json')).code, 'enforced_spend_limit_reached');
});

for (const [name, body, message] of [
  ['nothing', '', 'The upstream answered with status 502.'],
  ['a page', '<html><body>Bad gateway</body></html>', 'The upstream answered with status 502.'],
  ['a line of text', 'upstream connect error\n', 'upstream connect error'],
  ['JSON of another shape', '{"oops":true}', 'The upstream answered with status 502.'],
  ['half a body', '{"type":"error","err', 'The upstream answered with status 502.'],
  ['a flat error', '{"type":"error","message":"flat"}', 'flat'],
  [
    'an error without words',
    '{"type":"error","error":{"type":"api_error"}}',
    'The upstream reported an error without a message.',
  ],
  ['null', 'null', 'null'],
] as const) {
  test(`an error status with ${name} is told as: ${message}`, () => {
    const failure = readErrorBody(502, Buffer.from(body));
    assert.equal(failure.kind, 'status');
    assert.equal(failure.status, 502);
    assert.equal(failure.message, message);
  });
}

for (const [type, status] of [
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
  ['invented_error', undefined],
] as const) {
  test(`${type} in a running stream has the status ${status}`, () => {
    const failure = inBandError({ type: 'error', error: { type, message: 'words' } });
    assert.equal(failure?.kind, 'in_band');
    assert.equal(failure?.status, status);
    assert.equal(failure?.type, type);
  });
}

test('what tells of no error is none', () => {
  for (const body of [null, undefined, 'error', {}, { type: 'message' }, { error: null }, { error: {} }, { error: '' }])
    assert.equal(inBandError(body), undefined);
});

test('a faster service is a tier of its own; the standard speed is none', () => {
  const used = (more: object) => readMessagesUsage({ input_tokens: 1, output_tokens: 1, ...more })?.service_tier;
  assert.equal(used({ speed: 'fast', service_tier: 'standard' }), 'fast');
  assert.equal(used({ speed: 'standard', service_tier: 'priority' }), 'priority');
  assert.equal(used({ speed: 'standard', service_tier: 'standard' }), undefined);
});
