/** The order in which the targets of one priority are tried. Pure: states are read, never written; random numbers are handed in. */
import type { Random } from '../lib/random.js';
import type { TargetState } from './target-state.js';

export type Balance = 'weighted' | 'round_robin' | 'least_busy' | 'latency' | 'cost' | 'usage';

export interface Candidate {
  /** `provider/model`. */
  readonly id: string;
  readonly priority: number;
  readonly weight: number;
  readonly state: TargetState;
}

/** What is known of the request when its targets are ordered. */
export interface Ask<T> {
  /** Requests with the same text go to the same target: the beginning of the prompt, or the user. Null: no affinity. */
  readonly affinity: string | null;
  /** The number of this request among those of the model, for `round_robin`. */
  readonly turn: number;
  /** What the request is expected to cost there. */
  readonly costOf: (target: T) => number;
}

export function order<T extends Candidate>(
  targets: readonly T[],
  balance: Balance,
  ask: Ask<T>,
  nowMs: number,
  random: Random,
): readonly T[] {
  if (targets.length < 2) return targets;
  if (ask.affinity !== null) {
    const seed = ask.affinity;
    return ranked(targets, (target) => draw(hashToUnit(`${seed} ${target.id}`), target.weight));
  }
  if (balance === 'round_robin') return inTurn(targets, ask.turn);
  const shuffled = ranked(targets, (target) => draw(random(), target.weight));
  // Sorting keeps the order of equals, so among equal targets the shares of `weight` hold.
  switch (balance) {
    case 'weighted':
      return shuffled;
    case 'least_busy':
      return ranked(shuffled, ({ state, weight }) => state.load / weight);
    case 'latency':
      return ranked(shuffled, ({ state }) => state.latencyRank(nowMs));
    case 'cost':
      return ranked(shuffled, ask.costOf);
    case 'usage':
      return ranked(shuffled, ({ state, weight }) => (state.usage?.share(nowMs) ?? 0) / weight);
  }
}

/**
 * A random rank with an exponential distribution: the chance of having the least rank is proportional to the weight. A weight
 * of 0 ranks after all others.
 */
const draw = (unit: number, weight: number): number =>
  weight === 0 ? Number.MAX_VALUE * (1 - unit) : -Math.log(1 - unit) / weight;

function ranked<T>(items: readonly T[], rankOf: (item: T) => number): T[] {
  const ranks = new Map(items.map((item) => [item, rankOf(item)]));
  return [...items].sort((a, b) => compare(ranks.get(a)!, ranks.get(b)!));
}

/** Weights of 0 lead to infinity and NaN, which come last. */
function compare(a: number, b: number): number {
  const [left, right] = [
    Number.isNaN(a) ? Number.POSITIVE_INFINITY : a,
    Number.isNaN(b) ? Number.POSITIVE_INFINITY : b,
  ];
  return left === right ? 0 : left < right ? -1 : 1;
}

/** The targets in the order in which they first appear in the weighted cycle (3:1 is a a b a) from position `turn` on. */
function inTurn<T extends Candidate>(targets: readonly T[], turn: number): T[] {
  const cycle = cycleOf(targets.map(({ weight }) => weight));
  const met = new Set<T>();
  for (let i = 0; i < cycle.length && met.size < targets.length; i++)
    met.add(targets[cycle[(turn + i) % cycle.length]!]!);
  for (const target of targets) met.add(target);
  return [...met];
}

const LONGEST_CYCLE = 1_000;
const cycles = new Map<string, readonly number[]>();

function cycleOf(weights: readonly number[]): readonly number[] {
  const name = weights.join();
  let cycle = cycles.get(name);
  if (!cycle) {
    if (cycles.size > 1_000) cycles.clear();
    cycles.set(name, (cycle = smooth(weights)));
  }
  return cycle;
}

/** Smooth weighted round robin: in each step every target gains its weight, and the one with most is taken and pays the total. */
function smooth(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0) || 1;
  let parts = weights.map((weight) => weight / divisor);
  const whole = parts.reduce((a, b) => a + b, 0);
  if (whole > LONGEST_CYCLE)
    parts = parts.map((part) => (part === 0 ? 0 : Math.max(1, Math.round((part * LONGEST_CYCLE) / whole))));
  const total = parts.reduce((a, b) => a + b, 0);
  const purse = parts.map(() => 0);
  return Array.from({ length: Math.max(1, total) }, () => {
    for (const [i, part] of parts.entries()) purse[i]! += part;
    const richest = purse.indexOf(Math.max(...purse));
    purse[richest]! -= total;
    return richest;
  });
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** FNV-1a with a final mix, as a number from 0 to 1. All replicas compute the same. */
export function hashToUnit(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
