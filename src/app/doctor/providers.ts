/**
 * Providers as requests would find them: a credential, a host that answers, and, where listing models costs nothing, a key that is
 * let in and the models that targets name. All are asked at once; nothing that is billed is sent.
 */
import { viaOf } from '../../catalog/via.js';
import type { Config, ProviderConfig } from '../../config/config.js';
import { isObject } from '../../lib/json.js';
import { withoutTrailing } from '../../lib/without-trailing.js';
import { accountLack, baseUrlOf } from '../../provider/accounts.js';
import type { ProviderType } from '../../provider/provider-type.js';
import { type Answered, ask } from './ask.js';
import { type Finding, fine, note, problem } from './finding.js';

type Failed = Extract<Answered, { failed: string }>;

export const lookAtProviders = (config: Config, types: Readonly<Record<string, ProviderType>>): Promise<Finding[]> =>
  Promise.all(
    Object.entries(config.providers).map(([name, provider]) => {
      const asked = Object.values(config.models).flatMap(({ targets }) =>
        targets.filter((target) => target.provider === name).map(({ model }) => model),
      );
      return lookAt(`provider ${name}`, name, provider, types[provider.type], [...new Set(asked)], config);
    }),
  );

async function lookAt(
  check: string,
  name: string,
  provider: ProviderConfig,
  type: ProviderType | undefined,
  asked: readonly string[],
  config: Pick<Config, 'proxies'>,
): Promise<Finding> {
  if (!type)
    return problem(check, `${provider.type} is no type of provider`, 'See docs/configuration.md for those there are.');
  if (type.local) return fine(check, 'answers by itself');
  const keys = provider.api_keys.filter((key) => key !== '');
  const lack = accountLack(provider, type);
  if (lack !== undefined) {
    const todo = `In providers.${name} ${lack}.`;
    if (asked.length === 0) return note(check, 'has no credential, and no model needs it', todo);
    return note(
      check,
      `has no credential: it is never asked, and models that it alone serves are not listed (${listed(asked)})`,
      todo,
    );
  }
  const base = baseUrlOf(provider, type);
  const via = viaOf(new URL(base).origin, provider.reach, config.proxies);
  if (type.lists === undefined) {
    // The answer to a request without a credential is some refusal, and costs nothing.
    const answer = await ask(new URL(base), {}, via);
    if ('failed' in answer) return failure(check, name, base, answer);
    return fine(check, `${new URL(base).host} is reached; its credential is not tried`);
  }
  const results: Finding[] = [];
  for (const key of keys.length > 0 ? keys : ['']) {
    const to = new URL(addressOf(base, type.lists));
    const answer = await ask(to, { ...type.auth(key), ...provider.headers }, via);
    if ('failed' in answer) return failure(check, name, base, answer);
    results.push(listOf(check, name, base, answer, asked));
  }
  return (
    results.find(({ status }) => status === 'problem') ?? results.find(({ status }) => status === 'note') ?? results[0]!
  );
}

function failure(check: string, name: string, base: string, { failed, reached }: Failed): Finding {
  const { host } = new URL(base);
  return problem(
    check,
    reached ? `${host} does not answer: ${failed}` : `${host} cannot be reached: ${failed}`,
    `Check providers.${name}.base_url, its proxy and tls, DNS and firewalls.`,
  );
}

/** What the answer to a question for the models shows. */
function listOf(
  check: string,
  name: string,
  base: string,
  { status, text }: { readonly status: number; readonly text: string },
  asked: readonly string[],
): Finding {
  const { host } = new URL(base);
  if (status === 401 || status === 403)
    return problem(
      check,
      `${host} refuses the credential (${status})`,
      `Put a valid key into providers.${name}.api_key.`,
    );
  if (status === 402 || status === 429)
    return problem(
      check,
      `${host} answers ${status}: its account is at a limit or out of money`,
      'Look at the account there.',
    );
  if (status >= 500) return problem(check, `${host} answers ${status}`, 'Look at the status page of the provider.');
  const models = status === 200 ? modelsIn(text) : undefined;
  if (models === undefined)
    return note(check, `${host} is reached, and lists no models (${status}): its key is not tried`);
  const missing = asked.filter((model) => !model.includes('*') && !models.has(model));
  const known = `${host} lets the key in and lists ${models.size} models`;
  if (missing.length === 0) return fine(check, known);
  return note(
    check,
    `${known}; not among them: ${listed(missing)}`,
    'Check these names in the targets of models: requests to them may fail.',
  );
}

const listed = (names: readonly string[]): string => names.slice(0, 10).join(', ') + (names.length > 10 ? ', ...' : '');

/** As requests have it: a base URL may or may not end in the `/v1` that a path begins with. */
function addressOf(base: string, path: string): string {
  const root = withoutTrailing(base, '/');
  return root.endsWith('/v1') && path.startsWith('/v1/') ? root + path.slice(3) : root + path;
}

/** Names in a list of models; undefined where it is none. */
function modelsIn(text: string): Set<string> | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const items = Array.isArray(list) ? list : isObject(list) ? (list['data'] ?? list['models']) : undefined;
  if (!Array.isArray(items)) return undefined;
  return new Set(items.flatMap((item) => (isObject(item) && typeof item['id'] === 'string' ? [item['id']] : [])));
}
