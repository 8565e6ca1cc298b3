/**
 * The scripts of `lua/`, and the words in which they are asked and answer. Times are microseconds there. Lists, where names
 * would be said again for each part: the header of each script says what stands where.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LimitUnit } from '../lib/limit-spec.js';
import { packageRoot } from '../lib/root.js';
import { type RedisReply, type RedisScript, redisScript } from '../store/redis.js';
import { countedBy } from './attempt-use.js';
import { amountOf, type Part } from './hold.js';
import type { Limit, LimitKind } from './limit.js';
import type { Ask, ClosedHold, Failure, Reply } from './store.js';

const names = ['reserve', 'settle', 'adopt', 'taken', 'begin', 'seed', 'read', 'beat', 'closed'] as const;
export type ScriptName = (typeof names)[number];

/** A time that never comes: the year 2255. */
export const FAR_US = 9e15;

/** Each with what they share in front. */
export function loadScripts(): Readonly<Record<ScriptName, RedisScript>> {
  const read = (name: string) => readFileSync(join(packageRoot, 'src/limits/lua', `${name}.lua`), 'utf8');
  const common = read('common');
  return Object.fromEntries(names.map((name) => [name, redisScript(`${common}\n${read(name)}`)])) as Record<
    ScriptName,
    RedisScript
  >;
}

export function partAsked({ limit, window, fixed, milli, counted, stamp }: Part): readonly unknown[] {
  const start = window ? Math.max(0, window.startMs * 1000) : 0;
  const end = window ? Math.min(FAR_US, window.endMs * 1000) : 0;
  const { max, on_exhausted, unit } = limit.spec;
  return [
    limit.kind[0],
    max,
    fixed,
    milli,
    limit.windowMs * 1000,
    start,
    end,
    on_exhausted === 'reject',
    counted,
    unit,
    countedText(limit),
    stamp,
  ];
}

/** A part of a hold as `adopt` is told of it; times by Redis's clock. */
export function partTold(part: Part, counter: string, toUs: (monotonicMs: number) => number): readonly unknown[] {
  const { limit, amount, counted } = part;
  const told = [counter, limit.kind[0], amount, counted, limit.spec.unit, countedText(limit), limit.windowMs * 1000];
  if (limit.kind !== 'rate') return told;
  if (part.takenMs >= 0 && part.takenUs < 0) part.takenUs = toUs(part.takenMs);
  return [...told, limit.spec.max, part.takenUs];
}

/** Half a surrogate pair is no text to the JSON reader of the scripts. */
export const plain = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** Milliseconds for which a budget's counter is kept: an hour longer than its window; one of `total` so long after its last use. */
export function timeToLiveMs(part: Part, nowMs: number): number {
  const endMs = part.window?.endMs ?? 0;
  return endMs === Number.POSITIVE_INFINITY ? 30 * 86_400_000 : Math.max(0, endMs - nowMs) + 3_600_000;
}

/** What a reservation came to; where it was made, the parts are told. */
export function understood(ask: Ask, reply: readonly RedisReply[]): Reply {
  const { hold, parts } = ask;
  switch (reply[0]) {
    case 'reserved': {
      hold.outputTokens = reply[3] as number;
      for (const [i, part] of parts.entries()) {
        part.amount = amountOf(part, hold.outputTokens);
        part.remaining = reply[4 + i * 2] as number;
        part.resetMs = (reply[5 + i * 2] as number) / 1000;
      }
      for (const part of ask.free) if (part.limit.kind === 'concurrent') part.amount = 0;
      return { kind: 'reserved' };
    }
    case 'denied':
      return { kind: 'denied', stale: reply[3] === 1, failures: reply.slice(4).map((told) => failureOf(parts, told)) };
    case 'unknown':
      return { kind: 'unknown', parts: reply.slice(3).map((i) => parts[(i as number) - 1]!) };
    case 'recovering':
      return { kind: 'recovering', retryAfterMs: Math.ceil((reply[3] as number) / 1000) };
    default:
      return { kind: reply[0] as 'window' | 'gone' };
  }
}

function failureOf(parts: readonly Part[], told: RedisReply): Failure {
  const [i, spent, held, wait, affordableOutput] = told as number[];
  return {
    part: parts[i! - 1]!,
    spent: spent!,
    held: held!,
    retryAfterMs: wait! < 0 ? null : wait! / 1000,
    affordableOutput: affordableOutput!,
  };
}

/** What of a request a limit counts, as it is kept with a hold; empty: everything. */
function countedText(limit: Limit): string {
  const counted = countedBy(limit);
  for (const _ in counted) return JSON.stringify(counted);
  return '';
}

const kinds: Readonly<Record<string, LimitKind>> = { b: 'budget', c: 'concurrent', r: 'rate' };
const PART_FIELDS = 4;

export function recordOf(told: RedisReply): ClosedHold {
  const [id, note, ...rest] = told as [string, string, ...(string | number)[]];
  const parts = [];
  for (let i = 0; i < rest.length; i += PART_FIELDS) {
    const [kind, unit, counted, attempts] = rest.slice(i) as [string, LimitUnit, number, string];
    parts.push({ kind: kinds[kind]!, unit, counted, attempts: attempts === '' ? {} : JSON.parse(attempts) });
  }
  return { id, note, parts };
}
