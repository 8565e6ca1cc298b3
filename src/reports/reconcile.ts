/**
 * A provider's export beside the ledger: per day and model ours, theirs, the difference, and what explains it, where the
 * figures prove that. Pure; all money is in nano-dollars as big integers, so that what is shown as a difference is one.
 */

export interface Figures {
  /** Null where the export does not tell. */
  readonly requests: bigint | null;
  readonly tokens: { readonly input: bigint; readonly cached: bigint; readonly output: bigint } | null;
  readonly nano: bigint | null;
}

/** One side's use of a model on a day (UTC). */
export interface ModelDay {
  readonly day: string;
  readonly model: string;
  readonly figures: Figures;
  /** By how much each amount may be off for having been rounded, in nano-dollars, over all rows. */
  readonly roundedNano: bigint;
  /** How many of these tokens were counted here, since the provider told none when it answered. */
  readonly countedTokens: bigint;
}

export type Cause =
  | 'equal'
  | 'missing_here'
  | 'missing_there'
  | 'price'
  | 'rounding'
  | 'time_zone_edge'
  | 'counted'
  | 'unexplained';

export interface Compared {
  readonly day: string;
  readonly model: string;
  readonly ours: Figures | null;
  readonly theirs: Figures | null;
  readonly differenceNano: bigint | null;
  readonly differenceTokens: bigint | null;
  readonly cause: Cause;
}

/** The same model under its several names: without its date and its provider, in any case, whatever stands between words. */
export function modelKey(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/[-@](\d{8}|\d{4}-\d\d-\d\d|latest)$/, '')
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  return words.sort().join(' ');
}

/** Rows of one day and model put together, each figure from whichever rows tell it. */
function joined(rows: readonly ModelDay[]): Map<string, ModelDay> {
  const all = new Map<string, ModelDay>();
  for (const row of rows) {
    const key = `${row.day}\n${modelKey(row.model)}`;
    const before = all.get(key);
    all.set(key, before ? { ...before, ...plus(before, row) } : row);
  }
  return all;
}

const added = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a + b);

const plus = (a: ModelDay, b: ModelDay): Pick<ModelDay, 'figures' | 'roundedNano' | 'countedTokens'> => ({
  figures: {
    requests: added(a.figures.requests, b.figures.requests),
    tokens:
      a.figures.tokens && b.figures.tokens
        ? {
            input: a.figures.tokens.input + b.figures.tokens.input,
            cached: a.figures.tokens.cached + b.figures.tokens.cached,
            output: a.figures.tokens.output + b.figures.tokens.output,
          }
        : (a.figures.tokens ?? b.figures.tokens),
    nano: added(a.figures.nano, b.figures.nano),
  },
  roundedNano: a.roundedNano + b.roundedNano,
  countedTokens: a.countedTokens + b.countedTokens,
});

export function reconcile(ours: readonly ModelDay[], theirs: readonly ModelDay[]): Compared[] {
  const mine = joined(ours);
  const other = joined(theirs);
  const keys = [...new Set([...mine.keys(), ...other.keys()])].sort();
  const rows = keys.map((key) => compare(mine.get(key), other.get(key)));
  return withEdges(rows);
}

const tokenSum = (figures: Figures | undefined | null): bigint | null =>
  figures?.tokens ? figures.tokens.input + figures.tokens.cached + figures.tokens.output : null;

