/**
 * What `tollgate doctor` looks at: everything that a gateway of this configuration needs, as it would find it now. Nothing is
 * changed, and nothing is sent that costs something. What is independent is looked at at once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import { messageOf } from '../../lib/thrown.js';
import type { ProviderType } from '../../provider/provider-type.js';
import { lookAtDatabase } from './database.js';
import { type Finding, problem } from './finding.js';
import { lookAtDisk, lookAtPort, lookAtVersions } from './local.js';
import { lookAtPrices } from './prices.js';
import { lookAtProviders } from './providers.js';
import { lookAtRedis } from './redis.js';

export async function examine(
  config: Config,
  types: Readonly<Record<string, ProviderType>>,
  version: string,
): Promise<readonly Finding[]> {
  const adminKey = config.admin.key ?? keyIn(config.data_dir);
  const looks: readonly (readonly [string, () => Promise<Finding | Finding[]> | Finding | Finding[]])[] = [
    ['versions', () => lookAtVersions(version)],
    ['disk', () => lookAtDisk(config)],
    ['port', () => lookAtPort(config, version, adminKey)],
    // Prices after it: it may keep a catalogue of its own.
    ['database', async () => [...(await lookAtDatabase(config)), ...lookAtPrices(config, types, Date.now())]],
    ['redis', () => lookAtRedis(config)],
    ['providers', () => lookAtProviders(config, types)],
  ];
  const found = await Promise.all(
    looks.map(async ([check, look]) => {
      try {
        return await look();
      } catch (error) {
        return problem(check, messageOf(error), 'This is a fault of the doctor: please report it.');
      }
    }),
  );
  return found.flat();
}

function keyIn(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, 'admin.key'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
