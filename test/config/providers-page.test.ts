/** docs/providers.md: every block is a configuration that loads, and every type has one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { providers } from '../../providers/index.js';
import { providerTypesOf } from '../../src/app/provider-types.js';
import { explainConfig } from '../../src/config/explain.js';
import { loadConfig } from '../../src/config/load.js';
import { packageRoot } from '../../src/lib/root.js';
import { accountLack } from '../../src/provider/accounts.js';

const page = readFileSync(join(packageRoot, 'docs/providers.md'), 'utf8');
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

function load(text: string, env = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-providers-'));
  for (const file of ['key.json', 'token']) writeFileSync(join(dir, file), '{}');
  writeFileSync(join(dir, 'config.yaml'), text);
  const loaded = loadConfig({ env, cwd: dir, providerTypes: providerTypesOf(providers) });
  rmSync(dir, { recursive: true });
  assert.ok(loaded.ok, `${text}\n${JSON.stringify(!loaded.ok && loaded.problems, null, 1)}`);
  return loaded.config;
}

test('every block loads as it stands, and says what it means', () => {
  for (const block of blocks) {
    const config = load(block);
    const lines = explainConfig(config, undefined, (account) => accountLack(account, providers[account.type]!));
    assert.ok(lines.length > 5);
  }
});

test('every type that can be configured has a block, and every model of it a provider', () => {
  const shown = new Set(blocks.flatMap((block) => Object.values(load(block).providers).map(({ type }) => type)));
  const others = new Set(['sandbox', 'local']); // in config.yaml and docs/embeddings.md
  assert.deepEqual(
    Object.keys(providers).filter((type) => !shown.has(type) && !others.has(type)),
    [],
  );
});
