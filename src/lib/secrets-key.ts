/** The key that encrypts what lies in the database: that of the configuration, or one that this gateway made for itself. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SecretsKeySource {
  readonly data_dir: string;
  readonly secrets_key: string | null;
}

/** Of two processes that start at once in one folder, one makes it and both have it. */
export function secretsKeyOf({ secrets_key, data_dir }: SecretsKeySource): string {
  if (secrets_key !== null) return secrets_key;
  const file = join(data_dir, 'secrets.key');
  mkdirSync(data_dir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
