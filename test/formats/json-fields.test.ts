/** Values of a JSON object are exchanged in its own bytes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { withValues } from '../../src/formats/json-fields.js';

const values = { id: 'new "id"', created: 7 };
const told = (json: string): string => withValues(Buffer.from(json), values).toString();

describe('an object with other values', () => {
  it('has them in their places, wherever its own are of another kind, and every other byte as it was', () => {
    assert.equal(
      told('{ "id" : "a\\"b", "x":1.10, "created":null }'),
      '{ "id" : "new \\"id\\"", "x":1.10, "created":7 }',
    );
    assert.equal(
      told('{"created":{"id":1},"n":12345678901234567890,"id":[2]}'),
      '{"created":7,"n":12345678901234567890,"id":"new \\"id\\""}',
    );
    assert.equal(
      told('{"\\u0069d":1,"id":2,"created":3}'),
      '{"\\u0069d":"new \\"id\\"","id":"new \\"id\\"","created":7}',
    );
  });

  it('gets at its end what it lacks', () => {
    assert.equal(told('{}'), '{"id":"new \\"id\\"","created":7}');
    assert.equal(told('{"a":{"id":1} }'), '{"a":{"id":1} ,"id":"new \\"id\\"","created":7}');
  });

  it('is read as the object with them, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.constantFrom('id', 'created', '__proto__x'), fc.string()), fc.jsonValue()),
        fc.boolean(),
        (object, spaced) => {
          const json = JSON.stringify(object, null, spaced ? 2 : 0);
          assert.deepEqual(JSON.parse(told(json)), { ...(JSON.parse(json) as object), ...values });
        },
      ),
    );
  });

  it('nests however deep it does', () => {
    const deep = `{"a":${'['.repeat(400)}${']'.repeat(400)}}`;
    assert.equal((JSON.parse(told(deep)) as { id: string }).id, values.id);
  });
});
