/** What a hold has of the limits that count an attempt, in the words that its entry keeps (`lib/taken-limits.ts`). */
import { type LimitOwner, limitWord, moreLimitsWord } from '../lib/taken-limits.js';
import { amountOf, type Hold } from './hold.js';
import { counts, type Limit } from './limit.js';

/** As the limits on models and targets name them. */
export interface TakenAt {
  readonly model: { readonly name: string; readonly label: string };
  readonly target: { readonly label: string };
}

/** An entry has room for so many, and says how many more there were. */
const MOST_LIMITS = 20;
const MOST_CHARS = 1_500;

export function takenWords({ parts, outputTokens }: Hold, at: TakenAt): string {
  let text = '';
  let told = 0;
  let more = 0;
  for (const part of parts) {
    const { limit } = part;
    if (!countsAt(limit, at)) continue;
    limit.word ??= wordOf(limit);
    const word = ` ${limit.word}:${amountOf(part, outputTokens)}:${part.remaining}`;
    if (more > 0 || told === MOST_LIMITS || text.length + word.length > MOST_CHARS) more++;
    else {
      text += word;
      told++;
    }
  }
  return more > 0 ? text + moreLimitsWord(more) : text;
}

/** A hold keeps what it took for targets that were tried before. */
function countsAt(limit: Limit, { model, target }: TakenAt): boolean {
  const { kind, id } = limit.scope;
  if (kind === 'target' ? id !== target.label : kind === 'model' && id !== model.label) return false;
  return counts(limit, model.name);
}

function wordOf({ scope, spec }: Limit): string {
  const hangs = scope.kind === 'model' || scope.kind === 'target';
  const owner = scope.kind === 'user' ? (`${scope.within.kind}_user` as const) : (scope.kind as LimitOwner);
  return limitWord(owner, hangs ? scope.id : null, spec);
}
