/** The demo key: once for each database, for what costs nothing, and no file is named that does not hold. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { demoKeyOf } from '../../src/app/keys.js';
import { providerTypesOf } from '../../src/app/provider-types.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { localChanges } from '../../src/identity/changes.js';
import type { KeyStore } from '../../src/identity/key-store.js';
import { createKeys } from '../../src/identity/keys.js';
import { memoryKeyStore } from '../../src/identity/keys-memory.js';
import { hashOf } from '../../src/identity/secret.js';
import { packageRoot } from '../../src/lib/root.js';
import { ManualClock } from '../support/clock.js';

const root = mkdtempSync(join(tmpdir(), 'tollgate-demo-'));
after(() => rmSync(root, { recursive: true }));
const folder = (): string => mkdtempSync(join(root, 'data-'));

function config(data_dir: string): Config {
  const file = join(packageRoot, 'config.yaml');
  const loaded = loadConfig({ file, env: {}, cwd: root, providerTypes: providerTypesOf(providers) });
  assert.ok(loaded.ok);
  return { ...loaded.config, data_dir };
}

function start(store: KeyStore, dataDir: string) {
  const keys = createKeys({ store, clock: new ManualClock(), changes: localChanges() });
  return { keys, demo: () => demoKeyOf(config(dataDir), { keys, find: store.find, providers }) };
}

test('a first start makes it for what the shipped configuration serves without credentials, and later starts only name it', async () => {
  const store = memoryKeyStore();
  const dir = folder();
  const { demo } = start(store, dir);
  const first = await demo();
  assert.equal(first.file, join(dir, 'demo.key'));
  assert.equal(readFileSync(first.file!, 'utf8').trim(), first.made);
  assert.equal(statSync(first.file!).mode & 0o777, 0o600);
  assert.deepEqual((await store.find(hashOf(first.made!)))?.caller.key.models, ['sandbox', 'all-MiniLM-L6-v2']);
  assert.deepEqual(await demo(), { file: first.file, made: undefined });
});

test('a second gateway of the database makes none, and names no file', async () => {
  const store = memoryKeyStore();
  await start(store, folder()).demo();
  const dir = folder();
  assert.deepEqual(await start(store, dir).demo(), { file: null, made: undefined });
  assert.equal(existsSync(join(dir, 'demo.key')), false);
});

test('a file that another database left is replaced; where that has a demo key already, it is not named', async () => {
  const dir = folder();
  const old = await start(memoryKeyStore(), dir).demo();
  const store = memoryKeyStore();
  const anew = await start(store, dir).demo();
  assert.notEqual(anew.made, old.made);
  assert.equal(readFileSync(anew.file!, 'utf8').trim(), anew.made);
  writeFileSync(join(dir, 'demo.key'), 'sk-tg-of-somewhere-else\n');
  assert.deepEqual(await start(store, dir).demo(), { file: null, made: undefined });
});

test('one that was revoked is not made again', async () => {
  const store = memoryKeyStore();
  const dir = folder();
  const { keys, demo } = start(store, dir);
  const { made } = await demo();
  const { id } = (await store.find(hashOf(made!)))!.caller.key;
  await keys.write('system', (writes) => writes.revokeKey(id));
  assert.deepEqual(await demo(), { file: null, made: undefined });
});
