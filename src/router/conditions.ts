/**
 * The conditions of routing rules. They are compiled once, with the configuration. Evaluating one is pure: time and random
 * numbers are handed in. What is costly (counting tokens, embedding) is done only for a condition that needs it, and once per
 * request. Most results are there at once; only counting a long text and comparing meanings are asynchronous.
 */
import { hash } from 'node:crypto';
import type { Embedder } from '../lib/embedder.js';
import { anyOf } from '../lib/patterns.js';
import type { Feature, When } from '../lib/route-spec.js';
import { anyKeyword } from './keywords.js';
import { similarityTo } from './similarity.js';
import { isWithin, localMinutes } from './time-of-day.js';

/** What the conditions ask of a request. */
export interface RouteRequest {
  readonly key: { readonly id: string; readonly name: string };
  readonly team: string | null;
  /** The end user. */
  readonly user: string | null;
  readonly tags: readonly string[];
  metadata(name: string): unknown;
  has(feature: Feature): boolean;
  /** Of the user's last message. */
  text(): string;
  /** The same as keywords are looked for in it. */
  foldedText(): string;
  inputTokens(): number | Promise<number>;
  /** What the request is estimated to cost with a model, in nano-dollars; null where that is not known. */
  costNano(model: string, inputTokens: number): number | null;
  readonly nowMs: number;
  /** From 0 up to 1, a new one each time. */
  readonly random: () => number;
}

/** What evaluating a condition gave. */
export interface ConditionResult {
  readonly holds: boolean;
  /** What the request has of what the condition is about. */
  readonly found: unknown;
}

export interface Condition {
  /** As the configuration calls it. */
  readonly name: keyof When;
  readonly wanted: unknown;
  ask(request: RouteRequest): ConditionResult | Promise<ConditionResult>;
}

interface ConditionDeps {
  /** Makes the shares of this rule independent of those of other rules. */
  readonly salt: string;
  /** The models that the rule uses. */
  readonly models: readonly string[];
  readonly embedder: Embedder | null;
}

/** In the order of cost: the cheapest first. */
export function conditionsOf(when: When, deps: ConditionDeps): readonly Condition[] {
  const conditions: Condition[] = [];
  const add = (name: keyof When, wanted: unknown, ask: Condition['ask']) => void conditions.push({ name, wanted, ask });
  const names = (name: 'team' | 'user' | 'key', found: (request: RouteRequest) => readonly (string | null)[]) => {
    const patterns = when[name];
    if (!patterns) return;
    const fits = anyOf(patterns);
    add(name, patterns, (request) => {
      const own = found(request);
      return { holds: own.some((one) => one !== null && fits(one)), found: own[0] };
    });
  };
  names('key', ({ key }) => [key.id, key.name]);
  names('team', ({ team }) => [team]);
  names('user', ({ user }) => [user]);
  const { tags, metadata, has, time, share, keywords, input_tokens: range, max_cost_usd: most, like } = when;
  if (tags) {
    const fits = anyOf(tags);
    add('tags', tags, (request) => ({ holds: request.tags.some(fits), found: request.tags }));
  }
  if (metadata) add('metadata', metadata, (request) => metadataResult(metadata, request));
  if (time) {
    const here = localMinutes(time.timezone);
    add('time', time, ({ nowMs }) => {
      const now = here(nowMs);
      return { holds: isWithin(time, now), found: `${clock(now.minute)} ${time.timezone}` };
    });
  }
  if (has) {
    add('has', has, (request) => {
      const found = has.filter((feature) => request.has(feature));
      return { holds: found.length === has.length, found };
    });
  }
  if (share !== undefined) {
    add('share', share, (request) => {
      const at = shareOf(request, `share\n${deps.salt}`);
      return { holds: at < share, found: { by: request.user === null ? 'chance' : 'user', at } };
    });
  }
  if (keywords) {
    const first = anyKeyword(keywords);
    add('keywords', keywords, (request) => {
      const found = first(request.foldedText());
      return { holds: found !== undefined, found: found ?? null };
    });
  }
  if (range) {
    add('input_tokens', range, (request) =>
      whenKnown(request.inputTokens(), (tokens) => ({ holds: isInRange(tokens, range), found: tokens })),
    );
  }
  if (most !== undefined) {
    add('max_cost_usd', most / 1e9, (request) =>
      whenKnown(request.inputTokens(), (tokens) => {
        const cost = dearest(deps.models.map((model) => request.costNano(model, tokens)));
        return { holds: cost !== null && cost <= most, found: cost === null ? null : cost / 1e9 };
      }),
    );
  }
  if (like) add('like', { like, similarity: when.similarity ?? DEFAULT_SIMILARITY }, likeResult(when, deps));
  return conditions;
}

const DEFAULT_SIMILARITY = 0.6;

function likeResult(when: When, { embedder }: ConditionDeps): Condition['ask'] {
  const { like = [], similarity = DEFAULT_SIMILARITY } = when;
  const nearest = embedder && similarityTo(like, embedder);
  return async (request) => {
    const found = nearest ? await nearest(request.text()) : null;
    return { holds: found !== null && found >= similarity, found };
  };
}

function metadataResult(wanted: NonNullable<When['metadata']>, request: RouteRequest): ConditionResult {
  const found: Record<string, unknown> = {};
  let holds = true;
  for (const [name, values] of Object.entries(wanted)) {
    const value = request.metadata(name);
    found[name] = value ?? null;
    if (value === undefined || value === null || !values.includes(String(value))) holds = false;
  }
  return { holds, found };
}

const isInRange = (value: number, { gt, gte, lt, lte }: NonNullable<When['input_tokens']>): boolean =>
  (gt === undefined || value > gt) &&
  (gte === undefined || value >= gte) &&
  (lt === undefined || value < lt) &&
  (lte === undefined || value <= lte);

/** Null where one of them is not known. */
const dearest = (costs: readonly (number | null)[]): number | null =>
  costs.reduce<number | null>((most, cost) => (most === null || cost === null ? null : Math.max(most, cost)), 0);

/** A number from 0 to 1 for a request: always the same for the same user and salt, random without a user. */
export const shareOf = ({ user, random }: Pick<RouteRequest, 'user' | 'random'>, salt: string): number =>
  user === null ? random() : Number.parseInt(hash('sha256', `${salt}\n${user}`).slice(0, 12), 16) / 2 ** 48;

const whenKnown = (
  value: number | Promise<number>,
  finding: (value: number) => ConditionResult,
): ConditionResult | Promise<ConditionResult> => (typeof value === 'number' ? finding(value) : value.then(finding));

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
