/**
 * Rows of LiteLLM's tables as what the admin API takes. A key keeps its secret: LiteLLM keeps the SHA-256 of a token, and that is
 * what the key is found by here. Texts are bounded and cleaned as the API wants them.
 */
import { createHash } from 'node:crypto';
import { endpointNames } from '../lib/endpoints.js';
import { isObject, type Json } from '../lib/json.js';
import { budgetLimit, jsonOf, type Limit, modelLimits, rateLimits, type Tell } from './budgets.js';
import { numberOf } from './values.js';

type Fields = Record<string, unknown>;

export interface TeamRow {
  /** The name, which is the team's id here. */
  readonly name: string;
  readonly fields: Fields;
  readonly blocked: boolean;
  readonly spentUsd: number;
  /** Models that all its keys are held to; undefined: all. */
  readonly models: readonly string[] | undefined;
}

export interface KeyRow {
  readonly sha256: string;
  readonly fields: Fields;
  readonly blocked: boolean;
  readonly spentUsd: number;
}

/** Why a row is not taken. */
export type Skipped = { readonly skipped: string };

const MOST_LIMITS = 50;
const MOST_MODELS = 1_000;
const ALL = ['all-proxy-models', '*', 'all-team-models'];

export function teamRow(row: Json, name: string, aliases: Json, tell: Tell): TeamRow {
  const metadata = jsonOf(row['metadata']);
  const limits = limitsOf(row, metadata, tell);
  const fields: Fields = { name, metadata: metadataOf(metadata, row, ['team_id', 'organization_id']) };
  if (limits.length > 0) fields['limits'] = limits;
  const names = aliasesOf(aliases);
  if (names) fields['aliases'] = names;
  return { name, fields, blocked: row['blocked'] === true, spentUsd: spentOf(row), models: modelsOf(row['models']) };
}

/** The key of a user who has no team: the user's budget and rates are those of a team of one. */
export const personalTeam = (row: Json, name: string, tell: Tell): TeamRow =>
  teamRow({ ...row, blocked: false, metadata: { user_id: row['user_id'] } }, name, {}, tell);

/** What holds for a key by what it belongs to. */
interface OfKey {
  readonly team: TeamRow | undefined;
  /** Of its team, or else its user; undefined: all. */
  readonly models: readonly string[] | undefined;
  readonly budget: Json | undefined;
}

export function keyRow(row: Json, { team, models: outer, budget }: OfKey, nowMs: number, tell: Tell): KeyRow | Skipped {
  const token = String(row['token'] ?? '');
  const sha256 = /^[0-9a-f]{64}$/i.test(token)
    ? token.toLowerCase()
    : token.startsWith('sk-')
      ? hashed(token)
      : undefined;
  if (sha256 === undefined) return { skipped: 'has no SHA-256 of a token' };
  if (row['team_id'] === 'litellm-dashboard') return { skipped: 'is a session of the dashboard' };
  const expires = timeOf(row['expires']);
  if (expires !== undefined && expires <= nowMs) return { skipped: 'has expired' };
  const metadata = jsonOf(row['metadata']);
  const endpoints = endpointsOf(row['allowed_routes']);
  if (endpoints === 'none') return { skipped: 'may call no endpoint that is served here (allowed_routes)' };
  const limits = limitsOf(inherited(row, budget), metadata, tell);
  const shown = text(row['key_name'], 40);
  const fields: Fields = {
    sha256,
    name: text(row['key_alias'], 200) ?? shown ?? `litellm ${sha256.slice(0, 8)}`,
    prefix: shown?.slice(0, 16) ?? `sha256:${sha256.slice(0, 8)}`,
    metadata: metadataOf(metadata, row, ['user_id', 'team_id', 'organization_id', 'project_id']),
  };
  if (team) fields['team'] = team.name;
  const models = within(modelsOf(row['models']), outer, tell);
  if (models?.length === 0) return { skipped: 'names no model that its team or user may use' };
  if (models !== undefined) fields['models'] = models;
  if (endpoints !== undefined) fields['endpoints'] = endpoints;
  if (limits.length > 0) fields['limits'] = limits;
  if (expires !== undefined) fields['expires_at'] = new Date(expires).toISOString();
  const tags = tagsOf(metadata['tags']);
  if (tags) fields['tags'] = tags;
  const aliases = aliasesOf(jsonOf(row['aliases']));
  if (aliases) fields['aliases'] = aliases;
  return { sha256, fields, blocked: row['blocked'] === true, spentUsd: spentOf(row) };
}

const hashed = (token: string): string => createHash('sha256').update(token).digest('hex');

/** What the key does not state itself is that of the budget that it names. */
const inherited = (row: Json, budget: Json | undefined): Json =>
  budget === undefined
    ? row
    : Object.fromEntries(
        [...new Set([...Object.keys(budget), ...Object.keys(row)])].map((name) => [
          name,
          isStated(row[name]) ? row[name] : budget[name],
        ]),
      );

/** Columns of JSON are empty where nothing was said. */
const isStated = (value: unknown): boolean =>
  value != null && value !== '{}' && !(isObject(value) && Object.keys(value).length === 0);

