import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonBounds, jsonExcess } from '../../src/lib/json-bounds.js';
import { processorTime } from '../support/processor-time.js';

const limits = { depth: 4, values: 10 };
const of = (text: string) => jsonExcess(Buffer.from(text), limits);

describe('the bounds of JSON', () => {
  it('count levels and values, of objects and lists alike', () => {
    for (const [text, excess] of [
      ['[[[[1]]]]', null],
      ['[[[[[1]]]]]', 'too_deep'],
      ['{"a":{"b":[{"c":1}]}}', null],
      ['{"a":{"b":[{"c":{}}]}}', 'too_deep'],
      ['[1,2,3,4,5,6,7,8,9,10]', null],
      ['[1,2,3,4,5,6,7,8,9,10,11]', 'too_many'],
      ['{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11}', 'too_many'],
      ['[[],[],[],[],[],[]]', 'too_many'],
      ['', null],
      ['nonsense', null],
    ] as const)
      assert.equal(of(text), excess, text);
  });

  it('what stands in a text is text, whatever is escaped in it', () => {
    for (const text of ['"[[[[[[[["', '["\\"[[[[[[","\\\\"]', '{"\\\\\\"[[[[[[":",,,,,,,,,,,,,"}'])
      assert.equal(of(text), null, text);
    assert.equal(of('["\\\\",[[[[[[1'), 'too_deep', 'a backslash that is escaped escapes nothing');
  });

  it('are the same wherever the bytes are cut', () => {
    const text = '{"a\\\\":["\\"[[[[[[",1,{"b":"é\\u005b,,,,,"}],"c":[[1,2,3]]}';
    for (const [whole, expected] of [
      [text, null],
      [text.replace('[[1', '[[[[1'), 'too_deep'],
    ] as const) {
      const bytes = Buffer.from(whole);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const bounds = new JsonBounds(limits);
        assert.equal(bounds.read(bytes.subarray(0, cut)) ?? bounds.read(bytes.subarray(cut)), expected, `${cut}`);
      }
    }
  });

  it('see the end of a long text, however many backslashes stand before it, and wherever the bytes are cut', () => {
    for (let backslashes = 0; backslashes < 6; backslashes++) {
      for (const before of ['x'.repeat(40), '\\\\'.repeat(20), `${'é'.repeat(20)}\\n${'['.repeat(40)}`]) {
        const whole = `["${before}${'\\'.repeat(backslashes)}"${backslashes % 2 ? '[[[[[[' : '],[[[[[1'}`;
        const expected = backslashes % 2 ? null : 'too_deep';
        const bytes = Buffer.from(whole);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const bounds = new JsonBounds(limits);
          assert.equal(bounds.read(bytes.subarray(0, cut)) ?? bounds.read(bytes.subarray(cut)), expected, whole);
        }
      }
    }
  });

  it('count the members of objects apart where told', () => {
    const few = { depth: 4, values: 10, keys: 2 };
    assert.equal(jsonExcess(Buffer.from('{"a":":::","b":[1,2,3,4,5]}'), few), null);
    assert.equal(jsonExcess(Buffer.from('[{"a":1},{"b":1},{"c":1}]'), few), 'too_many');
  });

  it('are told at once of what is far beyond them', () => {
    const bounds = new JsonBounds({ depth: 256, values: 100_000 });
    const bytes = Buffer.alloc(19 * 1024 * 1024, '[');
    const usedMs = processorTime();
    assert.equal(bounds.read(bytes), 'too_deep');
    assert.ok(usedMs() < 500);
    const keys = Buffer.from(`{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join(',')}}`);
    assert.equal(jsonExcess(keys, { depth: 256, values: 100_000 }), 'too_many');
  });
});
