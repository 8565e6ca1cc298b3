/** Real files, real changes; waiting is for the change to be told, or for looks at files that stay as they are. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fingerprintNow, InputReader, type Inputs } from '../../src/config/inputs.js';
import { watchInputs } from '../../src/config/watch.js';

const POLL_MS = 40;
const SETTLE_MS = 30;

interface Watched {
  readonly dir: string;
  readonly file: string;
  /** How often a change was told. */
  readonly told: number;
  /** The next time that a change is told, after which what is there counts as loaded. */
  next(): Promise<void>;
  /** Enough looks to have noticed a change. */
  quiet(): Promise<void>;
}

function read(files: readonly string[]): Inputs {
  const reading = new InputReader(true);
  for (const file of files) {
    try {
      reading.read(file);
    } catch {
      // What cannot be read is content too.
    }
  }
  return reading.inputs();
}

function watched(t: TestContext, files: readonly string[] = ['config.yaml', '.env'], pollMs = POLL_MS): Watched {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-watch-'));
  const paths = files.map((name) => join(dir, name));
  writeFileSync(paths[0]!, 'first');
  let loaded = read(paths);
  let told = 0;
  let waiting: (() => void)[] = [];
  const watch = watchInputs({
    loaded: () => loaded,
    onChange: async () => {
      told++;
      loaded = read(paths);
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    pollMs,
    settleMs: SETTLE_MS,
  });
  const alive = setInterval(() => {}, 1000); // the watch alone keeps no process running
  t.after(() => {
    watch.close();
    clearInterval(alive);
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    file: paths[0]!,
    get told() {
      return told;
    },
    next: () => new Promise((resolve) => waiting.push(resolve)),
    quiet: () => new Promise((resolve) => setTimeout(resolve, 6 * (POLL_MS + SETTLE_MS))),
  };
}

for (const [how, change] of [
  ['written in place', ({ file }) => writeFileSync(file, 'second')],
  [
    'written to the same size and given its old times',
    ({ file }) => {
      writeFileSync(file, 'tsrif');
      utimesSync(file, 1000, 1000);
    },
  ],
  [
    'replaced by a rename',
    ({ dir, file }) => {
      writeFileSync(join(dir, 'new'), 'second');
      renameSync(join(dir, 'new'), file);
    },
  ],
  ['removed', ({ file }) => unlinkSync(file)],
  ['joined by a file that was missing', ({ dir }) => writeFileSync(join(dir, '.env'), 'A=1')],
] as const satisfies readonly (readonly [string, (w: Watched) => void])[]) {
  test(`a file that is ${how} is told once`, async (t) => {
    const w = watched(t);
    const next = w.next();
    change(w);
    await next;
    await w.quiet();
    assert.equal(w.told, 1);
  });
}

test('it is noticed by polling alone, and by events alone', async (t) => {
  const byEvent = watched(t, ['config.yaml'], 3_600_000);
  await byEvent.quiet(); // until the folder is watched
  const event = byEvent.next();
  writeFileSync(byEvent.file, 'second');
  await event;
  // A file in a folder that does not exist yet: nothing to watch.
  const polled = watched(t, ['config.yaml', 'later/secret']);
  const told = polled.next();
  mkdirSync(join(polled.dir, 'later'));
  writeFileSync(join(polled.dir, 'later/secret'), 'x');
  await told;
});

test('a burst of writes is one change, told when it is over', async (t) => {
  const w = watched(t);
  const next = w.next();
  for (let i = 0; i < 50; i++) {
    writeFileSync(w.file, `${i}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  writeFileSync(w.file, 'last');
  await next;
  await w.quiet();
  assert.equal(w.told, 1);
});

test('what is put back before it settled, and what leaves the content as it is, is no change', async (t) => {
  const w = watched(t);
  writeFileSync(w.file, 'second');
  writeFileSync(w.file, 'first');
  utimesSync(w.file, 5000, 5000);
  writeFileSync(join(w.dir, 'another'), 'x');
  await w.quiet();
  assert.equal(w.told, 0);
});

test('a link that is made to lead elsewhere is a change, time and again', async (t) => {
  const w = watched(t);
  for (const version of ['v1', 'v2', 'v3']) {
    mkdirSync(join(w.dir, version));
    writeFileSync(join(w.dir, version, 'config.yaml'), version);
  }
  symlinkSync('v1', join(w.dir, '..data'));
  symlinkSync('..data/config.yaml', join(w.dir, 'link'));
  let next = w.next();
  renameSync(join(w.dir, 'link'), w.file);
  await next;
  for (const version of ['v2', 'v3']) {
    next = w.next();
    symlinkSync(version, join(w.dir, '..tmp'));
    renameSync(join(w.dir, '..tmp'), join(w.dir, '..data'));
    await next;
  }
  assert.equal(w.told, 3);
});

test('nothing is told after it was closed', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-watch-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'config.yaml');
  writeFileSync(file, 'a');
  const inputs = read([file]);
  const watch = watchInputs({
    loaded: () => inputs,
    onChange: async () => assert.fail('told'),
    pollMs: 10,
    settleMs: 10,
  });
  writeFileSync(file, 'b');
  watch.close();
  await new Promise((resolve) => setTimeout(resolve, 150));
});

test('the fingerprint is of content and its place, the same whichever way it was read', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-inputs-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const files = ['a', 'b', 'missing', 'folder'].map((name) => join(dir, name));
  mkdirSync(files[3]!);
  writeFileSync(files[0]!, 'xy');
  writeFileSync(files[1]!, 'z');
  const { fingerprint } = read(files);
  assert.equal(await fingerprintNow(files), fingerprint);
  writeFileSync(files[0]!, 'x');
  writeFileSync(files[1]!, 'yz');
  assert.notEqual(await fingerprintNow(files), fingerprint);
});
