/** Content on its way into the database: nothing is waited for, memory is bounded, what is lost is counted. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CaptureMemory } from '../../src/capture/capture-memory.js';
import { type CaptureEnd, CaptureQueue } from '../../src/capture/capture-queue.js';
import type { NewRow } from '../../src/capture/captured.js';

const away = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });

let memory: CaptureMemory;
let written: string[][];
let ends: Partial<Record<CaptureEnd, number>>;
let fails: (() => Error | undefined) | undefined;
let waits: { ms: number; run: () => void }[];
let queue: CaptureQueue;

beforeEach(() => {
  memory = new CaptureMemory(1_000);
  written = [];
  ends = {};
  fails = undefined;
  waits = [];
  queue = new CaptureQueue({
    store: {
      insert: (rows) => {
        const error = fails?.();
        if (error) return Promise.reject(error);
        written.push(rows.map(({ entry }) => entry));
        return Promise.resolve();
      },
    },
    memory,
    timer: (ms, run) => {
      const wait = { ms, run };
      waits.push(wait);
      return () => void waits.splice(waits.indexOf(wait), 1);
    },
    onEnd: (end, count) => {
      ends[end] = (ends[end] ?? 0) + count;
    },
    onError: () => {},
  });
});

const row = (entry: string, bytes = 10): NewRow => ({
  ...{ entry, requestId: entry, key: 'k', team: null, user: null, model: 'm', endpoint: 'chat', stream: false },
  ...{ mode: 'on', atMs: 1, others: [], body: Buffer.alloc(bytes) },
});

function add(entry: string, bytes = 100): void {
  assert.ok(memory.take(bytes));
  queue.add({ bytes, prepare: () => Promise.resolve(row(entry)) });
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('what is captured', () => {
  it('is written together, in order, and gives its memory back', async () => {
    for (const entry of ['a', 'b', 'c']) add(entry);
    assert.equal(memory.usedBytes, 300);
    await queue.flush();
    assert.deepEqual([written, ends, memory.usedBytes], [[['a', 'b', 'c']], { stored: 3 }, 0]);
  });

  it('waits while the database is away, as what it is written as', async () => {
    fails = () => away;
    add('a');
    waits.shift()!.run();
    await settled();
    assert.deepEqual([written, memory.usedBytes, waits[0]!.ms], [[], 10, 1_000]);
    fails = undefined;
    waits.shift()!.run();
    await queue.flush();
    assert.deepEqual([written, ends, memory.usedBytes], [[['a']], { stored: 1 }, 0]);
  });

  it('that cannot be prepared or written is counted, and nothing else suffers', async () => {
    assert.ok(memory.take(50));
    queue.add({ bytes: 50, prepare: () => Promise.reject(new Error('bad')) });
    add('a');
    await queue.flush();
    assert.deepEqual([written, ends], [[['a']], { failed: 1, stored: 1 }]);
    fails = () => new Error('a row that the database does not take');
    add('b');
    await queue.flush();
    assert.deepEqual([ends, memory.usedBytes], [{ failed: 1, stored: 1, dropped_database: 1 }, 0]);
  });

  it('is tried once more at the end, and given up then', async () => {
    fails = () => away;
    for (const entry of ['a', 'b']) add(entry);
    await queue.close();
    assert.deepEqual([ends, memory.usedBytes], [{ dropped_database: 2 }, 0]);
  });

  it('begins anew whenever the last of it is over', async () => {
    // So many microtasks after the first was written: at one of them its run is just over.
    for (let turns = 0; turns < 12; turns++) {
      ends = {};
      add('a');
      const flushed = queue.flush();
      while (ends.stored === undefined) await Promise.resolve();
      for (let n = 0; n < turns; n++) await Promise.resolve();
      add('b');
      await flushed;
      await settled();
      await queue.flush();
      assert.deepEqual([ends, memory.usedBytes], [{ stored: 2 }, 0], `${turns}`);
    }
  });

  it('is waited for as far as it came by then, though more comes all the time', async () => {
    let n = 0;
    const more = (): void => {
      if (n < 500) add(`m${n++}`, 1);
    };
    fails = () => void more();
    add('a');
    await queue.flush();
    assert.ok(n < 500, `${n}`);
    fails = () => away;
    add('z');
    await queue.flush();
    assert.ok(!written.flat().includes('z'), 'nobody waits for a database that is away');
    fails = undefined;
    await queue.close();
    assert.ok(written.flat().includes('z'));
    assert.equal(memory.usedBytes, 0);
  });

  it('has only so much memory', () => {
    assert.ok(memory.take(1_000));
    assert.ok(!memory.take(1));
  });
});
