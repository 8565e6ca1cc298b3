/** The log as whoever reads standard output finds it. */
import assert from 'node:assert/strict';
import fs, { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createLog, type LogLevel } from '../../src/telemetry/log.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tollgate-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = (level: LogLevel) => {
  const file = join(dir, 'out');
  const read = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { running: createLog(level, openSync(file, 'w')), read };
};

test('lines stand in the order in which they were told, whoever told them, with nothing lost at the end', async () => {
  const { running, read } = open('info');
  const told: unknown[] = [];
  for (let i = 0; i < 500; i++) {
    if (i % 7 === 3) running.log.warn({ i }, 'by the way');
    else running.access({ i, path: '/a "quoted" \n path', absent: undefined });
    told.push(i);
  }
  await running.close();
  const lines = read();
  assert.deepEqual(
    lines.map(({ i }) => i),
    told,
  );
  assert.equal(lines[0]?.['msg'], 'request');
  assert.equal(lines[0]?.['path'], '/a "quoted" \n path');
  assert.equal('absent' in lines[0]!, false);
  assert.equal(lines[3]?.['msg'], 'by the way');
});

test('an access line has the time of its request, not that of its writing', async () => {
  const { running, read } = open('info');
  const before = Date.now();
  running.access({ i: 1 });
  const after = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await running.close();
  const time = Date.parse(String(read()[0]?.['time']));
  assert.ok(before <= time && time <= after, `${before} ${time} ${after}`);
});

test('access lines are of level info', async () => {
  const { running, read } = open('warn');
  running.access({ i: 1 });
  running.log.warn({ i: 2 }, 'warned');
  await running.close();
  assert.deepEqual(
    read().map(({ i }) => i),
    [2],
  );
});

test('several processes write to one output in whole lines: no write is longer than a pipe takes at once', async () => {
  const writes: number[] = [];
  const { write } = fs;
  fs.write = ((fd: number, text: string, ...rest: [never]) => {
    writes.push(Buffer.byteLength(text));
    return write(fd, text, ...rest);
  }) as typeof fs.write;
  try {
    const file = join(dir, 'out');
    const running = createLog('info', openSync(file, 'w'), 2);
    for (let i = 0; i < 100; i++) running.access({ i, path: `/${'a'.repeat(i + 200)}` });
    for (let i = 0; i < 100; i++) running.access({ i, path: `/${'\u20ac'.repeat(i + 200)}` });
    await running.close();
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { i: number }).i),
      Array.from({ length: 200 }, (_, i) => i % 100),
    );
    assert.ok(Math.max(...writes) <= 4_096, `${writes}`);
    const bytes = writes.reduce((sum, one) => sum + one, 0);
    assert.ok(writes.length <= Math.ceil(bytes / 2_500), `${writes}`);
  } finally {
    fs.write = write;
  }
});