function compare(mine: ModelDay | undefined, other: ModelDay | undefined): Compared {
  const ours = mine?.figures ?? null;
  const theirs = other?.figures ?? null;
  const { day, model } = (other ?? mine)!;
  const tells = { nano: theirs ? theirs.nano !== null : true, tokens: theirs ? theirs.tokens !== null : true };
  const differenceNano = tells.nano ? (ours?.nano ?? 0n) - (theirs?.nano ?? 0n) : null;
  const differenceTokens = tells.tokens ? (tokenSum(ours) ?? 0n) - (tokenSum(theirs) ?? 0n) : null;
  const base = { day, model, ours, theirs, differenceNano, differenceTokens };
  return { ...base, cause: causeOf(base, mine, other) };
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** A cause is named only where the figures leave no other: what merely could be is `unexplained`. */
function causeOf(
  { ours, theirs, differenceNano, differenceTokens }: Omit<Compared, 'cause'>,
  mine: ModelDay | undefined,
  other: ModelDay | undefined,
): Cause {
  const isZero = (figures: Figures | null) =>
    !figures || ((figures.nano ?? 0n) === 0n && (tokenSum(figures) ?? 0n) === 0n);
  const kinds = kindsDiffer(ours, theirs);
  if ((differenceNano ?? 0n) === 0n && !kinds) return 'equal';
  if (isZero(ours)) return 'missing_here';
  if (isZero(theirs)) return 'missing_there';
  // Our own entries are rounded to the nano-dollar one by one, up to four kinds each.
  const slack = (other?.roundedNano ?? 0n) + (ours?.requests ?? 0n) * 2n;
  if (!kinds && differenceNano !== null) {
    if (magnitude(differenceNano) <= slack) return 'rounding';
    // Without tokens beside it, money that differs may have any reason.
    return differenceTokens === null ? 'unexplained' : 'price';
  }
  // What the provider told us is in its export: it has no less than that, and the rest is what was counted, at most doubled.
  const counted = mine?.countedTokens ?? 0n;
  const beyondTold = (tokenSum(theirs) ?? 0n) - ((tokenSum(ours) ?? 0n) - counted);
  if (kinds && counted > 0n && beyondTold >= 0n && beyondTold <= 2n * counted) return 'counted';
  return 'unexplained';
}

/** Whether any kind of tokens differs; false where the export tells none. */
function kindsDiffer(ours: Figures | null, theirs: Figures | null): boolean {
  if (theirs && !theirs.tokens) return false;
  const [mine, other] = [ours?.tokens, theirs?.tokens];
  return (['input', 'cached', 'output'] as const).some((kind) => (mine?.[kind] ?? 0n) !== (other?.[kind] ?? 0n));
}

/** Neighbouring days of one model whose differences cancel out in every figure: the same requests, on either side of midnight. */
function withEdges(rows: readonly Compared[]): Compared[] {
  const result = [...rows];
  const byModel = new Map<string, number[]>();
  for (const [i, row] of rows.entries()) {
    const key = modelKey(row.model);
    byModel.set(key, [...(byModel.get(key) ?? []), i]);
  }
  for (const indexes of byModel.values()) {
    for (let i = 0; i + 1 < indexes.length; i++) {
      const [a, b] = [indexes[i]!, indexes[i + 1]!];
      const [first, second] = [result[a]!, result[b]!];
      if (!mayBeEdge(first) || !mayBeEdge(second) || dayAfter(first.day) !== second.day) continue;
      if (!cancelOut(first, second)) continue;
      result[a] = { ...first, cause: 'time_zone_edge' };
      result[b] = { ...second, cause: 'time_zone_edge' };
    }
  }
  return result;
}

function cancelOut(first: Compared, second: Compared): boolean {
  const [x, y] = [differencesOf(first), differencesOf(second)];
  if (!x || !y || x.length !== y.length) return false;
  return x.some((value) => value !== 0n) && x.every((value, i) => value + y[i]! === 0n);
}

/** By kind of tokens, and in money where the export tells it; null where it tells no tokens: amounts alone prove nothing. */
function differencesOf({ ours, theirs, differenceNano }: Compared): bigint[] | null {
  if (theirs && !theirs.tokens) return null;
  const kinds = (['input', 'cached', 'output'] as const).map(
    (kind) => (ours?.tokens?.[kind] ?? 0n) - (theirs?.tokens?.[kind] ?? 0n),
  );
  return theirs?.nano == null ? kinds : [...kinds, differenceNano ?? 0n];
}

const mayBeEdge = ({ cause }: Compared): boolean => cause !== 'equal' && cause !== 'rounding' && cause !== 'price';

/** Causes that need nobody's attention or say what is to be done; the others are differences that nobody explained. */
const explained = new Set<Cause>(['equal', 'price', 'rounding', 'time_zone_edge', 'counted']);

export const isExplained = ({ cause }: Compared): boolean => explained.has(cause);

const dayAfter = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
