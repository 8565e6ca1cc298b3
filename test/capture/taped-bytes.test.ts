/** What is told, kept in memory that is counted as it is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CaptureMemory } from '../../src/capture/capture-memory.js';
import { TapedBytes } from '../../src/capture/taped-bytes.js';

describe('bytes that are taped', () => {
  it('are all there, in pieces that take what was taken for them, whatever they were a view of', () => {
    const memory = new CaptureMemory(10_000_000);
    const taped = new TapedBytes(memory, 8_000_000);
    const all: Buffer[] = [];
    for (let n = 0; n < 20_000; n++) {
      const shared = Buffer.alloc(64 * 1024 * (n % 100 === 0 ? 1 : 0) + 100, n % 251);
      const bytes = shared.subarray(0, 1 + (n % 90));
      all.push(bytes);
      assert.ok(taped.push(bytes, false));
    }
    const told = Buffer.concat(all);
    assert.ok(Buffer.concat(taped.pieces).equals(told));
    const held = taped.pieces.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    assert.ok(held <= taped.takenBytes && taped.takenBytes < told.length * 1.5 + 2_000, `${held} ${taped.takenBytes}`);
    assert.equal(memory.usedBytes, taped.takenBytes);
  });

  it('are kept to where they fit, of each and of all', () => {
    const memory = new CaptureMemory(2_000);
    const one = new TapedBytes(memory, 1_000);
    assert.ok(one.push(Buffer.alloc(900), true) && !one.push(Buffer.alloc(101), false));
    const other = new TapedBytes(memory, 10_000);
    assert.ok(!other.push(Buffer.alloc(900), true));
    assert.deepEqual([other.pieces, other.takenBytes], [[], 0]);
    assert.ok(memory.usedBytes >= 900 && memory.usedBytes <= 1_100);
  });
});
