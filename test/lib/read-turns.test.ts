/** Large bodies are read in turns: what is read of all of them in one round of the loop is bounded. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadTurns } from '../../src/lib/read-turns.js';

const PIECE = 64 * 1024;
const MB = 1024 * 1024;

/** Forty who always have more, and who stop when they are told to. */
class Rig {
  #begin: (() => void) | undefined;
  readonly turns = new ReadTurns((begin) => {
    assert.equal(this.#begin, undefined, 'one round is scheduled at a time');
    this.#begin = begin;
  });
  readonly readers = Array.from({ length: 40 }, (_, i) => {
    const reader = { i, reading: true, bytes: 0, readOn: () => void (reader.reading = true) };
    return reader;
  });

  /** One round; answers what was read in it. */
  round(factor?: number): number {
    let bytes = 0;
    for (const reader of this.readers) {
      while (reader.reading && reader.bytes < 14 * MB) {
        bytes += PIECE;
        reader.bytes += PIECE;
        reader.reading = this.turns.read(reader, PIECE, factor);
      }
    }
    const begin = this.#begin;
    this.#begin = undefined;
    begin?.();
    return bytes;
  }

  get asleep(): boolean {
    return this.#begin === undefined;
  }
}

describe('large bodies', () => {
  for (const factor of [1, 4]) {
    it(`whose bytes cost ${factor} are read by about ${1024 / factor} KB in each round, and all of them to their end`, () => {
      const rig = new Rig();
      rig.round(factor);
      let rounds = 0;
      while (rig.readers.some(({ bytes }) => bytes < 14 * MB)) {
        const read = rig.round(factor);
        assert.ok(read <= (1.1 * MB) / factor, `${read} bytes in a round`);
        assert.ok(++rounds < 100_000);
      }
    });
  }

  it('come in the order in which they stopped, so that none is far ahead of another', () => {
    const rig = new Rig();
    rig.round();
    for (let i = 0; i < 100; i++) rig.round();
    const read = rig.readers.map(({ bytes }) => bytes);
    assert.ok(Math.max(...read) - Math.min(...read) <= 2 * MB, read.join());
  });

  it('do not keep small pieces waiting, nor are these counted', () => {
    const turns = new ReadTurns(() => assert.fail('nothing to wait for'));
    for (let i = 0; i < 10_000; i++) assert.equal(turns.read({ readOn: () => assert.fail() }, 4096, 4), true);
  });
});
