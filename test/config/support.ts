/** A folder with a configuration in it, for one test. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Config } from '../../src/config/config.js';
import { type Loaded, loadConfig } from '../../src/config/load.js';
import type { ProviderTypes } from '../../src/config/references.js';

export const providerTypes: ProviderTypes = {
  openai: { needsBaseUrl: false, catalogue: 'openai' },
  anthropic: { needsBaseUrl: false, catalogue: 'anthropic', endpoints: ['chat'] },
  'openai-compatible': { needsBaseUrl: true },
  sandbox: { needsBaseUrl: false, catalogue: null, inProcess: true },
  cloud: {
    needsBaseUrl: false,
    needsCredential: true,
    settings: {
      region: { required: true, env: ['CLOUD_REGION', 'CLOUD_DEFAULT_REGION'] },
      api_version: {},
      credentials_file: { credential: true },
      access_key_id: { credential: true, env: ['CLOUD_KEY_ID'] },
      secret_access_key: { credential: true, env: ['CLOUD_SECRET'] },
      session_token: { credential: true, env: ['CLOUD_TOKEN'] },
    },
    keyEnv: ['CLOUD_API_KEY'],
    insteadOfKey: [['access_key_id', 'secret_access_key'], ['credentials_file']],
    formats: ['openai-chat', 'anthropic-messages'],
  },
  local: { needsBaseUrl: false, catalogue: null, models: ['all-MiniLM-L6-v2'], free: true },
};

/** Files by name in a folder that goes with the test. */
export function folder(t: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-config-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return dir;
}

export type Env = Readonly<Record<string, string>>;

export function load(
  t: TestContext,
  text: string,
  env: Env = {},
  files: Readonly<Record<string, string>> = {},
): Loaded {
  return loadConfig({ env, cwd: folder(t, { ...files, 'config.yaml': text }), providerTypes });
}

export function good(
  t: TestContext,
  text: string,
  env: Env = {},
  files: Readonly<Record<string, string>> = {},
): Config {
  const loaded = load(t, text, env, files);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

/** The problems as `line:column path: message`. */
export function bad(
  t: TestContext,
  text: string,
  env: Env = {},
  files: Readonly<Record<string, string>> = {},
): string[] {
  const loaded = load(t, text, env, files);
  assert.ok(!loaded.ok, 'the configuration was accepted');
  return loaded.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}
