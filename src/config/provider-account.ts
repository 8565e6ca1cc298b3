/**
 * The account of a provider: its keys, its settings, and where the configuration states no credential, what the environment
 * has for its type. What the configuration states wins over the environment as a whole: a key that happens to be set there
 * takes nobody's place.
 */
import { createHash } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import {
  type CredentialRules,
  type ProviderSettings,
  type SettingName,
  settingForm,
  settingNames,
} from '../lib/provider-settings.js';
import type { ProviderConfig } from './config.js';
import type { Path } from './problem.js';
import type { WrittenSecret } from './scalars.js';
import type { WrittenConfig } from './schema.js';

export type Env = Readonly<Record<string, string | undefined>>;
/** What of the environment a provider of this name may use. */
export type EnvOf = (provider: string) => Env;
/** Of those that the admin API made. */
export const NO_ENV: Env = {};

interface AccountDeps {
  /** The provider's name. */
  readonly name: string;
  readonly rules: CredentialRules;
  readonly baseDir: string;
  readonly env: Env;
  readonly read: (file: string) => Buffer;
  readonly secret: (path: Path, value: WrittenSecret) => string;
  readonly report: (path: Path, message: string) => void;
}

type Written = WrittenConfig['providers'][string];
type Account = Pick<ProviderConfig, 'api_keys' | 'settings' | 'files_digest'>;

export function accountOf(written: Written, deps: AccountDeps): Account {
  const { name, rules, env, secret } = deps;
  const keys = keysOf(written, deps);
  const settings: Partial<Record<SettingName, string>> = {};
  for (const setting of settingNames) {
    const value = written[setting];
    const text = value === undefined ? '' : secret(['providers', name, setting], value);
    if (text !== '') settings[setting] = text;
  }
  const stated =
    keys.some((key) => key !== '') || settingNames.some((one) => settings[one] && isCredential(rules, one));
  for (const setting of settingNames) {
    const rule = rules.settings?.[setting];
    if (!rule || settings[setting] !== undefined || (rule.credential && stated)) continue;
    const found = firstOf(rule.env, env);
    if (found !== undefined) settings[setting] = found;
  }
  const key = stated ? undefined : firstOf(rules.keyEnv, env);
  const files = filesOf(settings, deps);
  return {
    api_keys: key === undefined ? keys : [key],
    settings: { ...settings, ...files.settings },
    files_digest: files.digest,
  };
}

const isCredential = ({ settings }: CredentialRules, name: SettingName): boolean =>
  settings?.[name]?.credential === true;

const firstOf = (names: readonly string[] | undefined, env: Env): string | undefined =>
  names?.map((name) => env[name]).find((value) => value !== undefined && value !== '');

function keysOf({ api_key, api_keys }: Written, { name, secret, report }: AccountDeps): string[] {
  const path = ['providers', name, 'api_keys'];
  if (!api_keys) return [secret(['providers', name, 'api_key'], api_key)];
  if (api_key !== '') report(path, 'a provider has `api_key` or `api_keys`, not both');
  const secrets = api_keys.map((value, i) => secret([...path, i], value));
  secrets.forEach((one, i) => {
    if (secrets.indexOf(one) !== i) report([...path, i], 'is the same key as another one of the list');
  });
  return secrets;
}

/** The files that settings name, as absolute paths. They are read here so that one that is missing is told at once. */
function filesOf(settings: ProviderSettings, { name, baseDir, read, report }: AccountDeps) {
  const absolute: Partial<Record<SettingName, string>> = {};
  const hash = createHash('sha256');
  for (const setting of settingNames) {
    const written = settings[setting];
    if (written === undefined || !settingForm(setting).file) continue;
    const file = resolvePath(baseDir, written);
    absolute[setting] = file;
    try {
      hash.update(`${setting}\n`).update(read(file));
    } catch (error) {
      report(['providers', name, setting], `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  const any = Object.keys(absolute).length > 0;
  return { settings: absolute, digest: any ? hash.digest('hex').slice(0, 16) : null };
}
