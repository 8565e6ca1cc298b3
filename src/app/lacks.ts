/** Said at a start and after each reload: which providers lack a credential. */
import type { Config } from '../config/config.js';
import { accountLack } from '../provider/accounts.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { Log } from '../telemetry/log.js';

/** Providers that are never asked. */
export function warnLacks(config: Config, types: Readonly<Record<string, ProviderType>>, log: Log): void {
  for (const [name, provider] of Object.entries(config.providers)) {
    const lack = accountLack(provider, types[provider.type]!);
    if (lack !== undefined) log.warn({ provider: name }, `never asked, for it has no credential: ${lack}`);
  }
}
