/**
 * `model_list` as models: deployments of one name are the targets of one model. Aliases become models that have a route to
 * another one, and fallbacks go to the models that they are of.
 */
import { isObject, type Json } from '../lib/json.js';
import { Accounts, type Written } from './accounts.js';
import { type Deployment, deploymentOf } from './deployments.js';
import type { Findings } from './findings.js';
import type { Origins } from './origins.js';
import { at, canBeKey, countOf, numberOf } from './values.js';

export interface Models {
  readonly providers: ReadonlyMap<string, Written>;
  readonly models: Map<string, Written>;
}

export function modelsOf(config: Json, findings: Findings, origins: Origins): Models {
  const accounts = new Accounts(findings, origins);
  const credentials = credentialsOf(config['credential_list'], findings);
  const byName = new Map<string, Deployment[]>();
  const list = config['model_list'];
  if (list !== undefined && list !== null && !Array.isArray(list)) findings.lacks('model_list', 'is no list');
  for (const [i, entry] of (Array.isArray(list) ? list : []).entries()) {
    const path = at('model_list', i);
    const name = isObject(entry) ? entry['model_name'] : undefined;
    const params = isObject(entry) ? entry['litellm_params'] : undefined;
    if (!isObject(entry) || !isName(name) || !isObject(params)) {
      findings.lacks(path, 'an entry has a `model_name` and `litellm_params`');
      continue;
    }
    for (const key of Object.keys(entry)) {
      if (!['model_name', 'litellm_params', 'model_info'].includes(key))
        findings.lacks(at(path, key), 'an entry has `model_name`, `litellm_params` and `model_info`');
    }
    const named = params['litellm_credential_name'];
    const own = { ...(isText(named) ? credentials.get(String(named)) : undefined), ...params };
    if (isText(named) && !credentials.has(String(named)))
      findings.lacks(at(at(path, 'litellm_params'), 'litellm_credential_name'), 'credential_list has no such name');
    const info = isObject(entry['model_info']) ? entry['model_info'] : {};
    const deployment = deploymentOf(own, info, path, accounts);
    if (deployment) byName.set(String(name), [...(byName.get(String(name)) ?? []), deployment]);
  }
  const models = new Map([...byName].map(([name, all]) => [name, modelOf(all, findings, origins)]));
  return { providers: accounts.providers, models };
}

const isName = (value: unknown): value is string | number => isText(value) && canBeKey(String(value));

const isText = (value: unknown): value is string | number =>
  (typeof value === 'string' && value !== '') || typeof value === 'number';

function credentialsOf(list: unknown, findings: Findings): Map<string, Json> {
  const found = new Map<string, Json>();
  for (const [i, one] of (Array.isArray(list) ? list : []).entries()) {
    const [name, values] = isObject(one) ? [one['credential_name'], one['credential_values']] : [];
    if (isText(name) && isObject(values)) found.set(String(name), values);
    else findings.lacks(at('credential_list', i), 'an entry has `credential_name` and `credential_values`');
  }
  return found;
}

function modelOf(all: readonly Deployment[], findings: Findings, origins: Origins): Written {
  const first = all[0]!;
  const model: Written = { targets: targetsOf(all) };
  origins.set(model, first.path);
  const timeout: Written = {};
  const total = longest(all.map((one) => one.total));
  const firstByte = longest(all.map((one) => one.firstByte));
  if (total !== undefined) timeout['total'] = total;
  if (firstByte !== undefined) timeout['first_byte'] = firstByte;
  if (new Set(all.map((one) => `${one.total} ${one.firstByte}`)).size > 1)
    findings.note(
      at(first.path, 'litellm_params'),
      'deployments of one name have one time-out here: the longest was taken',
    );
  if (Object.keys(timeout).length > 0) model['timeout'] = timeout;
  const retries = all.map((one) => one.retries).filter((one) => one !== undefined);
  if (retries.length > 0) model['retry'] = { max_attempts: attempts(Math.max(...retries)) };
  if (all.some((one) => one.dropParams)) model['drop_params'] = true;
  return model;
}

/** Retries of LiteLLM come after the first attempt. */
export const attempts = (retries: number): number => Math.min(20, retries + 1);

const longest = (written: readonly (string | undefined)[]): string | undefined =>
  written.reduce((a, b) => (b !== undefined && (a === undefined || msOf(b) > msOf(a)) ? b : a), undefined);
const msOf = (duration: string): number =>
  duration.endsWith('ms') ? Number(duration.slice(0, -2)) : Number(duration.slice(0, -1)) * 1000;

const MOST_WEIGHT = 1_000_000;
const MOST_PRIORITY = 100;

