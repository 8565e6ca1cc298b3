// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
/**
 * The accounts of deployments. LiteLLM states address and credential with each deployment; here they are a provider that many
 * targets share: deployments whose accounts are the same get the same provider.
 */
import { isObject, type Json } from '../lib/json.js';
import type { Findings } from './findings.js';
import type { Origins } from './origins.js';
import { addressOf, at, isLiteral, textOf } from './values.js';
import type { Vendor } from './vendors.js';

/** Parameters that make the account, per type: theirs and ours. */
const settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  azure: { tenant_id: 'tenant', client_id: 'client_id', client_secret: 'client_secret' },
  bedrock: {
    ...{ aws_region_name: 'region', aws_access_key_id: 'access_key_id', aws_secret_access_key: 'secret_access_key' },
    ...{ aws_session_token: 'session_token', aws_role_name: 'role', aws_profile_name: 'profile' },
    ...{ aws_external_id: 'external_id', aws_web_identity_token: 'token_file' },
  },
  vertex: { vertex_project: 'project', vertex_location: 'location', vertex_credentials: 'credentials_file' },
};

const common = ['api_key', 'api_base', 'base_url', 'api_version', 'organization', 'extra_headers', 'headers'];

export const accountParams: ReadonlySet<string> = new Set([
  ...common,
  ...Object.values(settings).flatMap((names) => Object.keys(names)),
  'aws_bedrock_runtime_endpoint',
  'custom_llm_provider',
]);

export type Written = Record<string, unknown>;

export class Accounts {
  readonly providers = new Map<string, Written>();
  readonly #byContent = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  readonly findings: Findings;
  readonly origins: Origins;

  constructor(findings: Findings, origins: Origins) {
    this.findings = findings;
    this.origins = origins;
  }

  /** The name of the provider that a deployment's account is. */
  nameOf(prefix: string, vendor: Vendor, params: Json, path: string): string {
    const account = this.#accountOf(vendor, params, path);
    const content = JSON.stringify(account);
    const there = this.#byContent.get(content);
    if (there !== undefined) return there;
    const count = (this.#counts.get(prefix) ?? 0) + 1;
    this.#counts.set(prefix, count);
    const name = count === 1 ? prefix.replaceAll('_', '-') : `${prefix.replaceAll('_', '-')}-${count}`;
    this.#byContent.set(content, name);
    this.origins.set(account, path);
    this.providers.set(name, account);
    return name;
  }

  #accountOf(vendor: Vendor, params: Json, path: string): Written {
    const base = this.#addressOf(vendor, params, path);
    const type = vendor.type === 'openai' && base !== undefined ? openaiOr(base) : vendor.type;
    const account: Written = { type };
    if (base !== undefined) account['base_url'] = base;
    const key = textOf(params['api_key']);
    if (key !== undefined) account['api_key'] = key;
    else if (vendor.keyVariable !== undefined && !params['client_secret'])
      account['api_key'] = `\${${vendor.keyVariable}:-}`;
    if (key !== undefined && isLiteral(params['api_key'])) this.#inClear(at(path, 'api_key'));
    this.#settings(type, params, path, account);
    const headers = this.#headersOf(params, path);
    if (headers) account['headers'] = headers;
    return account;
  }

  #addressOf(vendor: Vendor, params: Json, path: string): string | undefined {
    const stated = params['api_base'] ?? params['base_url'] ?? params['aws_bedrock_runtime_endpoint'];
    const variable = vendor.baseVariable === undefined ? undefined : `os.environ/${vendor.baseVariable}`;
    // Servers of one's own that state no address are asked at the usual one.
    const needed = ['azure', 'databricks', 'openai-compatible', 'vllm'].includes(vendor.type);
    const written = addressOf(stated) ?? vendor.baseUrl ?? (needed ? addressOf(variable) : undefined);
    if (written?.includes('is-not-set.invalid'))
      this.findings.note(at(path, 'api_base'), 'the address is read from the environment: set the variable it names');
    if (written === undefined || !/^https?:\/\//i.test(written)) return written;
    return trimmed(written, vendor);
  }

  #settings(type: string, params: Json, path: string, account: Written): void {
    if (type === 'azure') {
      const version = textOf(params['api_version'] ?? 'os.environ/AZURE_API_VERSION', '2024-10-21');
      // Foundry's address is asked by the newer API, which has no version.
      if (version !== undefined && !String(account['base_url'] ?? '').includes('.services.ai.azure.com'))
        account['api_version'] = version;
    } else if (params['api_version'] !== undefined) {
      this.findings.lacks(at(path, 'api_version'), `a provider of type ${type} has no version`);
    }
    for (const [theirs, ours] of Object.entries(settings[type] ?? {})) {
      const value = params[theirs];
      if (value === undefined || value === null) continue;
      const text = textOf(value, ours === 'region' ? 'us-east-1' : '');
      if (text === undefined || text.startsWith('{'))
        this.findings.lacks(at(path, theirs), 'is taken as a file: write it to one and name that as credentials_file');
      else account[ours] = text;
      if (/secret|token/.test(theirs) && isLiteral(value)) this.#inClear(at(path, theirs));
    }
    if (type === 'bedrock' && account['region'] === undefined) {
      account['region'] = '${AWS_REGION_NAME:-us-east-1}';
      this.findings.note(
        at(path, 'aws_region_name'),
        'is not stated: AWS_REGION_NAME of the environment, else us-east-1',
      );
    }
  }

  #headersOf(params: Json, path: string): Written | undefined {
    const headers: Written = {};
    for (const name of ['headers', 'extra_headers']) {
      const stated = params[name];
      if (!isObject(stated)) continue;
      for (const [header, value] of Object.entries(stated)) {
        const text = textOf(value);
        if (text === undefined) this.findings.lacks(at(at(path, name), header), 'is no text');
        else if (header !== '__proto__') headers[header] = text;
      }
    }
    const organization = textOf(params['organization']);
    if (organization !== undefined) headers['OpenAI-Organization'] = organization;
    return Object.keys(headers).length > 0 ? headers : undefined;
  }

  #inClear(path: string): void {
    this.findings.note(
      path,
      'the secret stands in the file, and in the result: ${NAME} or {file: ...} would keep it out',
    );
  }
}

/** OpenAI's API elsewhere has neither its list prices nor its models. */
const openaiOr = (base: string): string =>
  /^https:\/\/([a-z]{2}\.)?api\.openai\.com(\/|$)/i.test(base) ? 'openai' : 'openai-compatible';

/** What we append stands at the end of many addresses already. */
function trimmed(written: string, { type, suffix }: Vendor): string {
  const url = written.replace(/\?[^?]{0,2000}$/, '');
  let end = url.length;
  while (end > 0 && url[end - 1] === '/') end--;
  let base = url.slice(0, end);
  for (const own of ['/chat/completions', '/completions', '/embeddings', '/responses']) {
    if (base.endsWith(own)) base = base.slice(0, -own.length);
  }
  if (type === 'azure') base = base.replace(/\/(openai|models)(\/.{0,500})?$/, '');
  if (type === 'anthropic') base = base.replace(/\/v1(\/messages)?$/, '');
  if (type === 'gemini') base = base.replace(/\/v1(beta)?$/, '');
  if (suffix !== undefined && !base.endsWith(suffix)) base += suffix;
  return base;
}
