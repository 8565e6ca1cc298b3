/**
 * Settings of an account that only some types of providers know, as the configuration names them: where it is, and what stands
 * in for a key. A type states rules for those that it takes.
 */

/** What each is, and the form of its value: they become parts of hosts, paths and headers. */
export const providerSettings = {
  api_version: {
    form: /^[A-Za-z0-9.-]{1,40}$/,
    says: "The version of the vendor's API, such as 2024-10-21 for Azure.",
  },
  region: { form: /^[a-z0-9-]{1,40}$/, says: 'The region of the account, such as eu-central-1.' },
  project: { form: /^[a-z0-9.:-]{1,100}$/, says: 'The project that is billed, as its id.' },
  location: { form: /^[a-z0-9-]{1,40}$/, says: 'Where the models run, such as global or europe-west4.' },
  profile: { form: /^[\w.@+ -]{1,100}$/, says: 'A profile of the shared credentials and config files.' },
  role: { form: /^[\w+=,.@:/-]{1,256}$/, says: 'The role or service account that is taken on.' },
  external_id: { form: /^[\w+=,.@:/-]{2,256}$/, says: 'What the role wants to be told by whoever takes it on.' },
  tenant: { form: /^[\w.-]{1,100}$/, says: 'The directory that knows the client, as its id or domain.' },
  client_id: { form: /^[\w.@-]{1,200}$/, says: 'The client that tokens are made for.' },
  client_secret: { form: /^[\x21-\x7e]{1,500}$/, says: "The client's secret.", secret: true },
  token_file: { form: /^/, says: 'A file with a token that proves who the gateway is.', file: true },
  credentials_file: { form: /^/, says: "A file of credentials in the vendor's own form.", file: true },
  access_key_id: { form: /^\w{1,128}$/, says: 'The id of an access key.' },
  secret_access_key: { form: /^[\x21-\x7e]{1,200}$/, says: 'The secret of the access key.', secret: true },
  session_token: { form: /^[\x21-\x7e]{1,8000}$/, says: 'The token of an access key that ends.', secret: true },
} as const satisfies Readonly<Record<string, SettingForm>>;

interface SettingForm {
  readonly form: RegExp;
  readonly says: string;
  readonly secret?: true;
  /** The path of a file that exists; absolute once it is read. */
  readonly file?: true;
}

export type SettingName = keyof typeof providerSettings;

export const settingNames = Object.keys(providerSettings) as SettingName[];

export const settingForm = (name: SettingName): SettingForm => providerSettings[name];

/** The settings of one account. */
export type ProviderSettings = Readonly<Partial<Record<SettingName, string>>>;

/** What a type says of a setting that it takes. Plain data: it goes to the thread that reads configurations. */
export interface SettingRule {
  readonly required?: true;
  /** Variables of the environment that are read where the configuration does not state it; the first that is set counts. */
  readonly env?: readonly string[];
  /** Its variables are read only where the configuration states no key and no other setting of this kind. */
  readonly credential?: true;
}

export type SettingRules = Readonly<Partial<Record<SettingName, SettingRule>>>;

/** How an account of a type may be let in. Plain data, too. */
export interface CredentialRules {
  readonly settings?: SettingRules | undefined;
  /** Variables of the environment that hold a key where the configuration states no credential of any kind. */
  readonly keyEnv?: readonly string[] | undefined;
  /** Nobody is answered without a credential. */
  readonly needsCredential?: boolean | undefined;
  /** Settings that together stand in for a key. An empty list: the account finds a credential of its own. */
  readonly insteadOfKey?: readonly (readonly SettingName[])[] | undefined;
}

/** What an account without a key lacks, in words; undefined: nothing. */
export function lackOf(rules: CredentialRules, settings: ProviderSettings): string | undefined {
  if (!rules.needsCredential) return undefined;
  const sets = rules.insteadOfKey ?? [];
  if (sets.some((names) => names.every((name) => settings[name] !== undefined))) return undefined;
  const ways = [['api_key'], ...sets].map((names) => names.map((name) => `\`${name}\``).join(' and '));
  return `set ${ways.join(', or ')}`;
}
