import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { RecordBuffer } from '../../src/ledger/spool-record.js';
import { claim } from './spool-support.js';

describe("the spool's folders", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tollgate-folders-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const leaveRecord = (folder: string, number = 1): void => {
    const records = new RecordBuffer();
    records.add('R', '{"id":"ent_1"}');
    writeFileSync(join(folder, `000000000${number}.spool`), records.bytes);
  };

  test('gateways at the same time have a folder each, and a folder that is free is used again', async () => {
    const [a, b, c] = await Promise.all([claim(dir), claim(dir), claim(dir)]);
    assert.equal(new Set([a.dir, b.dir, c.dir]).size, 3);
    b.release();
    const again = await claim(dir);
    assert.equal(again.dir, b.dir);
    for (const one of [a, c, again]) one.release();
    assert.equal(readdirSync(join(dir, 'spool')).length, 3);
  });

  test('files that are there are never written over, damaged ones included', async () => {
    const first = await claim(dir);
    leaveRecord(first.dir, 7);
    writeFileSync(join(first.dir, '0000000009.spool.damaged'), '');
    first.release();
    const second = await claim(dir);
    assert.equal(second.nextNumber, 10);
    assert.deepEqual(
      second.left.map(({ file, unposted }) => [basename(file), unposted]),
      [['0000000007.spool', 1]],
    );
    second.release();
  });

  test('what another machine left on a shared volume is taken over once its lock is not touched any more', async () => {
    const other = await claim(dir, 'other-machine');
    leaveRecord(other.dir);
    const early = await claim(dir, 'test');
    assert.deepEqual(early.left, [], 'it is alive');
    early.release();
    const late = await claim(dir, 'test', () => Date.now() + 120_000);
    assert.equal(late.left.length, 1);
    assert.ok(!existsSync(other.dir));
    late.release();
    other.release();
  });
});
