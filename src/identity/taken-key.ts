import type { NewKey } from './key-fields.js';

/** A key whose callers have its secret already, from another gateway; here its SHA-256 is known. */
export type TakenKey = NewKey & {
  readonly sha256: string;
  /** What lists show of the secret. */
  readonly prefix?: string | undefined;
  readonly blocked?: boolean | undefined;
};
