import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../../src/lib/json.js';
import { rootObject } from '../../../src/translate/openai-chat--anthropic-messages/root-object.js';
import { dropped, SONNET_4, SONNET_4_5, sent, tool } from './calls.js';

const string = { type: 'string' };
const number = { type: 'number' };
const object = (properties: object, required: string[] = [], more: object = {}) => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
  ...more,
});
const flat = (schema: object): Json => rootObject(schema as Json).schema;

test('a schema without a union at its root stays the same', () => {
  const schema = object({ a: { anyOf: [string, number] } }, ['a'], { $defs: { x: { oneOf: [string] } } });
  assert.deepEqual(rootObject(schema), { schema, flattened: [] });
});

for (const union of ['anyOf', 'oneOf'] as const) {
  test(`branches of ${union} become one object that requires what all of them require`, () => {
    const schema = {
      description: 'Finds.',
      [union]: [
        object({ id: string, deep: { type: 'boolean' } }, ['id', 'deep']),
        object({ name: string, deep: { type: 'boolean' } }, ['name', 'deep']),
        { type: 'null' },
      ],
    };
    const which = union === 'anyOf' ? 'Give at least one of these' : 'Give exactly one of these';
    assert.deepEqual(rootObject(schema as Json), {
      flattened: [union],
      schema: {
        description: `Finds.\n\n${which}: id; or name.`,
        type: 'object',
        properties: { id: string, deep: { type: 'boolean' }, name: string },
        required: ['deep'],
      },
    });
  });
}

test('a property that branches tell in different ways is any of them', () => {
  const kind = (name: string) => ({ const: name });
  const schema = {
    anyOf: [
      object({ kind: kind('a') }, ['kind']),
      object({ kind: kind('b') }, ['kind']),
      object({ kind: kind('a') }, ['kind']),
    ],
  };
  assert.deepEqual(flat(schema), {
    type: 'object',
    properties: { kind: { anyOf: [kind('a'), kind('b')] } },
    required: ['kind'],
  });
});

test('a union that only says which properties go together leaves the object as it is, and is told in words', () => {
  const schema = object({ a: string, b: string, c: string }, ['c'], {
    additionalProperties: false,
    anyOf: [{ required: ['a', 'b'] }, { required: ['b'] }, { required: [] }],
  });
  assert.deepEqual(flat(schema), {
    ...object({ a: string, b: string, c: string }, ['c'], { additionalProperties: false }),
    description: 'Give at least one of these: a and b; or b; or none of these.',
  });
});

test('all of allOf holds', () => {
  const schema = { allOf: [object({ a: string }, ['a']), object({ b: number }, ['b']), { required: ['c'] }] };
  assert.deepEqual(flat(schema), object({ a: string, b: number }, ['a', 'b']));
});

test('branches that are closed are a closed object, and one that is open opens it', () => {
  const closed = (properties: object) => object(properties, [], { additionalProperties: false });
  const of = (...anyOf: object[]) => flat({ anyOf })['additionalProperties'];
  assert.equal(of(closed({ a: string }), closed({ b: string })), false);
  assert.equal(of(closed({ a: string }), object({ b: string })), undefined);
  assert.deepEqual(of(closed({ a: string }), object({}, [], { additionalProperties: string })), string);
  assert.equal(of(closed({ a: string }), true as unknown as object), undefined);
});

test('references in branches and at the root are followed', () => {
  const $defs = {
    one: object({ a: string }, ['a']),
    'two/2': { anyOf: [object({ b: string }), object({ c: string })] },
  };
  assert.deepEqual(flat({ anyOf: [{ $ref: '#/$defs/one' }, { $ref: '#/$defs/two~12' }], $defs }), {
    $defs,
    type: 'object',
    properties: { a: string, b: string, c: string },
    description: 'Give at least one of these: a; or none of these.',
  });
  assert.deepEqual(flat({ $ref: '#/$defs/one', title: 'One', $defs }), { ...$defs.one, title: 'One', $defs });
});

test('a reference that leads nowhere, or round, ends', () => {
  for (const schema of [{ $ref: '#/$defs/none' }, { $ref: 'https://example.com/s.json' }, { $ref: '#' }]) {
    assert.deepEqual(flat(schema), schema);
  }
  const $defs = { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } };
  assert.ok(flat({ $ref: '#/$defs/a', $defs }));
});

test('unions that refer to themselves and multiply cost no time', () => {
  const many = Array.from({ length: 300 }, () => ({ $ref: '#/$defs/a' }));
  const $defs = { a: { anyOf: [...many, object({ x: string })] } };
  const before = performance.now();
  const schema = flat({ anyOf: many, $defs });
  assert.ok(performance.now() - before < 10_000);
  assert.equal(schema['type'], 'object');
});

test('whatever a schema is, its root comes out as an object without a union', () => {
  fc.assert(
    fc.property(
      fc.object({
        key: fc.constantFrom('anyOf', 'allOf', '$ref', '$defs', 'a', 'required', 'properties'),
        maxDepth: 5,
      }),
      (schema) => {
        const out = flat(schema);
        for (const union of ['anyOf', 'oneOf', 'allOf']) assert.ok(!Array.isArray(out[union]));
      },
    ),
  );
});

const union = { type: 'object', oneOf: [object({ id: string }, ['id']), object({ name: string }, ['name'])] };

test('a tool with a union at the root of its parameters is sent with an object, and the union is named', () => {
  const tools = [tool('find', { parameters: union })];
  const [found] = sent({ tools }).tools as unknown as { input_schema: Json }[];
  assert.equal(found?.input_schema['type'], 'object');
  assert.deepEqual(found?.input_schema['properties'], { id: string, name: string });
  assert.deepEqual(dropped({ tools }), ['tools[].function.parameters.oneOf']);
});

test('a strict tool with a union at its root is strict by the object', () => {
  const tools = [tool('find', { parameters: union, strict: true })];
  const [found] = sent({ tools }, { model: SONNET_4_5 }).tools as unknown as { input_schema: Json; strict?: boolean }[];
  assert.equal(found?.strict, true);
  assert.equal(found?.input_schema['additionalProperties'], false);
});

test('the schema of an answer that goes through a tool has no union at its root either', () => {
  const response_format = { type: 'json_schema', json_schema: { name: 'a', schema: union } };
  const [json] = sent({ response_format }, { model: SONNET_4 }).tools as unknown as { input_schema: Json }[];
  assert.deepEqual(json?.input_schema['properties'], { id: string, name: string });
  assert.ok(!('oneOf' in json!.input_schema));
});
