import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GatheredBytes } from '../../src/lib/gathered-bytes.js';

const MB = 1024 * 1024;
const pieces = (total: number): Buffer[] =>
  Array.from({ length: Math.ceil(total / 60_000) }, (_, i) =>
    Buffer.alloc(Math.min(60_000, total - i * 60_000), 65 + (i % 26)),
  );

for (const [what, announced] of [
  ['nothing', 0],
  ['as many', 2 * MB],
  ['more', 3 * MB],
  ['far more', 100 * MB],
  ['fewer', MB],
  ['far fewer', 10],
] as const)
  it(`bytes are whole where ${what} was announced`, () => {
    const all = pieces(2 * MB);
    const gathered = new GatheredBytes(announced);
    for (const piece of all) gathered.push(piece);
    assert.equal(gathered.length, 2 * MB);
    assert.ok(gathered.take().equals(Buffer.concat(all)));
  });

it('what is announced takes no room before a part of it came', () => {
  const before = process.memoryUsage().arrayBuffers;
  const all = Array.from({ length: 50 }, () => new GatheredBytes(1024 * MB));
  for (const one of all) one.push(Buffer.alloc(1000));
  assert.ok(process.memoryUsage().arrayBuffers - before < 10 * MB);
});
