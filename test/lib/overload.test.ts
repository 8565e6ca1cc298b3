/** Who is refused when a gateway is strained, and for how long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Overload } from '../../src/lib/overload.js';
import { priorities } from '../../src/lib/priority.js';

const MANY = 100;

function rig(random = () => 0) {
  const overload = new Overload(random);
  const look = (strain: number, running = MANY) => overload.look({ delay: strain, memory: 0 }, running);
  const refused = () => priorities.filter((priority) => overload.refuses(priority));
  return { overload, look, refused };
}

describe('overload', () => {
  it('refuses low priority near the limits, normal at them, and all beyond', () => {
    for (const [strain, refused] of [
      [0, []],
      [0.79, []],
      [0.8, ['low']],
      [0.99, ['low']],
      [1, ['low', 'normal']],
      [1.3, ['low', 'normal', 'high']],
      [50, ['low', 'normal', 'high']],
    ] as const) {
      const at = rig();
      at.look(strain);
      assert.deepEqual(at.refused(), refused, `strain ${strain}`);
    }
  });

  it('is of memory as of delay', () => {
    const { overload, refused } = rig();
    overload.look({ delay: 0, memory: 1 }, MANY);
    assert.deepEqual(refused(), ['low', 'normal']);
  });

  it('is told with a status, words and a time to come back, which is not the same for all', () => {
    let chance = 0;
    const { overload, look } = rig(() => chance);
    look(2);
    const after = [];
    for (chance of [0, 0.3, 0.6, 0.999]) {
      const refusal = overload.refuses('high')!;
      assert.equal(refusal.code, 'overloaded');
      assert.match(refusal.message, /Try again/);
      after.push(refusal.headers!['retry-after']);
    }
    assert.deepEqual(after, ['1', '2', '3', '4']);
  });

  it('is there at once, and over step by step, once it has been calm for a while', () => {
    const { look, refused } = rig();
    assert.equal(look(2), true);
    const steps = [];
    for (let i = 0; i < 30; i++) if (look(0.1)) steps.push(`${i}: ${refused().join()}`);
    assert.deepEqual(steps, ['7: low,normal', '15: low', '23: ']);
  });

  it('does not flap around a mark', () => {
    const { look, refused } = rig();
    look(1);
    for (let i = 0; i < 100; i++) assert.equal(look(i % 2 ? 0.95 : 0.8), false);
    assert.deepEqual(refused(), ['low', 'normal']);
    // A single late look begins the waiting anew.
    for (let i = 0; i < 100; i++) assert.equal(look(i % 7 ? 0.1 : 0.95), false);
  });

  it('refuses nobody where a few requests alone run', () => {
    const { look, refused } = rig();
    look(50, 8);
    assert.deepEqual(refused(), []);
    look(50, 9);
    assert.deepEqual(refused(), [...priorities]);
  });
});
