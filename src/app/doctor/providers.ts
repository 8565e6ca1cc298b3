/**
 * Providers as requests would find them: a credential, a host that answers, and, where listing models costs nothing, a key that is
 * let in and the models that targets name. All are asked at once; nothing that is billed is sent.
 */
import { connect } from 'node:net';
import type { Config, ProviderConfig } from '../../config/config.js';
import { isObject } from '../../lib/json.js';
import { messageOf } from '../../lib/thrown.js';
import { withoutTrailing } from '../../lib/without-trailing.js';
import { accountLack, baseUrlOf } from '../../provider/accounts.js';
import type { ProviderType } from '../../provider/provider-type.js';
import { type Finding, fine, note, problem } from './finding.js';

const ANSWER_MS = 10_000;
const MOST_BYTES = 8 * 1024 * 1024;

export const lookAtProviders = (config: Config, types: Readonly<Record<string, ProviderType>>): Promise<Finding[]> =>
  Promise.all(
    Object.entries(config.providers).map(([name, provider]) => {
      const asked = Object.values(config.models).flatMap(({ targets }) =>
        targets.filter((target) => target.provider === name).map(({ model }) => model),
      );
      return lookAt(`provider ${name}`, name, provider, types[provider.type], [...new Set(asked)]);
    }),
  );

async function lookAt(
  check: string,
  name: string,
  provider: ProviderConfig,
  type: ProviderType | undefined,
  asked: readonly string[],
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
  const host = await reach(base);
  if (host !== undefined)
    return problem(
      check,
      `${new URL(base).host} cannot be reached: ${host}`,
      `Check providers.${name}.base_url, DNS, proxies and firewalls.`,
    );
  if (type.lists === undefined) return fine(check, `${new URL(base).host} is reached; its credential is not tried`);
  const results: Finding[] = [];
  for (const key of keys.length > 0 ? keys : [''])
    results.push(await list(check, name, base, type, provider, key, asked));
  return (
    results.find(({ status }) => status === 'problem') ?? results.find(({ status }) => status === 'note') ?? results[0]!
  );
}

/** Why a TCP connection cannot be made; undefined where it can. */
function reach(base: string): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(base);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      timeout: ANSWER_MS,
    });
    const end = (why: string | undefined) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end(`no answer within ${ANSWER_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** Lists the models with a key. */
async function list(
  check: string,
  name: string,
  base: string,
  type: ProviderType,
  provider: ProviderConfig,
  key: string,
  asked: readonly string[],
): Promise<Finding> {
  const { host } = new URL(base);
  let status: number;
  let text: string;
  try {
    const answer = await fetch(addressOf(base, type.lists!), {
      headers: { ...type.auth(key), ...provider.headers, accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    status = answer.status;
    text = await readAtMost(answer, MOST_BYTES);
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return problem(
      check,
      `${host} does not answer: ${messageOf(cause)}`,
      'Check TLS (certificates, proxies) and the address.',
    );
  }
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

async function readAtMost(answer: Response, most: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body ?? []) {
    size += (piece as Uint8Array).length;
    if (size > most) throw new Error(`its list of models is longer than ${most} bytes`);
    pieces.push(piece as Uint8Array);
  }
  return Buffer.concat(pieces).toString('utf8');
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
