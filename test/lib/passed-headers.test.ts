import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cannotPass, passedHeaders, withPassed } from '../../src/lib/passed-headers.js';

for (const name of [
  ...['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-auth-token'],
  ...['x-amz-security-token', 'x-client-secret', 'x-csrf-token', 'x-access-key', 'x-apikey', 'www-authenticate'],
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-connection', 'expect'],
  ...['host', 'content-length', 'content-type', 'content-encoding', 'accept', 'accept-encoding', 'user-agent'],
  ...['x-request-id', 'traceparent', 'anthropic-version', 'x-tollgate-tags', 'x-forwarded-for', 'forwarded', 'via'],
]) {
  test(`${name} can never be passed on`, () => {
    assert.ok(cannotPass(name));
  });
}

for (const name of ['anthropic-beta', 'openai-beta', 'openai-organization', 'x-experiment', 'idempotency-key']) {
  test(`${name} can be passed on`, () => {
    assert.equal(cannotPass(name), undefined);
  });
}

test("the caller's value stands in the place of what the type states by itself", () => {
  const own = ['x-api-key', 'k', 'anthropic-version', '2023-06-01'];
  const passed = passedHeaders({ 'anthropic-version': '2026-10-21' }, ['anthropic-beta', 'anthropic-version']);
  assert.ok(passed.ok);
  assert.deepEqual(withPassed(own, passed.value), ['x-api-key', 'k', 'anthropic-version', '2026-10-21']);
  assert.deepEqual(own, ['x-api-key', 'k', 'anthropic-version', '2023-06-01']);
});

test('a value is not taken for a name', () => {
  assert.deepEqual(withPassed(['a', 'b', 'c', 'd'], ['b', 'x']), ['a', 'b', 'c', 'd', 'b', 'x']);
});

test('whatever callers send, what goes on is printable, bounded and named', () => {
  const received = fc.dictionary(
    fc.constantFrom('a', 'anthropic-beta', 'cookie'),
    fc.oneof(fc.string({ unit: 'binary', maxLength: 5000 }), fc.array(fc.string(), { maxLength: 3 })),
  );
  fc.assert(
    fc.property(received, (headers) => {
      const passed = passedHeaders(headers, ['a', 'anthropic-beta']);
      if (!passed.ok) return;
      passed.value.forEach((text, i) => {
        if (i % 2 === 0) assert.ok(text === 'a' || text === 'anthropic-beta');
        else assert.match(text, /^[\x20-\x7e]{1,4096}$/);
      });
    }),
  );
});
