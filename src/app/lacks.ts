/** Said at a start and after each reload: which providers lack a credential, and that a certificate has run out. */
import { X509Certificate } from 'node:crypto';
import type { Config } from '../config/config.js';
import { accountLack } from '../provider/accounts.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { Log } from '../telemetry/log.js';

/** Providers that are never asked, and a certificate that clients do not accept. */
export function warnLacks(
  config: Config,
  types: Readonly<Record<string, ProviderType>>,
  log: Log,
  nowMs: number,
): void {
  warnCertificate(config, log, nowMs);
  for (const [name, provider] of Object.entries(config.providers)) {
    const lack = accountLack(provider, types[provider.type]!);
    if (lack !== undefined) log.warn({ provider: name }, `never asked, for it has no credential: ${lack}`);
  }
}

function warnCertificate({ server: { tls } }: Config, log: Log, nowMs: number): void {
  if (tls === null) return;
  const { validFrom, validTo } = new X509Certificate(tls.cert);
  if (nowMs >= Date.parse(validFrom) && nowMs < Date.parse(validTo)) return;
  log.warn({ from: validFrom, until: validTo }, 'server.tls.cert is not valid now: clients will refuse it');
}
