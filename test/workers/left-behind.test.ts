/** What ended workers left: holds are closed when the files of their own spool are gone, once, and whoever waits is told or gives up. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LeftBehind } from '../../src/workers/left-behind.js';
import type { LimitsDesk } from '../../src/workers/limits-desk.js';
import { ManualClock } from '../support/clock.js';
import { until } from '../support/http1.js';

const desk = (size: number) => ({ size }) as unknown as LimitsDesk;

function folderWith(t: TestContext, ...names: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-left-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of names) writeFileSync(join(dir, name), '');
  return dir;
}

function leftBehind(closeHolds: (desk: LimitsDesk) => Promise<void> = async () => {}) {
  const closed: LimitsDesk[] = [];
  const warnings: object[] = [];
  const clock = new ManualClock();
  const deps = {
    closeHolds: async (one: LimitsDesk) => {
      closed.push(one);
      await closeHolds(one);
    },
    log: { warn: (fields: object) => void warnings.push(fields) },
  };
  return { left: new LeftBehind(deps, clock), clock, closed, warnings };
}

test('of two that end at once each waits for its own spool: one that is read back sooner closes nothing of the other', async (t) => {
  const { left, closed } = leftBehind();
  const [first, second] = [folderWith(t, '0000000001.spool', 'lock'), folderWith(t, '0000000007.spool', 'lock')];
  const [one, two] = [desk(3), desk(4)];
  left.add(2, one, first);
  left.add(3, two, second);
  writeFileSync(join(first, '0000000002.spool'), 'of a successor');
  rmSync(join(first, '0000000001.spool'));
  await assert.rejects(left.settled(400), /not in the ledger yet/);
  assert.deepEqual(closed, [one]);
  const settled = left.settled(5_000);
  rmSync(join(second, '0000000007.spool'));
  await settled;
  assert.deepEqual(closed, [one, two]);
});

test('entries without holds are waited for too; of a worker without either nothing is left', async (t) => {
  const { left } = leftBehind();
  const dir = folderWith(t, '0000000001.spool');
  left.add(2, desk(0), undefined);
  await left.settled(0);
  left.add(3, desk(0), dir);
  await assert.rejects(left.settled(150));
  rmSync(dir, { recursive: true });
  await left.settled(5_000);
});

test('where the ledger cannot be read, each is tried once a second, and told once', async (t) => {
  let away = true;
  const { left, closed, warnings } = leftBehind(async () => {
    if (away) throw new Error('the database is away');
  });
  for (let worker = 2; worker < 6; worker++) left.add(worker, desk(1), folderWith(t));
  await assert.rejects(left.settled(1_500));
  assert.ok(closed.length <= 8, `${closed.length}`);
  assert.equal(warnings.length, 4);
  away = false;
  await left.settled(5_000);
});

test('the lock of one that ended is touched until its folder has a new owner, so that no other machine takes it away meanwhile', async (t) => {
  const { left, clock } = leftBehind();
  const [dir, successors] = [folderWith(t, '0000000001.spool'), folderWith(t, '0000000001.spool')];
  const locks = [join(dir, 'lock'), join(successors, 'lock')] as const;
  const touched = () => locks.map((lock) => Math.round(statSync(lock).mtimeMs));
  for (const lock of locks) writeFileSync(lock, '{"pid":1}');
  for (const lock of locks) utimesSync(lock, 1, 1);
  left.add(2, desk(1), dir);
  left.add(3, desk(1), successors);
  const first = clock.now();
  await until(() => touched().every((at) => at === first));
  writeFileSync(locks[1], '{"pid":2}');
  utimesSync(locks[1], 1, 1);
  clock.advance(10_000);
  await until(() => touched()[0] === first + 10_000);
  clock.advance(10_000);
  await until(() => touched()[0] === first + 20_000);
  assert.equal(touched()[1], 1_000);
  for (const one of [dir, successors]) rmSync(join(one, '0000000001.spool'));
  await left.settled(5_000);
});

test('files that are still there after a minute are told once', async (t) => {
  const { left, clock, closed, warnings } = leftBehind();
  const dir = folderWith(t, '0000000001.spool', '0000000002.spool');
  const file = join(dir, '0000000001.spool');
  left.add(2, desk(3), dir);
  clock.advance(59_999);
  await assert.rejects(left.settled(250));
  assert.deepEqual(warnings, []);
  clock.advance(1);
  await assert.rejects(left.settled(350));
  assert.deepEqual(warnings, [{ peer: 2, holds: 3, files: 2, file }]);
  assert.deepEqual(closed, []);
  rmSync(dir, { recursive: true });
  await left.settled(5_000);
  assert.equal(closed.length, 1);
});
