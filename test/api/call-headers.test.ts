import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCallHeaders, tokenOf } from '../../src/api/call-headers.js';
import { newSecret } from '../../src/identity/secret.js';

const key = newSecret(Buffer.alloc(32, 1)).secret;
const other = newSecret(Buffer.alloc(32, 2)).secret;
const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln';
const names = ['x-api-key', 'api-key', 'x-goog-api-key'] as const;
const foreign = ['sk-ant-api03-abc', jwt, '', 'sk-tg-', `${key}x`, key.slice(0, -1), key.toUpperCase()];

test('a key is taken from each of the headers that clients send keys in', () => {
  assert.equal(tokenOf({ authorization: `Bearer ${key}` }), key);
  assert.equal(tokenOf({ authorization: `bearer  ${key} ` }), key);
  for (const name of names) assert.equal(tokenOf({ [name]: key }), key, name);
});

test('the one with the form of a virtual key counts, whatever stands in the others', () => {
  for (const name of names) {
    for (const value of foreign) {
      const rest = Object.fromEntries(names.filter((one) => one !== name).map((one) => [one, value]));
      for (const authorization of [`Bearer ${value}`, `Basic ${value}`, value])
        assert.equal(tokenOf({ ...rest, authorization, [name]: key }), key, `${name} beside ${authorization}`);
      assert.equal(tokenOf({ ...rest, authorization: `Bearer ${key}` }), key);
    }
  }
});

test('of several virtual keys the first counts: Authorization, x-api-key, api-key, x-goog-api-key', () => {
  assert.equal(tokenOf({ authorization: `Bearer ${key}`, 'x-api-key': other }), key);
  assert.equal(tokenOf({ 'x-api-key': key, 'api-key': other }), key);
  assert.equal(tokenOf({ 'api-key': key, 'x-goog-api-key': other }), key);
});

test('where none is one, the first that there is counts, so that it can be verified or refused', () => {
  assert.equal(tokenOf({ authorization: `Bearer ${jwt}`, 'x-api-key': 'foreign' }), jwt);
  assert.equal(tokenOf({ 'x-api-key': 'a', 'api-key': 'b' }), 'a');
  assert.equal(tokenOf({ 'x-goog-api-key': 'c' }), 'c');
  assert.equal(tokenOf({ authorization: 'Basic abc', 'api-key': 'b' }), 'b');
  assert.equal(tokenOf({ authorization: 'Basic abc' }), 'Basic abc');
  assert.equal(tokenOf({}), undefined);
});

test('users, tags and metadata are read as UTF-8 where they are, and else as they came', () => {
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  const read = (user: string) => {
    const headers = {
      'x-tollgate-user': user,
      'x-tollgate-tags': bytes('köln,plain'),
      'x-tollgate-metadata': bytes('{"kunde":"Müller 東京"}'),
    };
    const result = readCallHeaders(headers, 'req', undefined, '127.0.0.1');
    assert.ok(result.ok);
    return result.value;
  };
  const { user, tags, metadata } = read(bytes('José'));
  assert.deepEqual([user, tags, metadata], ['José', ['köln', 'plain'], { kunde: 'Müller 東京' }]);
  // A client that writes latin-1, as `fetch` does.
  assert.equal(read('José').user, 'José');
  assert.equal(read('ann').user, 'ann');
});
