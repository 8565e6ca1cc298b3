import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LiveAnswer, type LiveEnd } from '../../src/cache/live-answer.js';

const told = { provider: 'p', target: 't', served_model: null, price_version: '', cost_nusd: 1 };
const whole: LiveEnd = { kind: 'whole', closing: Buffer.from('!'), extra: '{}', told };

/** A reader that takes `room` pieces and is full then. */
function reader(room = Number.POSITIVE_INFINITY) {
  const got: string[] = [];
  const ends: LiveEnd[] = [];
  return {
    got,
    ends,
    room,
    write(bytes: Buffer) {
      got.push(bytes.toString());
      this.room -= 1;
      return this.room > 0;
    },
    end: (end: LiveEnd) => void ends.push(end),
  };
}

describe('an answer that is read along', () => {
  it('gives what has passed to who comes later, then what passes, and its end once', () => {
    const answer = new LiveAnswer(100, () => {});
    answer.write(Buffer.from('a'));
    const one = reader();
    answer.read(one);
    answer.write(Buffer.from('b'));
    const two = reader();
    answer.read(two);
    answer.end(whole);
    answer.end({ kind: 'broken', told: undefined, slow: false });
    for (const { got, ends } of [one, two]) {
      assert.deepEqual(got, ['a', 'b']);
      assert.deepEqual(ends, [whole]);
    }
    assert.equal(answer.readers, 0);
    assert.equal(answer.open, false);
  });

  it('keeps for a slow reader what it has not taken, ends it with the rest, and lets others go on', () => {
    const answer = new LiveAnswer(100, () => {});
    const [slow, quick] = [reader(1), reader()];
    const reading = answer.read(slow);
    answer.read(quick);
    for (const piece of 'abc') answer.write(Buffer.from(piece));
    answer.end(whole);
    assert.deepEqual(quick.got, ['a', 'b', 'c']);
    assert.deepEqual(slow.got, ['a']);
    assert.deepEqual(slow.ends, []);
    slow.room = 9;
    reading.resume();
    assert.deepEqual(slow.got, ['a', 'b', 'c']);
    assert.deepEqual(slow.ends, [whole]);
  });

  it('gives up a reader for which too much is kept, and nobody joins what is no longer whole', () => {
    const answer = new LiveAnswer(100, () => {});
    const stuck = reader(1);
    answer.read(stuck);
    for (let i = 0; i < 6; i++) answer.write(Buffer.alloc(1024 * 1024));
    assert.deepEqual(stuck.ends, [{ kind: 'broken', told: undefined, slow: true }]);
    assert.equal(answer.open, false);
  });

  it('tells who comes and who leaves', () => {
    const seen: number[] = [];
    const answer: LiveAnswer = new LiveAnswer(100, () => void seen.push(answer.readers));
    const first = answer.read(reader());
    answer.read(reader());
    first.leave();
    first.leave();
    answer.end(whole);
    assert.deepEqual(seen, [1, 2, 1, 0]);
  });
});
