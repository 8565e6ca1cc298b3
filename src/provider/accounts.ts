/** Accounts of providers: what each lacks, and the signers that serve them, which outlive the configuration that named them. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type CredentialRules, lackOf, type ProviderSettings } from '../lib/provider-settings.js';
import type { ProviderType } from './provider-type.js';
import type { RequestSigner, SignerPorts } from './signers.js';

export interface AccountConfig {
  /** At least one; the empty text where there is none. */
  readonly api_keys: readonly string[];
  readonly settings: ProviderSettings;
  readonly files_digest: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** What of a type says how its accounts are let in, as plain data. */
export const credentialRulesOf = ({
  settings,
  keyEnv,
  needsCredential,
  insteadOfKey,
}: ProviderType): CredentialRules => ({
  ...{ settings, keyEnv, needsCredential, insteadOfKey },
});

/**
 * What the account lacks to be let in, in words; undefined: nothing. A configured header may take the place of those that would
 * carry a key.
 */
export function accountLack({ api_keys, settings, headers }: AccountConfig, type: ProviderType): string | undefined {
  if (api_keys.some((key) => key !== '')) return undefined;
  const lack = lackOf(credentialRulesOf(type), settings);
  if (lack === undefined) return undefined;
  const empty = type.auth('');
  const carrying = Object.entries(type.auth('-')).flatMap(([name, value]) => (empty[name] === value ? [] : [name]));
  return [...carrying, 'authorization'].some((name) => headers[name]) ? undefined : lack;
}

/** Where the account is. A type without an address of its own demands one of the configuration. */
export function baseUrlOf(
  { base_url, settings }: { readonly base_url: string | null; readonly settings: ProviderSettings },
  { baseUrl }: ProviderType,
): string {
  if (base_url !== null) return base_url;
  return typeof baseUrl === 'function' ? baseUrl(settings) : baseUrl!;
}

const MOST_SIGNERS = 1_000;

/** One signer for each account, however many models and configurations use it: what it keeps (a token, a key) is kept once. */
export class Signers {
  readonly #ports: SignerPorts;
  readonly #signers = new LRUCache<string, { readonly signer: RequestSigner | null }>({ max: MOST_SIGNERS });

  constructor(ports: SignerPorts) {
    this.#ports = ports;
  }

  /** Null: requests of this account need no signature. */
  of(type: ProviderType, { api_keys, settings, files_digest }: AccountConfig, baseUrl: string): RequestSigner | null {
    if (!type.sign) return null;
    const hasKey = api_keys.some((key) => key !== '');
    const identity = JSON.stringify([type.type, baseUrl, hasKey, files_digest, Object.entries(settings).sort()]);
    const key = createHash('sha256').update(identity).digest('hex');
    let kept = this.#signers.get(key);
    if (!kept) this.#signers.set(key, (kept = { signer: type.sign({ settings, hasKey, baseUrl }, this.#ports) }));
    return kept.signer;
  }
}
