/**
 * What supersedes what. An attempt's entry may be an estimate: written by whoever closed a hold whose gateway was not heard of,
 * or who found its spool. Where more is known later, under the same id, two correcting entries follow the first one: a reversal,
 * which takes back all that was entered so far, and a replacement with what is known now. So reports are right in whatever way
 * they are broken down, and the ledger stays append-only. A fact supersedes any estimate, a stream's progress what was planned
 * and what had come less far; nothing supersedes a fact.
 *
 * The ids of both are made of what they correct and of how much is known, so that two who bring the same write it once.
 */
import { createHash } from 'node:crypto';
import type { Usage } from '../formats/usage.js';
import type { CostNano } from '../lib/money.js';
import type { Entry } from './entry.js';

/** How much is known of an attempt: grows from its intent, by that it was sent, over its progress to the fact. */
function knowledgeOf({ estimate, tokens, flags }: Entry): number {
  if (estimate === undefined) return Number.POSITIVE_INFINITY;
  if (estimate === 'progress') return 2 + tokens.output;
  return flags?.includes('sent_unknown') ? 0 : 1;
}

/** The entry that knows most: the first one, or the replacement that came last. */
export function latestOf(original: Entry, corrections: readonly Entry[]): Entry {
  let latest = original;
  for (const entry of corrections) {
    if (entry.correction === 'replacement' && knowledgeOf(entry) > knowledgeOf(latest)) latest = entry;
  }
  return latest;
}

/**
 * What is entered of an attempt by now: in the words of the one that knows most, with the sums of all. `corrections` are all
 * that name `original`, in any order.
 */
export function standingOf(original: Entry, corrections: readonly Entry[]): Entry {
  if (corrections.length === 0) return original;
  const latest = latestOf(original, corrections);
  const all = [original, ...corrections];
  const cost_nusd = costSum(all.map((entry) => entry.cost_nusd));
  const billed = all.reduce((sum, entry) => sum + billedOf(entry), 0);
  const { billed_nusd: _, corrects: __, correction: ___, ...said } = latest;
  return {
    ...said,
    id: original.id,
    tokens: tokensSum(all.map(({ tokens }) => tokens)),
    cost_nusd,
    ...(billedOfTeam(all, billed, cost_nusd.total) && { billed_nusd: billed }),
  };
}

/** The correcting entries that `told` leads to, which has the id of `original`: two, or none where it tells nothing new. */
export function superseding(original: Entry, corrections: readonly Entry[], told: Entry): readonly Entry[] {
  if (told.corrects !== undefined) return [];
  const standing = standingOf(original, corrections);
  const knowledge = knowledgeOf(told);
  if (knowledge <= knowledgeOf(standing)) return [];
  return [
    {
      ...standing,
      id: correctionId(original.id, 'reversal', knowledge),
      metadata: {},
      decision: undefined,
      tokens: negated(standing.tokens),
      cost_nusd: negated(standing.cost_nusd),
      ...(standing.billed_nusd !== undefined && { billed_nusd: 0 - standing.billed_nusd }),
      corrects: original.id,
      correction: 'reversal',
    },
    {
      ...told,
      id: correctionId(original.id, 'replacement', knowledge),
      corrects: original.id,
      correction: 'replacement',
    },
  ];
}

const billedOf = ({ billed_nusd, cost_nusd }: Entry): number => billed_nusd ?? cost_nusd.total;

/** Whether what the team is billed has to be said. */
const billedOfTeam = (all: readonly Entry[], billed: number, total: number): boolean =>
  billed !== total || all.some(({ billed_nusd }) => billed_nusd !== undefined);

const tokensSum = (all: readonly Usage[]): Usage => summed(all) as unknown as Usage;
const costSum = (all: readonly CostNano[]): CostNano => summed(all) as unknown as CostNano;

function summed(all: readonly object[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of all) {
    for (const [name, value] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + Number(value);
  }
  // Kinds that few entries have are left out where they are nothing.
  for (const name of ['image_input', 'image_output', 'request']) if (sums[name] === 0) delete sums[name];
  return sums;
}

/** `0 -` since a negative zero is another number to some. */
const negated = <T extends object>(figures: T): T =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, 0 - Number(value)])) as T;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The id of a correction: with the time of what it corrects, and otherwise made of what it says. */
export function correctionId(id: string, ...rest: readonly (string | number)[]): string {
  const digest = createHash('sha256')
    .update([id, ...rest].join('\n'))
    .digest();
  let tail = '';
  for (let i = 0; i < 26; i++) tail += ALPHABET[digest[i]! & 31];
  const time = /^ent_([0-9a-z]{10})/.exec(id)?.[1] ?? tail.slice(0, 10);
  return `ent_${time}${tail.slice(10)}`;
}
