/** One entry of `model_list`: a target, and what it says of its model. */
import { suggestion } from '../config/suggest.js';
import { isObject, type Json } from '../lib/json.js';
import { type Accounts, accountParams, type Written } from './accounts.js';
import type { Findings } from './findings.js';
import { isPrice, priceOf } from './prices.js';
import { infoReasons, paramReasons } from './reasons.js';
import { at, countOf, durationOf, flagOf, numberOf, textOf } from './values.js';
import { vendorNames, vendorOf } from './vendors.js';

export interface Deployment {
  readonly path: string;
  readonly target: Written;
  readonly order: number | undefined;
  /** What decides its share: `weight`, else `rpm`, else `tpm`. */
  readonly share: { readonly by: 'weight' | 'rpm' | 'tpm'; readonly value: number } | undefined;
  readonly total: string | undefined;
  readonly firstByte: string | undefined;
  readonly retries: number | undefined;
  readonly dropParams: boolean | undefined;
}

const taken = new Set([
  ...[
    'model',
    'rpm',
    'tpm',
    'weight',
    'order',
    'timeout',
    'stream_timeout',
    'max_retries',
    'num_retries',
    'drop_params',
  ],
  ...['max_parallel_requests', 'litellm_credential_name', ...accountParams],
]);

/** `undefined`: whose model it is cannot be told, which is then among the findings. */
export function deploymentOf(params: Json, info: Json, path: string, accounts: Accounts): Deployment | undefined {
  const { findings } = accounts;
  const at_ = (name: string) => at(at(path, 'litellm_params'), name);
  const written = typeof params['model'] === 'string' ? params['model'].trim() : '';
  if (written === '') return lacking(findings, at_('model'), 'is missing');
  const stated = textOf(params['custom_llm_provider']);
  const named = vendorOf(written, stated);
  if (!named || named.model === '') return lacking(findings, at_('model'), whose(written));
  const model = modelOf(named.vendor.type, named.model);
  const provider = accounts.nameOf(named.prefix, named.vendor, params, at(path, 'litellm_params'));
  const target: Written = { provider, model };
  accounts.origins.set(target, path);
  const base = textOf(info['base_model'] ?? params['base_model']);
  if (base !== undefined) target['base_model'] = vendorOf(base, undefined)?.model ?? base;
  else if (named.vendor.type === 'azure')
    findings.note(
      at(at(path, 'model_info'), 'base_model'),
      'is not stated: a deployment whose name is no model has no price',
    );
  const price = {
    ...priceOf(params, at(path, 'litellm_params'), findings),
    ...priceOf(info, at(path, 'model_info'), findings),
  };
  if (Object.keys(price).length > 0) target['price'] = price;
  const limits = limitsOf(params, at_, findings);
  if (limits.length > 0) target['limits'] = limits;
  tellOthers(params, at(path, 'litellm_params'), (name) => taken.has(name) || isPrice(name), paramReasons, findings);
  tellOthers(info, at(path, 'model_info'), (name) => name === 'base_model' || isPrice(name), infoReasons, findings, {
    isSilent: isFact,
  });
  return {
    ...{ path, target, order: countOf(params['order'], 0), share: shareOf(params) },
    total: duration(params, 'timeout', at_, findings),
    firstByte: duration(params, 'stream_timeout', at_, findings),
    retries: countOf(params['max_retries'] ?? params['num_retries'], 0),
    dropParams: flagOf(params['drop_params']),
  };
}

const isFact = (name: string): boolean => name.startsWith('supports_');

function lacking(findings: Findings, path: string, reason: string): undefined {
  findings.lacks(path, reason);
  return undefined;
}

function whose(written: string): string {
  const slash = written.indexOf('/');
  if (slash === -1) return 'its name does not say whose model it is: LiteLLM writes the provider in front of it';
  const prefix = written.slice(0, slash);
  return `there is no type for the provider "${prefix.slice(0, 60)}"${suggestion(prefix.slice(0, 60), vendorNames)}`;
}

/** Bedrock's API and region may stand in front of the name. */
function modelOf(type: string, model: string): string {
  if (type === 'bedrock')
    return model.replace(/^(converse|invoke|converse_like)\//, '').replace(/^[a-z]{2}(-[a-z]+){1,2}-\d\//, '');
  return type === 'openai' || type === 'openai-compatible' ? model.replace(/^(responses|chat)\//, '') : model;
}

function limitsOf(params: Json, path: (name: string) => string, findings: Findings): Written[] {
  const limits: Written[] = [];
  for (const [name, unit] of Object.entries({ rpm: 'requests', tpm: 'tokens', max_parallel_requests: 'concurrent' })) {
    if (params[name] === undefined || params[name] === null) continue;
    const max = countOf(params[name]);
    if (max === undefined) findings.lacks(path(name), 'is no whole number above 0');
    else limits.push({ unit, max, ...(unit === 'concurrent' ? {} : { per: 'minute' }) });
  }
  return limits;
}

function shareOf(params: Json): Deployment['share'] {
  for (const by of ['weight', 'rpm', 'tpm'] as const) {
    const value = numberOf(params[by]);
    if (value !== undefined && value >= 0) return { by, value };
  }
  return undefined;
}

function duration(params: Json, name: string, path: (name: string) => string, findings: Findings): string | undefined {
  if (params[name] === undefined || params[name] === null) return undefined;
  const written = durationOf(params[name]);
  if (written === undefined) findings.lacks(path(name), 'is no number of seconds');
  return written;
}

interface Others {
  /** Names that are not worth a word. */
  readonly isSilent?: (name: string) => boolean;
  /** What one that is not known may have been meant to be, besides those with a reason. */
  readonly candidates?: Iterable<string>;
}

/** Tells of every setting that was not taken: why, where that is known, and otherwise which it may have been meant to be. */
export function tellOthers(
  settings: unknown,
  path: string,
  isTaken: (name: string) => boolean,
  reasons: Readonly<Record<string, string>>,
  findings: Findings,
  { isSilent = () => false, candidates = [] }: Others = {},
): void {
  if (!isObject(settings)) return;
  for (const [name, value] of Object.entries(settings)) {
    if (isTaken(name) || isSilent(name) || value === null) continue;
    const known = Object.hasOwn(reasons, name) ? reasons[name] : undefined;
    findings.lacks(at(path, name), known ?? unknown(name, [...candidates, ...Object.keys(reasons)]));
  }
}

const unknown = (name: string, candidates: readonly string[]): string => {
  const near = suggestion(name, candidates);
  return `is no setting that this import knows${near.includes('did you mean') ? near : ''}`;
};
