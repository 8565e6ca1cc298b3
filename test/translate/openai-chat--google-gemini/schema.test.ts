import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonSchema, openApiSchema } from '../../../src/translate/openai-chat--google-gemini/schema.js';

const cases: readonly (readonly [string, object, object])[] = [
  ['a type with null', { type: ['string', 'null'] }, { type: 'string', nullable: true }],
  [
    'several types',
    { type: ['string', 'integer', 'null'] },
    { nullable: true, anyOf: [{ type: 'string' }, { type: 'integer' }] },
  ],
  ['a constant', { const: 'a' }, { type: 'string', enum: ['a'], format: 'enum' }],
  ['numbers of an enum', { enum: [1, 2, null] }, { type: 'string', enum: ['1', '2'], format: 'enum', nullable: true }],
  [
    'a union with null',
    { anyOf: [{ type: 'integer' }, { type: 'null' }], title: 'N' },
    { type: 'integer', nullable: true, title: 'N' },
  ],
  [
    'one of several',
    { oneOf: [{ type: 'integer' }, { type: 'string' }] },
    { anyOf: [{ type: 'integer' }, { type: 'string' }] },
  ],
  [
    'all of several',
    {
      allOf: [
        { type: 'object', properties: { a: {} }, required: ['a'] },
        { properties: { b: {} }, required: ['b'] },
      ],
    },
    { type: 'object', properties: { a: {}, b: {} }, required: ['a', 'b'] },
  ],
  [
    'references, with escapes in their names',
    { properties: { a: { $ref: '#/$defs/x~1y%20z' } }, $defs: { 'x/y z': { type: 'string', description: 'X' } } },
    { properties: { a: { type: 'string', description: 'X' } } },
  ],
  [
    'what is not known there',
    {
      type: 'object',
      additionalProperties: false,
      $schema: 'x',
      $id: 'y',
      patternProperties: {},
      not: {},
      if: {},
      examples: [1],
    },
    { type: 'object' },
  ],
  [
    'lists',
    { type: 'array', items: { type: ['number', 'null'] }, minItems: 1 },
    { type: 'array', items: { type: 'number', nullable: true }, minItems: 1 },
  ],
];

for (const [name, schema, expected] of cases)
  test(`as OpenAPI has it: ${name}`, () => assert.deepEqual(openApiSchema(schema), expected));

test('a schema that holds itself, refers to nothing or grows without end has no such form', () => {
  assert.equal(openApiSchema({ properties: { a: { $ref: '#' } } }), undefined);
  assert.equal(openApiSchema({ $ref: '#/$defs/none' }), undefined);
  assert.equal(openApiSchema({ $ref: 'https://example.com/x' }), undefined);
  // Each name holds the next one ten times: 10^8 nodes.
  const $defs = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [
      `n${i}`,
      {
        properties: Object.fromEntries(
          Array.from({ length: 10 }, (__, k) => [`p${k}`, i < 7 ? { $ref: `#/$defs/n${i + 1}` } : {}]),
        ),
      },
    ]),
  );
  assert.equal(openApiSchema({ $ref: '#/$defs/n0', $defs }), undefined);
  let deep: object = {};
  for (let i = 0; i < 200; i++) deep = { items: deep };
  assert.equal(openApiSchema(deep), undefined);
});

test('a JSON schema goes as it is, but for constants and what is said to tools only', () => {
  const schema = {
    $schema: 'x',
    type: 'object',
    properties: { const: { const: 1 }, a: { $ref: '#/$defs/b' } },
    $defs: { b: { examples: [1], type: 'string' } },
  };
  assert.deepEqual(jsonSchema(schema), {
    type: 'object',
    properties: { const: { enum: [1] }, a: { $ref: '#/$defs/b' } },
    $defs: { b: { type: 'string' } },
  });
});
