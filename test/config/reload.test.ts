// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config/config.js';
import { type Loaded, loadConfig, type Source } from '../../src/config/load.js';
import { loadElsewhere } from '../../src/config/load-elsewhere.js';
import { Reloader, type ReloadResult } from '../../src/config/reload.js';
import { ManualClock } from '../support/clock.js';
import { folder, providerTypes } from './support.js';

const MODELS = 'providers: { s: { type: sandbox } }\nmodels: { m: { targets: [{ provider: s, model: s }] } }\n';

interface Setup {
  readonly dir: string;
  readonly clock: ManualClock;
  readonly reloader: Reloader;
  readonly applied: Config[];
  readonly outcomes: ReloadResult[];
  write(text: string): void;
}

function setup(t: TestContext, files: Record<string, string>, more: { apply?: (config: Config) => void } = {}): Setup {
  const dir = folder(t, files);
  const clock = new ManualClock();
  const applied: Config[] = [];
  const outcomes: ReloadResult[] = [];
  const load = async (again: Source): Promise<Loaded> => loadConfig({ env: {}, cwd: dir, providerTypes, again });
  const first = loadConfig({ env: {}, cwd: dir, providerTypes });
  assert.ok(first.ok);
  const apply = more.apply ?? ((config) => void applied.push(config));
  const reloader = new Reloader({ first, load, apply, clock, onResult: (outcome) => void outcomes.push(outcome) });
  return {
    ...{ dir, clock, reloader, applied, outcomes },
    write: (text) => writeFileSync(join(dir, 'config.yaml'), text),
  };
}

test('a good file is applied once, and what changed is named', async (t) => {
  const { reloader, applied, outcomes, clock, write } = setup(t, { 'config.yaml': MODELS });
  const before = reloader.state.hash;
  write(`${MODELS.replace('m:', 'n:')}server: { body_limit: 1mb }\n`);
  clock.advance(5000);
  const outcome = await reloader.reload('file');
  assert.ok(outcome.status === 'reloaded');
  assert.deepEqual([...outcome.changed].sort(), ['models.m', 'models.n', 'server.body_limit']);
  assert.notEqual(outcome.hash, before);
  assert.deepEqual(reloader.state, {
    ...{ file: 'config.yaml', hash: outcome.hash, since: clock.now(), restart: [], last: outcome },
  });
  assert.equal((await reloader.reload('api')).status, 'unchanged');
  assert.equal(applied.length, 1);
  assert.equal(applied[0]!.server.body_limit, 1024 * 1024);
  assert.deepEqual(
    outcomes.map(({ status, trigger }) => `${status} ${trigger}`),
    ['reloaded file', 'unchanged api'],
  );
});

test('a bad file is not applied, and neither is one that cannot be made use of', async (t) => {
  const bad = setup(t, { 'config.yaml': MODELS });
  const state = bad.reloader.state;
  bad.write(MODELS.replace('targets', 'tragets'));
  const outcome = await bad.reloader.reload('signal');
  assert.ok(outcome.status === 'rejected');
  assert.deepEqual(
    outcome.problems.map(({ file, line, column, path }) => `${file}:${line}:${column} ${path}`),
    ['config.yaml:2:11 models.m.targets', 'config.yaml:2:16 models.m.tragets'],
  );
  assert.deepEqual({ ...bad.reloader.state, last: null }, state);
  assert.deepEqual(bad.applied, []);

  const failing = setup(
    t,
    { 'config.yaml': MODELS },
    {
      apply: () => {
        throw new Error('the disk is full');
      },
    },
  );
  failing.write(MODELS.replace('m:', 'n:'));
  const failed = await failing.reloader.reload('file');
  assert.ok(failed.status === 'rejected');
  assert.match(failed.problems[0]!.message, /the disk is full/);
  assert.equal((await failing.reloader.reload('file')).status, 'rejected');
});

test('what was read is remembered whether or not it was of use, secrets and .env too', async (t) => {
  const secret = `${MODELS}admin: { key: { file: key } }\n`;
  const { reloader, dir, write } = setup(t, { 'config.yaml': secret, key: 'a'.repeat(32) });
  assert.deepEqual(
    reloader.inputs.files.map((file) => file.slice(dir.length + 1)),
    ['config.yaml', '.env', 'key'],
  );
  const seen = [reloader.inputs.fingerprint];
  for (const change of [
    () => writeFileSync(join(dir, 'key'), 'a'.repeat(33)),
    () => writeFileSync(join(dir, '.env'), 'A=1'),
    () => rmSync(join(dir, 'key')),
    () => write('models: ['),
    () => write(`${secret}# mended\n`),
  ]) {
    change();
    await reloader.reload('file');
    assert.ok(!seen.includes(reloader.inputs.fingerprint));
    seen.push(reloader.inputs.fingerprint);
  }
});

