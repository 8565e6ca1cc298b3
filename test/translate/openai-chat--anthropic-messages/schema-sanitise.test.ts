import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotHold, sanitiseSchema } from '../../../src/translate/openai-chat--anthropic-messages/schema-sanitise.js';

test('every object is closed, however deep', () => {
  assert.deepEqual(
    sanitiseSchema({
      type: 'object',
      properties: {
        list: {
          type: 'array',
          items: { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: true },
        },
        maybe: { type: ['object', 'null'], properties: {} },
      },
      required: ['list'],
      $defs: { node: { properties: { next: { $ref: '#/$defs/node' } } } },
    }),
    {
      type: 'object',
      properties: {
        list: {
          type: 'array',
          items: { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false },
        },
        maybe: { type: ['object', 'null'], properties: {}, additionalProperties: false },
      },
      required: ['list'],
      $defs: { node: { properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false } },
      additionalProperties: false,
    },
  );
});

test('keywords that are not understood move into the description', () => {
  assert.deepEqual(sanitiseSchema({ type: 'integer', minimum: 1, maximum: 9, description: 'A digit.' }), {
    type: 'integer',
    description: 'A digit.\n\n(minimum: 1, maximum: 9)',
  });
  assert.deepEqual(sanitiseSchema({ type: 'array', items: { type: 'string' }, minItems: 2, uniqueItems: true }), {
    type: 'array',
    items: { type: 'string' },
    description: '(minItems: 2, uniqueItems: true)',
  });
  assert.deepEqual(sanitiseSchema({ type: 'string', not: { const: 'x' }, minLength: 1 }), {
    type: 'string',
    description: '(not: {"const":"x"}, minLength: 1)',
  });
});

test('formats and small minima that are understood stay, others are told', () => {
  assert.deepEqual(sanitiseSchema({ type: 'string', format: 'date-time' }), { type: 'string', format: 'date-time' });
  assert.deepEqual(sanitiseSchema({ type: 'array', minItems: 1 }), { type: 'array', minItems: 1 });
  assert.deepEqual(sanitiseSchema({ type: 'string', format: 'phone' }), {
    type: 'string',
    description: '(format: "phone")',
  });
});

test('oneOf is anyOf, allOf stays', () => {
  assert.deepEqual(sanitiseSchema({ oneOf: [{ type: 'string', pattern: 'a' }, { type: 'null' }] }), {
    anyOf: [{ type: 'string', description: '(pattern: "a")' }, { type: 'null' }],
  });
  assert.deepEqual(sanitiseSchema({ allOf: [{ type: 'object', properties: {} }] }), {
    allOf: [{ type: 'object', properties: {}, additionalProperties: false }],
  });
});

test('items by their places are any of these', () => {
  assert.deepEqual(sanitiseSchema({ type: 'array', items: [{ type: 'string', pattern: 'a' }, { type: 'number' }] }), {
    type: 'array',
    items: { anyOf: [{ type: 'string', description: '(pattern: "a")' }, { type: 'number' }] },
  });
});

test('a reference stands alone, but for definitions', () => {
  assert.deepEqual(sanitiseSchema({ $ref: '#/$defs/a', description: 'x', $defs: { a: { type: 'string' } } }), {
    $ref: '#/$defs/a',
    $defs: { a: { type: 'string' } },
  });
});

test('properties may be called like keywords or like what every object has', () => {
  const properties = { pattern: { type: 'string' }, constructor: { type: 'string' }, minimum: { type: 'string' } };
  const schema = { type: 'object', properties, additionalProperties: false };
  assert.deepEqual(sanitiseSchema(schema), schema);
  assert.equal(cannotHold(schema), undefined);
});

test('what is no schema allows anything', () => {
  for (const schema of [true, null, 7, 'x', []]) assert.deepEqual(sanitiseSchema(schema), {});
});

for (const [name, schema, free] of [
  ['a closed object', { type: 'object', properties: { a: { type: 'string' } } }, false],
  ['an empty closed object', { type: 'object', additionalProperties: false }, false],
  ['a dictionary', { type: 'object', additionalProperties: { type: 'string' } }, true],
  ['any object', { type: 'object' }, true],
  ['an open object', { type: 'object', properties: {}, additionalProperties: true }, true],
  ['names by pattern', { patternProperties: { '^a': {} } }, true],
  ['a dictionary in a list', { type: 'array', items: { type: 'object' } }, true],
  ['a dictionary among several', { anyOf: [{ type: 'null' }, { type: 'object' }] }, true],
  ['a dictionary in a definition', { $ref: '#/$defs/a', $defs: { a: { type: 'object' } } }, true],
  ['an object at the root that takes nothing', { type: 'object', properties: {} }, false],
  [
    'an object within of which nothing is said',
    { type: 'object', properties: { a: { type: 'object', properties: {} } } },
    true,
  ],
  ['an object that may be null and has any names', { properties: { a: { type: ['object', 'null'] } } }, true],
  ['an object whose shape is in a union', { type: 'object', anyOf: [{ properties: { a: {} } }] }, false],
  [
    'a property that is called additionalProperties',
    { properties: { additionalProperties: { type: 'string' } } },
    false,
  ],
] as const) {
  test(`${name} has ${free ? '' : 'no '}free names`, () => {
    assert.equal(cannotHold(schema), free ? 'has an object with free names' : undefined);
  });
}

const node = (name: string) => ({ type: 'object', properties: { next: { $ref: name } } });
for (const [what, schema, recursive] of [
  ['a list of itself', { $ref: '#/$defs/a', $defs: { a: node('#/$defs/a') } }, true],
  [
    'a circle',
    { properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: node('#/$defs/b'), b: node('#/$defs/a') } },
    true,
  ],
  ['its own root', node('#'), true],
  [
    'one thing twice',
    { properties: { a: { $ref: '#/$defs/a' }, b: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } },
    false,
  ],
  ['a chain that ends', { $ref: '#/$defs/a', $defs: { a: node('#/$defs/b'), b: { type: 'string' } } }, false],
  [
    'what is not there',
    { properties: { a: { $ref: '#/$defs/none' }, b: { $ref: 'https://example.com/s.json' } } },
    false,
  ],
] as const) {
  test(`a schema that refers to ${what} ${recursive ? 'refers to itself' : 'does not refer to itself'}`, () => {
    assert.equal(cannotHold(schema), recursive ? 'refers to itself' : undefined);
  });
}

test('a chain of thousands of references is no way to an end', () => {
  const $defs = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`d${i}`, node(`#/$defs/d${i + 1}`)]));
  assert.equal(cannotHold({ $ref: '#/$defs/d0', $defs }), 'refers to itself');
});
