/** What each durability waits for before an attempt is sent and before the caller has its last byte. */
import assert from 'node:assert/strict';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { WriterFs } from '../../src/ledger/spool-writer.js';
import { entry } from '../contract/ledger.js';
import { attempt, type Rig, rig, TestStore } from './spool-support.js';

describe('durability', () => {
  let dir: string;
  let store: TestStore;
  let open: Rig | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tollgate-durability-'));
    store = new TestStore();
  });
  afterEach(async () => {
    store.away = false;
    await open?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** A file system that writes down what it is asked to do, in order, once it is done. */
  function recorder(): { fs: WriterFs; done: string[] } {
    const done: string[] = [];
    const noting = (name: 'write' | 'fdatasync') =>
      ((...args: unknown[]) => {
        const told = args.pop() as (...results: unknown[]) => void;
        const work = fs[name] as (...passed: unknown[]) => void;
        work(...args, (...results: unknown[]) => {
          done.push(name);
          told(...results);
        });
      }) as unknown;
    return {
      done,
      fs: {
        ...fs,
        write: noting('write') as typeof fs.write,
        fdatasync: noting('fdatasync') as typeof fs.fdatasync,
      },
    };
  }

  test('process: the intent and the result are each written, nothing is flushed', async () => {
    const noted = recorder();
    open = await rig(dir, store, { fs: noted.fs });
    const one = entry();
    await open.ledger.begin(one);
    assert.deepEqual(noted.done, ['write']);
    open.ledger.append(one);
    await open.ledger.durable();
    assert.deepEqual(noted.done, ['write', 'write']);
  });

  test('fsync: each is on the disk, and so is the name of its file', async () => {
    const noted = recorder();
    open = await rig(dir, store, { fs: noted.fs, sync: true });
    const one = entry();
    await open.ledger.begin(one);
    assert.deepEqual(noted.done, ['fdatasync', 'write', 'fdatasync'], 'the folder, and the record');
    open.ledger.append(one);
    await open.ledger.durable();
    assert.deepEqual(noted.done.slice(3), ['write', 'fdatasync']);
  });

  test('fsync: a flush that fails is a write that failed, and is not tried on the same file', async () => {
    let fails = true;
    const failing: WriterFs = {
      ...fs,
      fdatasync: ((fd: number, told: (error: Error | null) => void) => {
        if (fails && !fs.fstatSync(fd).isDirectory()) return void setImmediate(told, new Error('EIO'));
        fs.fdatasync(fd, told);
      }) as typeof fs.fdatasync,
    };
    open = await rig(dir, store, { fs: failing, sync: true });
    assert.equal((await open.ledger.begin(entry()))?.code, 'unavailable');
    fails = false;
    while (open.spool.state.problem !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    const one = entry();
    await attempt(open.ledger, one, one);
    await open.ledger.flush();
    assert.deepEqual(store.written, [one]);
  });

  test('sync-postgres: the entry is in the database before the last byte', async () => {
    open = await rig(dir, store, { sync: true }, { durability: 'sync-postgres', batchMs: 60_000 });
    const some = Array.from({ length: 5 }, () => entry());
    for (const one of some) {
      await attempt(open.ledger, one, one);
      assert.equal(store.written.at(-1)?.id, one.id);
    }
  });

  test('sync-postgres: while the database is away nothing is sent; what was under way is kept', async () => {
    open = await rig(dir, store, { sync: true }, { durability: 'sync-postgres' });
    const { ledger } = open;
    const running = entry();
    assert.equal(await ledger.begin(running), undefined);
    store.away = true;
    ledger.append(running);
    const answered = ledger.durable();
    while (ledger.refusal() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const refusal = await ledger.begin(entry());
    assert.equal(refusal?.code, 'unavailable');
    assert.match(refusal?.message ?? '', /database is away/);
    assert.ok(refusal?.headers?.['retry-after']);
    store.away = false;
    await answered;
    assert.deepEqual(store.written, [running]);
    assert.equal(ledger.refusal(), undefined);
  });
});
