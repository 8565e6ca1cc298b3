import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { DataDirectoryInUse, takeLock } from '../../src/store/data-lock.js';
import { startChild } from './child.js';

const dir = mkdtempSync(join(tmpdir(), 'tollgate-lock-'));
const file = join(dir, 'pg.lock');
after(() => rmSync(dir, { recursive: true }));
beforeEach(() => rmSync(file, { force: true }));

const refusedFor = (pid: number | undefined) => (error: unknown) =>
  error instanceof DataDirectoryInUse && error.message.includes(file) && error.message.includes(`process ${pid}`);

test('who has it keeps it until it is given back, in one process too', async () => {
  const unlock = await takeLock(file);
  await assert.rejects(takeLock(file), refusedFor(process.pid));
  unlock();
  assert.equal(existsSync(file), false);
  const again = await takeLock(file);
  unlock();
  assert.equal(existsSync(file), true, 'giving back twice takes nothing from who has it now');
  again();
});

test('another process that is alive keeps it, and is named; one that was killed does not', async () => {
  const child = startChild('lock', file);
  assert.equal(await child.line(), 'open');
  await assert.rejects(takeLock(file), refusedFor(child.process.pid));
  await child.end('SIGKILL');
  assert.equal(existsSync(file), true);
  (await takeLock(file))();
});

test('a file of this very process number that this process did not write is left over', async () => {
  writeFileSync(file, JSON.stringify({ pid: process.pid, born: null }));
  (await takeLock(file))();
});

const skip = process.platform === 'linux' ? false : 'only Linux says when a process was born';
test('a process that only has the number of the one before does not count', { skip }, async () => {
  writeFileSync(file, JSON.stringify({ pid: process.ppid, born: 'an earlier boot/12345' }));
  (await takeLock(file))();
});

test('a living process of which nothing else is known counts', async () => {
  writeFileSync(file, JSON.stringify({ pid: process.ppid, born: null }));
  await assert.rejects(takeLock(file), refusedFor(process.ppid));
});

test('a file that says nothing of use is left over', async () => {
  for (const content of ['', 'null', '{}', '{"pid": 0}', '{"pid": "x"}', '{"pid": -1}', '\0\0', '{"pid": 12']) {
    writeFileSync(file, content);
    (await takeLock(file))();
  }
});

test('of processes that start together over a left-over file one wins, and nothing is left lying about', async () => {
  writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, born: null }));
  const children = Array.from({ length: 6 }, () => startChild('lock', file));
  const said = await Promise.all(children.map((child) => child.line()));
  assert.equal(said.filter((line) => line === 'open').length, 1, said.join('\n'));
  const winner = children[said.indexOf('open')];
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).pid, winner?.process.pid);
  await Promise.all(children.map((child) => child.end('stdin')));
  assert.deepEqual(readdirSync(dir), ['pg.lock']);
});

test('a folder that cannot be written is an error that says so', async () => {
  await assert.rejects(takeLock(join(dir, 'nowhere', 'pg.lock')), /ENOENT/);
});
