/** Said at a start and after each reload: which providers lack a credential, and that a certificate has run out. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { packageRoot } from '../lib/root.js';
import { accountLack } from '../provider/accounts.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { Log } from '../telemetry/log.js';

/** Providers that are never asked, and a certificate that clients do not accept. */
export function warnLacks(
  config: Config,
  types: Readonly<Record<string, ProviderType>>,
  log: Log,
  nowMs: number,
  file: string,
): void {
  warnCertificate(config, log, nowMs);
  const lacking = Object.entries(config.providers).flatMap(([name, provider]) => {
    const lack = accountLack(provider, types[provider.type]!);
    return lack === undefined ? [] : [{ name, lack }];
  });
  // The shipped file names providers so that a key is all that they need: nobody has forgotten one.
  if (file === join(packageRoot, 'config.yaml') && lacking.length > 0) {
    const names = lacking.map(({ name }) => name).join(', ');
    log.info(`not used until their key is set: ${names} (config.yaml says by which variable)`);
    return;
  }
  for (const { name, lack } of lacking) log.warn({ provider: name }, `never asked, for it has no credential: ${lack}`);
}

function warnCertificate({ server: { tls } }: Config, log: Log, nowMs: number): void {
  if (tls === null) return;
  const { validFrom, validTo } = new X509Certificate(tls.cert);
  if (nowMs >= Date.parse(validFrom) && nowMs < Date.parse(validTo)) return;
  log.warn({ from: validFrom, until: validTo }, 'server.tls.cert is not valid now: clients will refuse it');
}
