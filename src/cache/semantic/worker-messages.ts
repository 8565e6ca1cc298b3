/** What is said between the embedding process and the one that asks it. */
import type { Neighbour } from './vectors.js';

/** A model and how its vectors are made. */
export interface ModelOptions {
  readonly folder: string;
  /** The file of the network. */
  readonly network: string;
  /** How the vectors of pieces become one of the text. */
  readonly pooling: 'mean' | 'cls';
  /** What stands before each text. */
  readonly prefix: string;
  /** Longest text, in word pieces with the two marks; what is longer is not embedded rather than cut. */
  readonly mostPieces: number;
}

export interface WorkerOptions extends ModelOptions {
  readonly capacity: number;
  readonly perScope: number;
}

export interface VectorRow {
  readonly id: string;
  readonly vector: Float32Array;
}

/** Words of a text, each beside the word of another text that it may stand for. */
export interface WordPairs {
  readonly text: string;
  /** Places of words in the other text and in this one. */
  readonly pairs: readonly (readonly [other: number, own: number])[];
  /** How near each pair has to be. */
  readonly floors: readonly number[];
}

/** Which text is the first all of whose words stand for those of another one. */
export interface CounterpartsWork {
  readonly op: 'counterparts';
  readonly one: string;
  readonly others: readonly WordPairs[];
}

export type Work =
  | CounterpartsWork
  | { readonly op: 'embed'; readonly text: string }
  | {
      readonly op: 'search';
      readonly scope: string;
      readonly most: number;
      /** One of both. */
      readonly text?: string;
      readonly vector?: Float32Array;
    }
  /** `opens`: the scope may be unknown so far; else rows for unknown scopes are left out. */
  | {
      readonly op: 'add';
      readonly scope: string;
      readonly rows: readonly VectorRow[];
      readonly opens: boolean;
    }
  | { readonly op: 'remove'; readonly scope: string; readonly ids: readonly string[] }
  | { readonly op: 'drop'; readonly scope: string }
  | { readonly op: 'size' };

export type Request = Work & { readonly id: number };

export interface Reply {
  readonly id: number;
  readonly error?: string;
  readonly vector?: Float32Array;
  /** Of an embedded text: its word pieces, with the two marks. */
  readonly pieces?: number;
  /** Names the model by its bytes: vectors of two names are never compared. */
  readonly model?: string;
  /** The place of the first text whose words stand for those of the other one; -1: none. */
  readonly holds?: number;
  readonly neighbours?: readonly Neighbour[];
  /** The scope is not loaded. */
  readonly unknown?: boolean;
  readonly tooLong?: boolean;
  readonly vectors?: number;
  readonly bytes?: number;
}
