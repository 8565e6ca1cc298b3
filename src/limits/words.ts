/**
 * What the outside is told of limits: the refusal of a request, and the rate headers of an answer. A refusal says which
 * limit, what it is, what is left and when to try again; clients that retry by themselves read `retry-after-ms` and
 * `x-should-retry`.
 */
import { type Refusal, refuse } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import type { Denial } from './denial.js';
import type { Part } from './hold.js';
import type { Limit, Scope } from './limit.js';

/** A slot (`concurrent`) is free when some request ends; nobody knows when. */
const SLOT_RETRY_MS = 1000;

/** `nowMs`: by the clock that budgets go by. `notice`: where budgets are counted, if not for all gateways together. */
export function refusalOf(denial: Denial, nowMs: number, notice?: string): Refusal {
  const { limit } = denial;
  if (limit.kind === 'budget') return budgetRefusal(denial, nowMs, notice);
  if (limit.kind === 'concurrent') {
    const message = `Too many requests at once: ${named(limit)} has all its slots in use. Try again when one has ended.`;
    return refuse('rate_limit_exceeded', message, { headers: retryHeaders(SLOT_RETRY_MS) });
  }
  const { retryAfterMs } = denial;
  const asks = `${named(limit)} has ${amount(limit, denial.remaining)} left, this request takes ${amount(limit, denial.asked)}`;
  if (retryAfterMs === null) {
    const message = `Rate limit: ${asks}, which is more than the whole limit. Send a smaller request.`;
    return refuse('rate_limit_exceeded', message, {
      headers: { 'x-should-retry': 'false', ...retryHeaders(limit.windowMs), ...limitHeaders(denial) },
    });
  }
  const message = `Rate limit reached: ${asks}. Try again in ${duration(retryAfterMs)}.`;
  return refuse('rate_limit_exceeded', message, {
    headers: { ...retryHeaders(retryAfterMs), ...limitHeaders(denial) },
  });
}

/** Where it cannot be known what was spent. */
export function unavailableRefusal(retryAfterMs: number): Refusal {
  const message =
    'The state of the limits that apply to this request is not available at the moment. Try again shortly.';
  return refuse('unavailable', message, { headers: retryHeaders(retryAfterMs) });
}

function budgetRefusal(denial: Denial, nowMs: number, notice: string | undefined): Refusal {
  const { limit, windowEndsAtMs } = denial;
  const held = denial.held > 0 ? `, ${amount(limit, denial.held)} held by running requests` : '';
  const state = `${amount(limit, denial.spent)} spent${held}, ${amount(limit, denial.remaining)} left`;
  const ends = windowEndsAtMs === null ? '' : ` The window ends at ${new Date(windowEndsAtMs).toISOString()}.`;
  const message = `Budget exceeded: ${named(limit)}: ${state}; this request needs at least ${amount(limit, denial.asked)}.${ends}${notice ? ` ${notice}` : ''}`;
  const wait = windowEndsAtMs === null ? {} : retryHeaders(Math.max(0, windowEndsAtMs - nowMs));
  return refuse('budget_exceeded', message, { headers: { 'x-should-retry': 'false', ...wait } });
}

/** `retry-after` in whole seconds, `retry-after-ms` exact, both rounded up. */
export const retryHeaders = (ms: number): Record<string, string> => ({
  'retry-after': String(Math.max(1, Math.ceil(ms / 1000))),
  'retry-after-ms': String(Math.ceil(ms)),
});

/** Of RFC 9651. */
const LARGEST_INTEGER = 999_999_999_999_999;

/**
 * Everything that headers can say of a limit that refused: `ratelimit` and `ratelimit-policy`, `x-ratelimit-*`, and
 * `retry-after` with the moment at which there is room, at the earliest: a slot's end is not known, a window's is. Where the
 * request is more than the whole limit it is when the limit is whole again, for it may be another one by then.
 */
function denialHeaders(denial: Denial, nowMs: number): Record<string, string> {
  const { limit, max, remaining, windowEndsAtMs, retryAfterMs } = denial;
  const { unit, per } = limit.spec;
  const endsMs = windowEndsAtMs === null ? null : Math.max(0, windowEndsAtMs - nowMs);
  const waitMs = limit.kind === 'concurrent' ? SLOT_RETRY_MS : (retryAfterMs ?? endsMs ?? (limit.windowMs || null));
  const name = per === null ? `"${unit}"` : `"${unit.replaceAll('_', '-')}-per-${per}"`;
  const window = denial.limit.windowAt(nowMs);
  const lengthMs = window ? window.endMs - window.startMs : limit.windowMs;
  const seconds = (ms: number | null, key: string): string =>
    ms === null || ms === 0 || !Number.isFinite(ms) ? '' : `;${key}=${Math.ceil(ms / 1000)}`;
  const shown = unit === 'usd' ? usd : String;
  // The fields hold whole numbers of up to 15 digits, so money is told in nano-dollars there.
  const whole = (value: number): string => String(Math.min(value, LARGEST_INTEGER));
  const quotaUnit = unit === 'usd' ? ';qu="nano-usd"' : '';
  const headers: Record<string, string> = {
    'ratelimit-policy': `${name};q=${whole(max)}${quotaUnit}${seconds(lengthMs, 'w')}`,
    ratelimit: `${name};r=${whole(remaining)}${limit.kind === 'concurrent' ? '' : seconds(waitMs, 't')}`,
    [`x-ratelimit-limit-${groupOf(limit) ?? unit}`]: shown(max),
    [`x-ratelimit-remaining-${groupOf(limit) ?? unit}`]: shown(remaining),
  };
  if (waitMs === null) return headers;
  if (limit.kind !== 'concurrent') headers[`x-ratelimit-reset-${groupOf(limit) ?? unit}`] = duration(waitMs);
  return { ...headers, ...retryHeaders(waitMs) };
}

