import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonReading } from '../../src/lib/json-reading.js';

const LIMITS = { depth: 64, names: 1000 };

function read(text: string | Buffer, limits: ConstructorParameters<typeof JsonReading>[1] = LIMITS) {
  const reading = new JsonReading(Buffer.from(text), limits);
  let steps = 1;
  while (reading.step() >= 0) steps++;
  return { reading, steps };
}

/** A generator that gives the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const TEXTS = [
  '',
  'a',
  '漢字',
  'é'.repeat(40),
  'x'.repeat(70),
  '\u{1f600}\n"\\/\b\u0001',
  '\ud800',
  'y'.repeat(40_000),
  'ö\\n'.repeat(9000),
];
const NUMBERS = [0, -0, 1, -1.5, 1e21, 1.7976931348623157e308, 5e-324, 123456789012345680000, 0.1];
const NAMES = ['a', 'b', '__proto__', 'constructor', '', '1', 'with "quotes"', 'n'.repeat(300), '漢'];

function madeOf(random: () => number, depth: number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const kind = random() * (depth > 5 ? 4 : 6);
  if (kind < 1) return pick(TEXTS);
  if (kind < 2) return pick(NUMBERS);
  if (kind < 4) return pick([true, false, null, pick(TEXTS)]);
  const length = Math.floor(random() * 5);
  if (kind < 5) return Array.from({ length }, () => madeOf(random, depth + 1));
  return Object.fromEntries(Array.from({ length }, () => [pick(NAMES), madeOf(random, depth + 1)]));
}

describe('what is read in steps', () => {
  it('is what JSON.parse reads, however it is written', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const value = madeOf(randomOf(seed), 0);
      for (const text of [
        JSON.stringify(value),
        JSON.stringify(value, null, '\t'),
        ` \r\n${JSON.stringify(value)}\n`,
      ]) {
        const { reading } = read(text);
        assert.equal(reading.problem, undefined, text.slice(0, 200));
        assert.deepEqual(reading.value, JSON.parse(text));
        assert.deepEqual(JSON.stringify(reading.value), JSON.stringify(JSON.parse(text)), 'in the same order');
      }
    }
  });

  it('is refused where JSON.parse refuses it, wherever a byte is missing or another one', () => {
    const whole = `{"a":[1,-2.5e3,"t\\u00e9\\n",true,false,null,{}],"b":{"c":[[]]},"long":"${'é\\"x'.repeat(30)}"}`;
    const random = randomOf(7);
    for (let i = 0; i < 4000; i++) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(random() * bytes.length);
      const cut = random() < 0.3;
      if (!cut) bytes[at] = '{}[]",:\\0123eE+-.tfn \n\u0001a'.charCodeAt(Math.floor(random() * 27));
      const text = (cut ? bytes.subarray(0, at) : bytes).toString();
      let parsed: { value: unknown } | undefined;
      try {
        parsed = { value: JSON.parse(text) };
      } catch {
        // refused
      }
      const { reading } = read(text);
      assert.equal(reading.problem === undefined, parsed !== undefined, text);
      if (parsed) assert.deepEqual(reading.value, parsed.value);
    }
  });

  it('tells where the fields of the outermost object are', () => {
    const text = ' {"é" : [1, {"in": 2}] , "b":"x", "b" :3.5,"c":{} }';
    const bytes = Buffer.from(text);
    const { reading } = read(text);
    const told = reading.fields.map(({ name, start, valueStart, valueEnd }) => [
      name,
      bytes.toString('utf8', start, start + 2),
      bytes.toString('utf8', valueStart, valueEnd),
    ]);
    assert.deepEqual(told, [
      ['é', '"\ufffd', '[1, {"in": 2}]'],
      ['b', '"b', '"x"'],
      ['b', '"b', '3.5'],
      ['c', '"c', '{}'],
    ]);
    assert.equal(bytes[reading.end], 0x7d);
    assert.equal(reading.end, bytes.lastIndexOf('}'));
  });

  it('is bounded in depth, names and the length of names and numbers', () => {
    const problemOf = (text: string) => read(text).reading.problem;
    assert.equal(problemOf('['.repeat(64) + ']'.repeat(64)), undefined);
    assert.equal(problemOf('['.repeat(65) + ']'.repeat(65)), 'depth');
    const names = (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join()}}`;
    assert.equal(problemOf(names(1000)), undefined);
    assert.equal(problemOf(names(1001)), 'names');
    assert.equal(problemOf(`[${'1'.repeat(70_000)}]`), 'long');
    assert.equal(problemOf(`{"${'k'.repeat(70_000)}":1}`), 'long');
    assert.equal(problemOf('[1'), 'ends');
    assert.equal(problemOf(''), 'ends');
    assert.equal(problemOf('1 2'), 'syntax');
  });

  it('comes in many small steps', () => {
    assert.ok(read(JSON.stringify('x'.repeat(1_000_000))).steps > 50);
    assert.ok(read(JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i))).steps > 50);
    assert.ok(read(' '.repeat(1_000_000)).steps > 50);
  });

  it('passes over a field that nobody wants, and reads what comes after it', () => {
    const passedOver = { ...LIMITS, depth: 3, passedOver: 'data' };
    const text = '{"data":[{"a":"]}\\"[[[","b":[[[[1]]]]},2],"usage":{"n":1},"in":{"data":[1]}}';
    const { reading } = read(text, passedOver);
    assert.deepEqual(reading.value, { data: undefined, usage: { n: 1 }, in: { data: [1] } });
    assert.equal(
      text.slice(reading.fields[0]!.valueStart, reading.fields[0]!.valueEnd),
      text.slice(8, text.indexOf(',"usage')),
    );
    assert.equal(read('{"data":[[1]', passedOver).reading.problem, 'ends');
    assert.deepEqual(read('{"data":"text"}', passedOver).reading.value, { data: 'text' });
  });
});
