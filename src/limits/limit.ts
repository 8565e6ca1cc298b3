/**
 * A limit in force: what was written (`LimitSpec`), on whom it hangs (`Scope`), and the name of its counter. The name says
 * scope, unit, window and model pattern, and for a calendar window which one (`2026-11`). `max` is not part of it, so a
 * changed maximum keeps what was counted. Two limits of one scope with the same name share a counter; only the tighter is
 * in force (`limitsInForce`).
 */
import { createHash } from 'node:crypto';
import type { LimitSpec } from '../lib/limit-spec.js';
import { type Calendar, type CalendarUnit, calendar, type Window } from './calendar.js';
import type { LevelCounter } from './level.js';
import type { RateWindow } from './rate-window.js';

export type Scope =
  | { readonly kind: 'key' | 'team' | 'model' | 'target' | 'route'; readonly id: string }
  /** An end user is known within a key or a team, never alone. */
  | {
      readonly kind: 'user';
      readonly id: string;
      readonly within: { readonly kind: 'key' | 'team'; readonly id: string };
    };

/** `rate`: a sliding window. `budget`: a calendar window. `concurrent`: what is open now. */
export type LimitKind = 'rate' | 'budget' | 'concurrent';

/**
 * After this time every gateway knows of a changed limit, and what requests spent before that is in the ledger: a counter that
 * was rebuilt later has all of it.
 */
const KNOWN_EVERYWHERE_MS = 15_000;

const SLIDING_MS: Readonly<Record<string, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000 };

export class Limit {
  readonly spec: LimitSpec;
  readonly scope: Scope;
  readonly kind: LimitKind;
  /** Length of the sliding window; 0 where the limit is not a rate. */
  readonly windowMs: number;
  /** The counter's name without the calendar window. Printable ASCII without spaces, at most a few hundred characters. */
  readonly counter: string;
  /** Since when the limit may be in force; 0: since before anything could be spent. */
  readonly sinceMs: number;
  /** Where the memory store found the counter last: saves the look-up while it is still that one. */
  slot: LevelCounter | RateWindow | null = null;
  /** How entries name it; made when it is first taken. */
  word: string | null = null;
  readonly #calendar: Calendar | null;
  #window: Window | null = null;
  #key = '';

  constructor(scope: Scope, spec: LimitSpec, sinceMs = 0) {
    this.scope = scope;
    this.spec = spec;
    this.sinceMs = sinceMs;
    this.windowMs = spec.per === null ? 0 : (SLIDING_MS[spec.per] ?? 0);
    this.kind = spec.per === null ? 'concurrent' : this.windowMs > 0 ? 'rate' : 'budget';
    this.#calendar = this.kind === 'budget' ? calendar(spec.per as CalendarUnit, spec.timezone) : null;
    this.counter = nameOf(scope, spec, this.kind);
  }

  /** The calendar window that holds `nowMs`; null where the limit is not a budget. */
  windowAt(nowMs: number): Window | null {
    return this.#calendar ? this.#calendar.at(nowMs) : null;
  }

  /**
   * Says how new a counter must be to be believed. Nothing feeds a counter while no limit has it, so one that was rebuilt before
   * this limit entered force may lack what was spent meanwhile. The stamp rises when the limit enters force and once more when
   * every gateway knows of it; a counter carries the stamp under which it was rebuilt, and one with a lower stamp is unknown.
   */
  stampAt(nowMs: number): number {
    if (this.sinceMs === 0 || this.kind !== 'budget') return 0;
    return this.sinceMs * 2 + (nowMs < this.sinceMs + KNOWN_EVERYWHERE_MS ? 0 : 1);
  }

  /** The name of the counter in that window. */
  keyIn(window: Window | null): string {
    if (!window) return this.counter;
    if (window !== this.#window) {
      this.#window = window;
      this.#key = `${this.counter}:${window.id}`;
    }
    return this.#key;
  }
}

function nameOf(scope: Scope, spec: LimitSpec, kind: LimitKind): string {
  const within = scope.kind === 'user' ? `:${scope.within.kind}:${plain(scope.within.id)}` : '';
  const zone = kind === 'budget' && spec.per !== 'total' ? plain(spec.timezone) : '';
  return `${scope.kind}:${plain(scope.id)}${within}:${spec.unit}:${spec.per ?? ''}:${plain(spec.model ?? '')}:${zone}`;
}

/** Text of any origin as a part of a name: escaped, so that no text can read as two parts, and hashed where it is long. */
function plain(text: string): string {
  if (/^[\w.-]{0,64}$/.test(text)) return text;
  const escaped = encodeURIComponent(Buffer.from(text).toString());
  return escaped.length <= 96 ? escaped : `~${createHash('sha256').update(text).digest('base64url')}`;
}

/** Whether a limit's promise needs the output to be bounded: it takes what it may come to at most. */
export const holdsOutput = ({ kind, spec }: Limit): boolean =>
  (kind === 'budget' || spec.hold === 'worst') && spec.unit !== 'requests' && spec.unit !== 'input_tokens';

/**
 * The limits of one scope, the tighter of two that share a counter. Hand in everything that hangs on the scope at once, and
 * since when it may be in force: when whatever has the limits was changed last.
 */
export function limitsInForce(scope: Scope, specs: readonly LimitSpec[], sinceMs = 0): readonly Limit[] {
  return tightest(specs.map((spec) => new Limit(scope, spec, Math.round(sinceMs))));
}

/** Of limits that share a counter the one with the smallest maximum. */
export function tightest(limits: readonly Limit[]): readonly Limit[] {
  const byCounter = new Map<string, Limit>();
  for (const limit of limits) {
    const other = byCounter.get(limit.counter);
    if (!other || limit.spec.max < other.spec.max) byCounter.set(limit.counter, limit);
  }
  return [...byCounter.values()];
}

/** Whether a limit counts requests for `model`: its pattern is null, the name, or a pattern with `*`. */
export const counts = (limit: Limit, model: string): boolean =>
  limit.spec.model === null || isLike(limit.spec.model, model);

/** Whether `pattern` is the name, or its `*` stand for what is missing. */
export function isLike(pattern: string, model: string): boolean {
  if (pattern === model) return true;
  if (!pattern.includes('*')) return false;
  const [head = '', ...rest] = pattern.split('*');
  if (!model.startsWith(head)) return false;
  let at = head.length;
  const tail = rest.pop() ?? '';
  for (const piece of rest) {
    const found = model.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return model.length - at >= tail.length && model.endsWith(tail);
}