test('settings that wait for a restart keep their value and are named at each reload', async (t) => {
  const { reloader, applied, write } = setup(t, { 'config.yaml': MODELS });
  const changed =
    'server: { host: 0.0.0.0, port: 1, body_limit: 1kb }\ndata_dir: /elsewhere\ndatabase: { url: "postgres://x/y" }\nredis: { url: "redis://x", on_failure: open }\ncache: { index: pgvector }\n';
  write(MODELS + changed);
  const restart = [
    'server.host',
    'server.port',
    'data_dir',
    'database.url',
    'redis.url',
    'redis.on_failure',
    'cache.index',
  ];
  for (const status of ['reloaded', 'unchanged'] as const) {
    const outcome = await reloader.reload('file');
    assert.ok(outcome.status === status);
    assert.deepEqual(outcome.restart, restart);
  }
  const { server, database, redis, cache, data_dir } = applied[0]!;
  assert.equal(cache.index, 'memory');
  assert.deepEqual([server.host, server.port, server.body_limit], ['127.0.0.1', 4000, 1024]);
  assert.deepEqual([database, redis], [{ url: null }, { url: null, on_failure: 'local' }]);
  assert.ok(data_dir.endsWith('/data'));
  write(MODELS);
  await reloader.reload('file');
  assert.deepEqual(reloader.state.restart, []);
});

test('a file that is gone or empty is rejected, and no other file takes its place', async (t) => {
  const { reloader, dir, write, applied } = setup(t, { 'config.yaml': MODELS });
  for (const spoil of [() => write(''), () => write(' \n\t\n'), () => rmSync(join(dir, 'config.yaml'))]) {
    spoil();
    const outcome = await reloader.reload('file');
    assert.ok(outcome.status === 'rejected', JSON.stringify(outcome));
    assert.match(outcome.problems[0]!.message, /empty|no such file/);
  }
  assert.deepEqual(applied, []);
  write(MODELS);
  assert.equal((await reloader.reload('file')).status, 'unchanged');
});

test('a named pipe is read once; a reload does not wait for it', async (t) => {
  const dir = folder(t, { text: MODELS });
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(dir, 'pipe')]);
  const { reloader } = setup(t, { 'config.yaml': MODELS });
  const again: Source = { file: join(dir, 'pipe'), baseDir: dir, shown: 'pipe' };
  const loaded = loadConfig({ env: {}, cwd: dir, providerTypes, again });
  assert.ok(!loaded.ok);
  assert.match(loaded.problems[0]!.message, /pipe/);
  assert.equal((await reloader.reload('file')).status, 'unchanged');
});

/** A reloader whose readings end when the test says so. */
function byHand(t: TestContext) {
  const dir = folder(t, { 'config.yaml': MODELS });
  const first = loadConfig({ env: {}, cwd: dir, providerTypes });
  assert.ok(first.ok);
  const readings: ((limit: string) => void)[] = [];
  const load = () =>
    new Promise<Loaded>((resolve) => {
      readings.push((limit) => {
        writeFileSync(join(dir, 'config.yaml'), `${MODELS}server: { body_limit: ${limit} }\n`);
        resolve(loadConfig({ env: {}, cwd: dir, providerTypes, again: first.source }));
      });
    });
  const applied: number[] = [];
  const reloader = new Reloader({
    ...{ first, load, clock: new ManualClock(), onResult: () => {} },
    apply: ({ server }) => void applied.push(server.body_limit),
  });
  return { reloader, readings, applied, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

test('whoever asks while a reading goes on shares the next one, which begins after it', async (t) => {
  const { reloader, readings, applied, turn } = byHand(t);
  const first = reloader.reload('file');
  await turn();
  const later = [reloader.reload('signal'), reloader.reload('api'), reloader.reload('file')];
  await turn();
  assert.equal(readings.length, 1);
  readings[0]!('1kb');
  await first;
  await turn();
  assert.equal(readings.length, 2);
  readings[1]!('2kb');
  const outcomes = await Promise.all(later);
  assert.ok(outcomes.every((outcome) => outcome === outcomes[0]));
  assert.deepEqual(applied, [1024, 2048]);
});

test('what was read before what runs is not taken any more', async (t) => {
  const { reloader, readings, applied } = byHand(t);
  const [older, newer] = [reloader.read(), reloader.read()];
  readings[1]!('2kb');
  const outcome = reloader.take(await newer, 'file');
  readings[0]!('1kb');
  assert.equal(reloader.take(await older, 'api'), outcome, 'the answer is what the newer reading came to');
  assert.deepEqual(applied, [2048]);
});

test('a reading that fails without a word is a rejection, and the next one is made', async (t) => {
  const dir = folder(t, { 'config.yaml': MODELS });
  const first = loadConfig({ env: {}, cwd: dir, providerTypes });
  assert.ok(first.ok);
  let fails = true;
  const reloader = new Reloader({
    ...{ first, clock: new ManualClock(), apply: () => {}, onResult: () => {} },
    load: async (again) => {
      if (fails) throw new Error('no memory');
      return loadConfig({ env: {}, cwd: dir, providerTypes, again });
    },
  });
  const outcome = await reloader.reload('signal');
  assert.ok(outcome.status === 'rejected');
  assert.match(outcome.problems[0]!.message, /no memory/);
  fails = false;
  assert.equal((await reloader.reload('signal')).status, 'unchanged');
});

test('a thread loads what is loaded here', async (t) => {
  const dir = folder(t, {
    'config.yaml': `${MODELS}admin: { key: "\${KEY}" }\n`,
    '.env': 'KEY=from-dotenv-that-is-of-32-characters-and-more',
  });
  const options = { env: { OTHER: 'x' }, cwd: dir, providerTypes };
  const elsewhere = await loadElsewhere(options);
  assert.deepEqual(elsewhere, loadConfig(options));
  assert.ok(elsewhere.ok && Object.isFrozen(elsewhere.config.models['m']!.targets[0]));
  writeFileSync(join(dir, 'config.yaml'), 'models: [');
  assert.deepEqual(await loadElsewhere(options), loadConfig(options));
});