function limitsOf(row: Json, metadata: Json, tell: Tell): Limit[] {
  const limits = [
    ...budgetLimit(row['max_budget'], row['budget_duration'], row['soft_budget'], undefined, tell),
    ...rateLimits(row),
    ...modelLimits(row, metadata, tell),
  ].filter(({ model }) => model === undefined || text(model, 200) === model);
  if (limits.length > MOST_LIMITS) tell(`has more than ${MOST_LIMITS} limits: the first were taken`);
  return limits.slice(0, MOST_LIMITS);
}

/**
 * What the key and what its team or user may both use; undefined: all. Of two patterns the narrower counts where one covers the
 * other; two that merely overlap cannot be stated as one, and both are left out.
 */
function within(
  own: readonly string[] | undefined,
  outer: readonly string[] | undefined,
  tell: Tell,
): readonly string[] | undefined {
  if (own === undefined || outer === undefined) return own ?? outer;
  const both = new Set([
    ...own.filter((name) => outer.some((pattern) => covers(pattern, name))),
    ...outer.filter((name) => own.some((pattern) => covers(pattern, name))),
  ]);
  const lost = own.filter((name) => !both.has(name));
  if (lost.length > 0) tell(`may use no more than its team or user may: without ${lost.slice(0, 10).join(', ')}`);
  return [...both];
}

/** Whether all that a name or pattern stands for is what `pattern` stands for. A star stands for anything. */
const covers = (pattern: string, name: string): boolean => {
  const [begin = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  const end = rest.join('*');
  return name.length >= begin.length + end.length && name.startsWith(begin) && name.endsWith(end);
};

/** Undefined: all. */
export function modelsOf(value: unknown): readonly string[] | undefined {
  const listed = Array.isArray(value) ? value : [];
  const names = listed.flatMap((one) => text(one, 200) ?? []);
  if (listed.length === 0 || names.some((name) => ALL.includes(name))) return undefined;
  return [...new Set(names)].slice(0, MOST_MODELS);
}

const routeEndings: readonly (readonly [string, string])[] = [
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/embeddings', 'embeddings'],
  ['/messages', 'messages'],
  ['/responses', 'responses'],
  ['/moderations', 'moderations'],
  ['/rerank', 'rerank'],
];

/** Undefined: all. Routes that manage are no endpoints. */
function endpointsOf(value: unknown): readonly string[] | undefined | 'none' {
  const routes = (Array.isArray(value) ? value : []).filter((one) => typeof one === 'string');
  if (routes.length === 0 || routes.some((route) => /^(llm_api_routes|openai_routes|\*|\/\*)$/.test(route)))
    return undefined;
  const known: readonly string[] = endpointNames;
  const found = routes.flatMap((route) => routeEndings.find(([end]) => route.endsWith(end))?.[1] ?? []);
  const named = [...new Set(found)].filter((name) => known.includes(name));
  return named.length > 0 ? named : 'none';
}

function tagsOf(value: unknown): readonly string[] | undefined {
  const tags = (Array.isArray(value) ? value : []).flatMap((one) => text(one, 100) ?? []);
  return tags.length > 0 ? [...new Set(tags)].slice(0, 50) : undefined;
}

function aliasesOf(value: Json): Fields | undefined {
  const named = Object.entries(value).filter(
    ([alias, model]) => alias !== '__proto__' && text(alias, 128) === alias && text(model, 128) === model,
  );
  return named.length > 0 ? Object.fromEntries(named.slice(0, 100)) : undefined;
}

const MOST_METADATA = 8_000;

/** What was there, and what it was called there. */
function metadataOf(metadata: Json, row: Json, ids: readonly string[]): Fields {
  const known = Object.fromEntries(ids.flatMap((name) => (row[name] == null ? [] : [[name, text(row[name], 200)]])));
  const kept = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !/^(tags|model_[rt]pm_limit|__proto__)$/.test(name)),
  );
  const clean = isStorable(kept) ? kept : {};
  return { ...clean, litellm: known };
}

const isStorable = (value: Fields): boolean => {
  const written = JSON.stringify(value);
  return written.length <= MOST_METADATA && !/\\u0000|\\ud[89a-f]/i.test(written) && depthOf(value) < 8;
};

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > 10) return depth;
  return Math.max(depth, ...Object.values(value).map((inner) => depthOf(inner, depth + 1)));
}

/** One line without control characters, or undefined where nothing is left. */
export function text(value: unknown, most: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  const clean = value
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
    .trim()
    .slice(0, most)
    .trim();
  return clean === '' ? undefined : clean.replace(/\p{Cs}/gu, '');
}

/** Times without a zone are UTC. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isFinite(ms) ? ms : undefined;
}

const spentOf = (row: Json): number => {
  const spent = numberOf(row['spend']) ?? 0;
  return spent > 0 && spent < 9_000_000 ? spent : 0;
};

export const hasBudget = (fields: Fields): boolean =>
  Array.isArray(fields['limits']) && fields['limits'].some((one) => isObject(one) && one['unit'] === 'usd');
