/** A counter in memory that rises and falls: of a budget, or of what is open now (`concurrent`). */
export interface LevelCounter {
  readonly kind: 'level';
  readonly key: string;
  /** The store that has it; null once it is dropped. */
  owner: object | null;
  /** The reservation that looked at it last. */
  asked: object | null;
  spent: number;
  held: number;
  /** What the ledger said when the counter began; null: not asked yet, `spent` is only what this store saw. */
  base: number | null;
  /** How new it is: the stamp under which it was rebuilt (`Limit.stampAt`). */
  stamp: number;
  /** The rebuild under way. */
  token: string;
  /** Holds that a rebuild must leave out, being counted here already. */
  seen: string[] | null;
  /** Open holds with a part of it. */
  open: number;
  /** End of a budget's window, milliseconds since the Unix epoch; 0 for slots. */
  readonly endMs: number;
}

export const newLevel = (owner: object, key: string, base: number | null, endMs: number): LevelCounter => ({
  kind: 'level',
  key,
  owner,
  asked: null,
  spent: 0,
  held: 0,
  base,
  stamp: 0,
  token: '',
  seen: null,
  open: 0,
  endMs,
});
