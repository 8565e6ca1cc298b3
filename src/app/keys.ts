/** The keys that a first start makes, and where they are kept. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import type { Keys } from '../identity/keys.js';
import { newSecret } from '../identity/secret.js';

/** The configured admin key, else the one in `data_dir`, made on the first start. */
export function adminKeyOf(config: Config): { key: string; file: string | null } {
  if (config.admin.key !== null) return { key: config.admin.key, file: null };
  const file = join(config.data_dir, 'admin.key');
  return { key: existsSync(file) ? readFileSync(file, 'utf8').trim() : keep(file, newSecret().secret), file };
}

/** Made on the first start, where the sandbox is there. */
export async function demoKeyOf(config: Config, keys: Keys): Promise<{ file: string; made: string | undefined }> {
  const file = join(config.data_dir, 'demo.key');
  if (existsSync(file) || !config.models['sandbox']) return { file, made: undefined };
  const made = await keys.write('system', (writes) => writes.createKey({ name: 'demo', models: ['sandbox'] }));
  return { file, made: made.ok ? keep(file, made.value.secret) : undefined };
}

function keep(file: string, secret: string): string {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return secret;
}
