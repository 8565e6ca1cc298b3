/** The keys that a first start makes, and where they are kept. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import type { KeyStore } from '../identity/key-store.js';
import type { Keys } from '../identity/keys.js';
import { hashOf, newSecret } from '../identity/secret.js';
import type { ProviderType } from '../provider/provider-type.js';

/** The configured admin key, else the one in `data_dir`, made on the first start. */
export function adminKeyOf(config: Config): { key: string; file: string | null } {
  if (config.admin.key !== null) return { key: config.admin.key, file: null };
  const file = join(config.data_dir, 'admin.key');
  return { key: existsSync(file) ? readFileSync(file, 'utf8').trim() : keep(file, newSecret().secret), file };
}

interface DemoDeps {
  readonly keys: Keys;
  readonly find: KeyStore['find'];
  /** Types of providers; those that answer in the gateway itself need no credential. */
  readonly providers: Readonly<Record<string, Pick<ProviderType, 'local'>>>;
}

/** Where it is kept; null where there is none here. `made`: the secret, where it was made now. */
interface DemoKey {
  readonly file: string | null;
  readonly made: string | undefined;
}

/** One for each database, whichever of its gateways starts first, and none again when it was revoked. */
const DEMO_ID = 'key_0000000000dem0dem0dem0dem0';

/**
 * The demo key: made where the sandbox is there, for all models that cost nothing and need no credential. A file that was left by
 * another database is replaced, or named no more.
 */
export async function demoKeyOf(config: Config, { keys, find, providers }: DemoDeps): Promise<DemoKey> {
  const file = join(config.data_dir, 'demo.key');
  if (existsSync(file)) {
    const found = await find(hashOf(readFileSync(file, 'utf8').trim()));
    if (found !== null && found.caller.key.revoked_at === null) return { file, made: undefined };
  }
  const none: DemoKey = { file: null, made: undefined };
  if (!config.models['sandbox']) return none;
  const models = Object.entries(config.models)
    .filter(([, { targets }]) =>
      targets.some(({ provider }) => providers[config.providers[provider]?.type ?? '']?.local !== undefined),
    )
    .map(([name]) => name);
  const made = await keys.write('system', async (writes) => {
    const created = await writes.createKey({ name: 'demo', models }, DEMO_ID);
    // Before it holds: whoever ends in between leaves a file that the next start replaces, and no key that nobody has.
    if (created.ok) keep(file, created.value.secret);
    return created;
  });
  return made.ok ? { file, made: made.value.secret } : none;
}

function keep(file: string, secret: string): string {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return secret;
}
