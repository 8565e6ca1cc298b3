/** A row of a report: what it is of, in the order of `group_by`, and its sums. */
import type { Sum } from '../lib/spend-sums.js';

export interface SpendRow {
  readonly groups: readonly GroupValue[];
  readonly sums: Readonly<Record<Sum, bigint>>;
  /** Where rows are of keys; null: there is no such key. */
  readonly keyName?: string | null | undefined;
}

/** An hour is a `Date`. */
export type GroupValue = string | number | boolean | Date | null;
