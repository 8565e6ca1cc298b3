import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawHeaders } from '../../src/upstream/raw-headers.js';

const headersOf = (...pairs: string[]): RawHeaders => new RawHeaders(pairs.map((text) => Buffer.from(text, 'latin1')));

test('a header is found however its name is written, and no other of the same length', () => {
  const headers = headersOf('Content-Type', 'text/plain', 'RETRY-AFTER', '7', 'x-[id]', 'a', 'X-{ID}', 'b');
  assert.equal(headers.get('content-type'), 'text/plain');
  assert.equal(headers.get('retry-after'), '7');
  assert.equal(headers.get('retry-afteq'), undefined);
  assert.equal(headers.get('x-{id}'), 'b');
  assert.equal(headers.get('x-[id]'), 'a');
});

test('of two with one name the first is read, as the bytes it came as', () => {
  const headers = headersOf('retry-after', '1', 'retry-after', '2', 'x-name', 'M\xfcnchen');
  assert.equal(headers.get('retry-after'), '1');
  assert.equal(headers.get('x-name'), 'M\xfcnchen');
  assert.equal(headersOf().get('retry-after'), undefined);
});