/** A refusal with everything that can be said of the limit that refused. */
export function fullRefusalOf(denial: Denial, nowMs: number, notice?: string): Refusal {
  const refusal = refusalOf(denial, nowMs, notice);
  return { ...refusal, headers: { ...refusal.headers, ...denialHeaders(denial, nowMs) } };
}

/** What is left of the rates and the slots that a request took. Names and values in turn; of each field there is one list. */
export function heldHeaders(parts: readonly Part[], nowMs: number): string[] {
  const headers = rateLimitHeaders(parts, nowMs);
  const slots = slotHeaders(parts);
  for (let i = 0; i < slots.length; i += 2) {
    const at = headers.indexOf(slots[i]!);
    if (at === -1) headers.push(slots[i]!, slots[i + 1]!);
    else headers[at + 1] += `, ${slots[i + 1]}`;
  }
  return headers;
}

function slotHeaders(parts: readonly Part[]): string[] {
  let tightest: Part | undefined;
  for (const part of parts)
    if (part.limit.kind === 'concurrent' && (!tightest || part.remaining < tightest.remaining)) tightest = part;
  if (!tightest) return [];
  const { limit, remaining } = tightest;
  const { max } = limit.spec;
  return [
    ...['x-ratelimit-limit-concurrent', String(max), 'x-ratelimit-remaining-concurrent', String(remaining)],
    ...['ratelimit-policy', `"concurrent";q=${max}`, 'ratelimit', `"concurrent";r=${remaining}`],
  ];
}

function limitHeaders({ limit, max, remaining, retryAfterMs }: Denial): Record<string, string> {
  const group = groupOf(limit);
  if (!group) return {};
  const headers: string[] = [];
  addOpenAi(headers, group, max, remaining, retryAfterMs ?? limit.windowMs);
  return Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]!]] : [])));
}

/**
 * Of the tightest limit of requests and the tightest limit of tokens: `x-ratelimit-*` as OpenAI sends them, and the IETF
 * fields; names and values in turn. `nowMs` is the wall clock.
 */
function rateLimitHeaders(parts: readonly Part[], nowMs: number): string[] {
  const headers: string[] = [];
  let policies = '';
  let states = '';
  for (const group of groups) {
    let tightest: Part | undefined;
    for (const part of parts) {
      if (groupOf(part.limit) === group && (!tightest || part.remaining < tightest.remaining)) tightest = part;
    }
    if (!tightest) continue;
    const { limit, remaining, window } = tightest;
    const { max, per } = limit.spec;
    const resetMs = window ? window.endMs - nowMs : tightest.resetMs;
    addOpenAi(headers, group, max, remaining, resetMs);
    const name = `"${group}-per-${per}"`;
    const lengthMs = window ? window.endMs - window.startMs : limit.windowMs;
    const between = policies === '' ? '' : ', ';
    policies += `${between}${name};q=${max}${Number.isFinite(lengthMs) ? `;w=${Math.ceil(lengthMs / 1000)}` : ''}`;
    states += `${between}${name};r=${remaining}${Number.isFinite(resetMs) ? `;t=${Math.ceil(resetMs / 1000)}` : ''}`;
  }
  if (policies !== '') headers.push('ratelimit-policy', policies, 'ratelimit', states);
  return headers;
}

const groups = ['requests', 'tokens'] as const;
type Group = (typeof groups)[number];

const openAiNames = {
  requests: ['x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  tokens: ['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'],
} as const satisfies Record<Group, readonly string[]>;

function addOpenAi(headers: string[], group: Group, max: number, remaining: number, resetMs: number): void {
  const names = openAiNames[group];
  headers.push(names[0], String(max), names[1], String(remaining));
  if (Number.isFinite(resetMs)) headers.push(names[2], duration(resetMs));
}

function groupOf({ kind, spec }: Limit): Group | undefined {
  if (kind === 'concurrent' || spec.unit === 'usd') return undefined;
  return spec.unit === 'requests' ? 'requests' : 'tokens';
}

/** `120ms`, `1.5s`, `6m0s`, `1h2m3s`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole < 1000) return `${whole}ms`;
  if (whole < 60_000) return `${whole / 1000}s`;
  const seconds = Math.ceil(whole / 1000);
  const hours = Math.floor(seconds / 3600);
  return `${hours > 0 ? `${hours}h` : ''}${Math.floor((seconds % 3600) / 60)}m${seconds % 60}s`;
}

const amount = (limit: Limit, value: number): string => {
  if (limit.spec.unit === 'usd') return `${usd(value)} USD`;
  const unit = limit.spec.unit.replace('_', ' ');
  return `${value} ${value === 1 ? unit.replace(/s$/, '') : unit}`;
};

/** `the limit of 60 requests per minute of key key_01h... for gpt-4o*`. */
function named(limit: Limit): string {
  const { max, per, model } = limit.spec;
  const window = per === null ? '' : per === 'total' ? ' in total' : ` per ${per}`;
  return `the limit of ${amount(limit, max)}${window} of ${scopeName(limit.scope)}${model === null ? '' : ` for ${model}`}`;
}

const scopeName = (scope: Scope): string =>
  scope.kind === 'user' ? `user ${scope.id} of ${scope.within.kind} ${scope.within.id}` : `${scope.kind} ${scope.id}`;
