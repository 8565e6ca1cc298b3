import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonElements } from '../../src/formats/json-elements.js';

const elementsOf = (json: string): unknown[] =>
  jsonElements(Buffer.from(json)).map((element) => JSON.parse(element.toString('utf8')));

test('elements keep their own bytes', () => {
  const elements = jsonElements(Buffer.from('[ 1.0 , {"a": [1, 2]},"x"]'));
  assert.deepEqual(
    elements.map((element) => element.toString('utf8').trim()),
    ['1.0', '{"a": [1, 2]}', '"x"'],
  );
});

test('an empty array has none', () => {
  assert.deepEqual(elementsOf('[]'), []);
  assert.deepEqual(elementsOf('[ \n]'), []);
});

test('any array is the list of its elements', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2), (values, indent) => {
      const json = JSON.stringify(values, null, indent);
      assert.deepEqual(elementsOf(json), JSON.parse(json));
    }),
  );
});
