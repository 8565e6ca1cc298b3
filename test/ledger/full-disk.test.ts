/** A disk that is full, in files whose writes fail as a full disk lets them fail: it is used again by itself. */
import assert from 'node:assert/strict';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { smallVolume, spoolBound } from '../../src/ledger/spool-volume.js';
import type { WriterFs } from '../../src/ledger/spool-writer.js';
import { entry } from '../contract/ledger.js';
import { type Rig, rig, TestStore } from './spool-support.js';

const ids = (entries: readonly Entry[]): string[] => entries.map(({ id }) => id).sort();
const intentOf = (result: Entry): Entry => ({ ...result, status: 500, error: 'interrupted' });

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
async function until(is: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !is(); await turn())
    assert.ok(performance.now() < deadline, `not within ten seconds: ${what}`);
}

interface SmallDisk {
  readonly fs: WriterFs;
  tries: number;
  files(): string[];
}

/** Spool files share so many bytes: a write that does not fit writes what does, as disks do. `tries` counts failed writes. */
function smallDisk(root: string, capacity: number): SmallDisk {
  const files = () =>
    fs
      .readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.spool'))
      .map((name) => join(root, name));
  const used = () => files().reduce((sum, file) => sum + fs.statSync(file).size, 0);
  type Done = (error: Error | null, written?: number) => void;
  const write = (fd: number, bytes: Buffer, from: number, length: number, at: number, done: Done) => {
    const room = Math.min(length, capacity - used());
    if (room > 0) return fs.write(fd, bytes, from, room, at, done);
    disk.tries += 1;
    return setImmediate(done, Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  };
  const disk: SmallDisk = { fs: { ...fs, write: write as unknown as typeof fs.write }, tries: 0, files };
  return disk;
}

describe('a full disk', () => {
  let dir: string;
  let store: TestStore;
  const open: Rig[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tollgate-full-'));
    store = new TestStore();
  });
  afterEach(async () => {
    store.away = false;
    for (const one of open.splice(0)) await one.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const start = async (options: Parameters<typeof rig>[2] = {}) => {
    const one = await rig(dir, store, options);
    open.push(one);
    return one;
  };

  /** An attempt that is let in, with its result: files that are posted may still be on their way out. */
  async function afterwards(ledger: Ledger): Promise<Entry> {
    for (const deadline = performance.now() + 10_000; ; await turn()) {
      const one = entry();
      if (await ledger.begin(intentOf(one))) {
        assert.ok(performance.now() < deadline, 'attempts are let in');
        continue;
      }
      ledger.append(one);
      await ledger.durable();
      return one;
    }
  }

  /** Attempts, each with its result, until one is refused; answers those that were let in. */
  async function fill(ledger: Ledger): Promise<Entry[]> {
    for (const all: Entry[] = []; ; ) {
      const one = entry();
      if (await ledger.begin(intentOf(one))) return all;
      all.push(one);
      ledger.append(one);
    }
  }

  for (const segmentBytes of [16 * 1024, 1024 * 1024]) {
    test(`is used again once the store took what is on it, without a file for each try (files of ${segmentBytes} bytes)`, async () => {
      const disk = smallDisk(dir, 150_000);
      const { ledger, spool } = await start({ fs: disk.fs, segmentBytes });
      const told: string[] = [];
      for (let round = 1; round <= 3; round++) {
        store.away = true;
        const running = entry();
        await ledger.begin(intentOf(running));
        const all = await fill(ledger);
        assert.equal(spool.state.problem, 'unwritable');
        for (let i = 0; i < 20; i++) assert.ok(await ledger.begin(intentOf(entry())), 'refused while it is full');
        ledger.append(running);
        const { length } = disk.files();
        const from = disk.tries;
        await until(() => disk.tries > from + 5, 'it is tried again');
        assert.ok(disk.files().length <= length + 1, 'nothing is left by tries');
        store.away = false;
        await ledger.flush();
        const after = await afterwards(ledger);
        await ledger.flush();
        told.push(...ids([...all, running, after]));
        assert.deepEqual(ids(store.written), [...told].sort());
        assert.ok(all.length > 40, `round ${round} had room for ${all.length}`);
      }
      assert.equal(ledger.lost, 0);
      await until(() => disk.files().length <= 1, 'files go');
    });
  }

  test('a process that dies while it is full leaves what was let in, and nothing of what was refused', async () => {
    const disk = smallDisk(dir, 100_000);
    store.away = true;
    const left = await rig(dir, store, { fs: disk.fs });
    const running = entry();
    await left.ledger.begin(intentOf(running));
    const all = await fill(left.ledger);
    left.die();
    store.away = false;
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written), ids([...all, running]));
    await left.spool.close(); // the dead one tries no longer
  });

  test('an attempt that was refused and whose file is gone is not entered, whoever reads what is left', async () => {
    const disk = smallDisk(dir, 60_000);
    const left = await rig(dir, store, { fs: disk.fs, segmentBytes: 8 * 1024 });
    store.away = true;
    const all = await fill(left.ledger);
    store.away = false;
    await left.ledger.flush();
    const last = [await afterwards(left.ledger)];
    const given = entry();
    if (!(await left.ledger.begin(intentOf(given)))) left.ledger.abandon(given.id);
    last.push(await afterwards(left.ledger));
    await left.ledger.flush();
    left.die();
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written), ids([...all, ...last]));
    await left.spool.close();
  });
});

test('a spool keeps within a volume that is smaller than its maximum, and says so', () => {
  const volume = { totalBytes: 2 * 1024 * 1024, freeBytes: 0 };
  assert.equal(spoolBound(4e9, volume), 1_966_080);
  assert.match(
    smallVolume(4 * 1024 ** 3, volume) ?? '',
    /has 2 MB and ledger\.max_size is 4096 MB: at most 1\.88 MB .* larger volume, or lower ledger\.max_size/,
  );
  assert.equal(spoolBound(1e6, volume), 1e6);
  assert.equal(smallVolume(1e6, volume), undefined);
  assert.equal(spoolBound(4e9, undefined), 4e9);
  assert.equal(smallVolume(4e9, undefined), undefined);
});
