/**
 * Providers that the admin API made state their own credentials. Where one is left out, the gateway's own account (its variables,
 * its files, its machine's) would be sent to an address that whoever made the provider has chosen.
 */
import { settingForm } from '../lib/provider-settings.js';
import type { AddedEntry } from './added.js';
import type { Path } from './problem.js';
import type { ProviderTypes } from './references.js';
import type { Finding } from './validate.js';

const isStated = (value: unknown): boolean => typeof value === 'string' && value !== '';

export const checkOwnCredentials = (added: readonly AddedEntry[], types: ProviderTypes): Finding[] =>
  added.flatMap(({ kind, name, written }): Finding[] => {
    const { type, api_key, api_keys, profile } = written;
    if (kind !== 'provider' || typeof type !== 'string' || !Object.hasOwn(types, type)) return [];
    const at = (setting: string, message: string): Finding[] => {
      const path: Path = ['providers', name, setting];
      return [{ path, part: 'value', message }];
    };
    if (profile !== undefined)
      return at('profile', 'a profile of the machine is named in the configuration file alone');
    const sets = types[type]!.insteadOfKey ?? [];
    const findsItsOwn = sets.some((names) => names.length === 0);
    const statable = sets.filter((names) => names.length > 0 && !names.some((one) => settingForm(one).file));
    if (!findsItsOwn || isStated(api_key)) return [];
    if (Array.isArray(api_keys) && api_keys.length > 0 && api_keys.every(isStated)) return [];
    if (statable.some((names) => names.every((one) => isStated(written[one])))) return [];
    const ways = [['api_key'], ...statable].map((names) => names.join(' and '));
    return at('api_key', `is missing: made by the API, a provider states its own credential (${ways.join(', or ')})`);
  });
