/**
 * How the target of an attempt was chosen, as text that is kept with its entry, in words: `r1` the rule of a route that held, `mNAME`
 * the model whose target it is where another one was asked for, `w2:rate_limit` how it came to be tried and after which failure,
 * `pl` what put the candidates in order, `+target:priority:value:more` those that could be tried, in their order, with what they were
 * ordered by: a figure, and after it the weight that it is divided by, or with latency what ran there, `-target:priority:why:ms` those that could not, with why and for how long, `!target:why` those that had been passed over
 * before, `?2` how many more of these, and `.3` how many more candidates there were.
 */
import { usd } from './money.js';
import { decoded, encoded, named } from './word-text.js';

/** How a target came to be tried. */
const WAYS = {
  only: 'o',
  first: 'f',
  next: 'n',
  credential: 'c',
  again: 'a',
  resent: 's',
  fallback: 'F',
  context_window_fallback: 'x',
  content_policy_fallback: 'p',
  hedge: 'h',
  unhealthy: 'u',
  cache: 'k',
} as const;
export type RouteWay = keyof typeof WAYS;

/** What puts candidates in order; the last two are an affinity, which comes before a balance. */
const POLICIES = {
  weighted: 'w',
  round_robin: 'r',
  least_busy: 'b',
  latency: 'l',
  cost: 'c',
  usage: 'u',
  prompt: 'p',
  user: 'e',
} as const;
export type RoutePolicy = keyof typeof POLICIES;

export const wayWord = (way: RouteWay, why?: string): string =>
  why === undefined ? `w${WAYS[way]}` : `w${WAYS[way]}:${why}`;
export const ruleWord = (rule: number): string => `r${rule} `;
export const modelWord = (name: string): string => `m${encoded(name)} `;
export const policyWord = (policy: RoutePolicy): string => ` p${POLICIES[policy]}`;
/** Here and below `target` is the id as a word, which is made once for all requests. */
export const passedWord = (target: string, why: string): string => ` !${target}:${why}`;
export const morePassedWord = (count: number): string => ` ?${count}`;
export const moreWord = (count: number): string => ` .${count}`;
/** `value`: nothing where it is not known. */
export const readyWord = (target: string, priority: number, value: number | null, more?: number): string =>
  ` +${target}:${priority}:${value ?? ''}${more === undefined ? '' : `:${more}`}`;
/** `ms`: until it may be tried; nothing where nobody knows. */
export const skippedWord = (target: string, priority: number, why: string, ms: number | null): string =>
  ` -${target}:${priority}:${why}:${ms ?? ''}`;

export interface RouteCandidate {
  readonly target: string;
  readonly priority: number;
  /** `ready`, or why it was skipped. */
  readonly state: string;
  /** Milliseconds after which a skipped one might be tried again. */
  readonly ready_in_ms?: number;
  readonly weight?: number;
  /** Attempts that ran there. */
  readonly in_flight?: number;
  readonly latency_ms?: number;
  readonly cost_usd?: string;
  /** What of its limits was used, 1 for all. */
  readonly used_share?: number;
}

export interface TakenRoute {
  readonly way: RouteWay | null;
  /** The failure of the attempt before that led to this one. */
  readonly after: string | null;
  /** The model whose target it is. */
  readonly model: string;
  /** Places of the rules that held, from 0: of the model that was asked for, and of each model with a route that it led to. */
  readonly rules: number[];
  readonly policy: RoutePolicy | null;
  readonly candidates: RouteCandidate[];
  /** Targets of this request that were not tried though they could have been: at a limit of their own, or unfit for it. */
  readonly passed_over: { readonly target: string; readonly why: string }[];
  /** How many of these are not named; left out where all are. */
  readonly passed_over_more?: number;
  /** Candidates that are not named. */
  readonly more: number;
}

/** `asked`: the model that was asked for. Words that are not understood are passed over. */
export function takenRoute(text: string, asked: string): TakenRoute {
  const route = {
    way: null as RouteWay | null,
    after: null as string | null,
    model: asked,
    rules: [] as number[],
    policy: null as RoutePolicy | null,
    candidates: [] as RouteCandidate[],
    passed_over: [] as { target: string; why: string }[],
    more: 0,
  };
  let passedMore: number | null = null;
  for (const word of text.split(' ')) {
    const [first = '', ...rest] = word.slice(1).split(':');
    switch (word[0]) {
      case 'r':
        route.rules.push(whole(first) ?? 0);
        break;
      case 'm':
        route.model = decoded(first);
        break;
      case 'w':
        route.way = named(WAYS, first);
        route.after = rest[0] ?? null;
        break;
      case 'p':
        route.policy = named(POLICIES, first);
        break;
      case '+':
        route.candidates.push(readyOf(first, rest, route.policy));
        break;
      case '-':
        route.candidates.push(skippedOf(first, rest));
        break;
      case '!':
        route.passed_over.push({ target: decoded(first), why: rest[0] ?? '' });
        break;
      case '?':
        passedMore = whole(first);
        break;
      case '.':
        route.more = whole(first) ?? 0;
        break;
    }
  }
  return passedMore === null ? route : { ...route, passed_over_more: passedMore };
}

function readyOf(name: string, [priority, value, more]: readonly string[], policy: RoutePolicy | null): RouteCandidate {
  const bare = { target: decoded(name), priority: whole(priority) ?? 0, state: 'ready' };
  const known = number(value);
  const second = number(more);
  const weight = second === null ? {} : { weight: second };
  switch (policy) {
    case 'least_busy':
      return { ...bare, ...(known !== null && { in_flight: known }), ...weight };
    case 'latency':
      return { ...bare, ...(known !== null && { latency_ms: known }), ...(second !== null && { in_flight: second }) };
    case 'cost':
      return { ...bare, ...(known !== null && { cost_usd: usd(known) }) };
    case 'usage':
      // In thousandths, with three places of them.
      return { ...bare, ...(known !== null && { used_share: Math.round(known * 1000) / 1e6 }), ...weight };
    default:
      return { ...bare, ...(known !== null && { weight: known }) };
  }
}

function skippedOf(name: string, [priority, why, ms]: readonly string[]): RouteCandidate {
  const ready_in_ms = whole(ms);
  return {
    target: decoded(name),
    priority: whole(priority) ?? 0,
    state: why ?? '',
    ...(ready_in_ms !== null && { ready_in_ms }),
  };
}

const whole = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;

const number = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,16}(\.\d{1,16})?$/.test(text) ? Number(text) : null;