/** Orders are numbered from 1 without gaps; shares become whole numbers. */
function targetsOf(all: readonly Deployment[]): Written[] {
  const orders = [...new Set(all.map((one) => one.order ?? Number.MAX_SAFE_INTEGER))].sort((a, b) => a - b);
  const by = (['weight', 'rpm', 'tpm'] as const).find((kind) => all.every(({ share }) => share?.by === kind));
  const shares = by === undefined ? [] : all.map(({ share }) => share!.value);
  const scale = scaleOf(shares);
  return all.map(({ target, order }, i) => {
    if (all.length > 1 && by !== undefined) target['weight'] = Math.round(shares[i]! * scale);
    if (orders.length > 1)
      target['priority'] = Math.min(MOST_PRIORITY, 1 + orders.indexOf(order ?? Number.MAX_SAFE_INTEGER));
    return target;
  });
}

function scaleOf(shares: readonly number[]): number {
  const most = Math.max(0, ...shares);
  if (most > MOST_WEIGHT) return MOST_WEIGHT / most;
  return shares.every(Number.isInteger) || most === 0 ? 1 : Math.min(1000, MOST_WEIGHT / most);
}

/** `{gpt-4: gpt-4o}` or `{gpt-4: {model: gpt-4o, hidden: true}}`. */
export function addAliases(
  written: unknown,
  path: string,
  models: Map<string, Written>,
  findings: Findings,
  origins: Origins,
): void {
  if (!isObject(written)) return;
  for (const [alias, value] of Object.entries(written)) {
    const use = isObject(value) ? value['model'] : value;
    if (!isText(use) || !canBeKey(alias)) findings.lacks(at(path, alias), 'an alias names a model');
    else if (use === alias) findings.lacks(at(path, alias), 'is an alias of itself');
    else {
      if (isObject(value) && value['hidden'])
        findings.note(at(path, alias), 'is listed by GET /v1/models: which models a key sees is said by the key');
      if (models.has(alias)) findings.note(at(path, alias), 'takes the place of the model of that name, as in LiteLLM');
      const model: Written = { route: [{ use: String(use) }] };
      origins.set(model, at(path, alias));
      models.set(alias, model);
    }
  }
}

interface FallbackScope {
  readonly kind: string;
  readonly models: Map<string, Written>;
  readonly findings: Findings;
  readonly origins: Origins;
}

/** `[{gpt-4: [a, b]}]`; `*` is of all that have none of their own. */
export function addFallbacks(scope: FallbackScope, written: unknown, path: string): void {
  const { kind, models, findings } = scope;
  if (written === undefined || written === null) return;
  if (!Array.isArray(written)) return void findings.lacks(path, 'is no list');
  for (const [i, entry] of written.entries()) {
    if (!isObject(entry)) {
      findings.lacks(at(path, i), 'an entry names a model and its fallbacks');
      continue;
    }
    for (const [name, list] of Object.entries(entry)) {
      const where = at(at(path, i), name);
      const names = (Array.isArray(list) ? list : []).filter(isText).map(String);
      if (!Array.isArray(list) || names.length < list.length)
        findings.lacks(where, 'fallbacks are names of models; those with parameters of their own are not');
      if (name === '*') addDefaultFallbacks(names, models, kind);
      else give(scope, name, names, where);
    }
  }
}

export function addDefaultFallbacks(names: readonly string[], models: Map<string, Written>, kind = 'fallbacks'): void {
  for (const [name, model] of models) {
    const others = names.filter((one) => one !== name);
    if (model['targets'] && model[kind] === undefined && others.length > 0)
      model[kind] = others.slice(0, MOST_FALLBACKS);
  }
}

const MOST_FALLBACKS = 20;

function give({ kind, models, findings, origins }: FallbackScope, name: string, names: string[], path: string): void {
  const model = models.get(name);
  if (!model) return findings.lacks(path, 'there is no model of that name');
  if (!model['targets']) return findings.lacks(path, 'is an alias: its model has the fallbacks');
  if (names.length === 0) return;
  if (names.length > MOST_FALLBACKS)
    findings.lacks(path, `a model has up to ${MOST_FALLBACKS} fallbacks: the first were taken`);
  const list = names.slice(0, MOST_FALLBACKS);
  origins.set(list, path);
  model[kind] = list;
}

/** The retries that a number of the router or the library means, as attempts. */
export function retryOf(retries: unknown, after: unknown): Written | undefined {
  const count = countOf(retries, 0);
  const wait = numberOf(after);
  const retry: Written = {};
  if (count !== undefined) retry['max_attempts'] = attempts(count);
  if (wait !== undefined && wait > 0 && wait < 86_400) retry['base'] = `${Math.round(wait * 1000)}ms`;
  return Object.keys(retry).length > 0 ? retry : undefined;
}
