/** What a request was asked and told, as it is kept beside its entry in the ledger. */
import type { CaptureMode } from '../lib/capture-spec.js';

/** What is known of it without its content: what the ledger says too. */
export interface CapturedFacts {
  /** The entry of the attempt whose answer was told. */
  readonly entry: string;
  readonly requestId: string;
  readonly key: string;
  readonly team: string | null;
  /** The end user. */
  readonly user: string | null;
  /** The model that was asked for. */
  readonly model: string;
  readonly endpoint: string;
  readonly stream: boolean;
  readonly mode: Exclude<CaptureMode, 'off'>;
  /** When the request came, milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** In the dialect of the caller. */
export interface Content {
  readonly request: unknown;
  /** Of a stream the answer that it told; null: nothing was told, or vectors were. */
  readonly answer: unknown;
  /** Whether the caller was told all of it. */
  readonly complete: boolean;
  readonly truncated: { readonly request: boolean; readonly answer: boolean };
}

export interface Captured extends CapturedFacts {
  /** Null: it was encrypted with another `secrets_key`. */
  readonly content: Content | null;
}

/** As it lies in the database: `body` is the content, compressed and encrypted. */
export interface CapturedRow extends CapturedFacts {
  readonly body: Buffer;
}

/** A row to be written, with the entries of the other attempts of its request. */
export interface NewRow extends CapturedRow {
  readonly others: readonly string[];
}

/** Which of what was captured; what is left out is not asked for. */
export interface ContentFilter {
  readonly key?: string | undefined;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
  readonly model?: string | undefined;
  readonly request_id?: string | undefined;
  readonly entry?: string | undefined;
  readonly fromMs?: number | undefined;
  /** Before. */
  readonly toMs?: number | undefined;
  /** Of these teams alone. */
  readonly teams?: readonly string[] | undefined;
}

/** Which are deleted: all that fit, of everything that was captured up to now. Without a field: all. */
export type Deletion = Pick<ContentFilter, 'key' | 'team' | 'user' | 'request_id' | 'entry'>;

export interface Marked {
  readonly id: string;
  readonly deletion: Deletion;
  /** Of what was captured up to then. */
  readonly untilMs: number;
}

/** A place in the order by time. */
export interface ContentPlace {
  readonly atMs: number;
  readonly entry: string;
}

export interface ContentStore {
  /** What was deleted meanwhile is not written. Writing twice is harmless. */
  insert(rows: readonly NewRow[]): Promise<void>;
  /** By the entry of any of its attempts, captured after `sinceMs`. */
  get(entry: string, teams: readonly string[] | null, sinceMs: number): Promise<CapturedRow | undefined>;
  /** By time, after a place. */
  page(filter: ContentFilter, after: ContentPlace | null, most: number): Promise<readonly CapturedRow[]>;
  /** From now on nothing of it is read or written; `erase` removes it. */
  mark(deletions: readonly Deletion[], untilMs: number): Promise<void>;
  /** Removes some of what was deleted; answers how much. */
  erase(marked: Omit<Marked, 'id'>, most: number): Promise<number>;
  /** Deletions that were not found to be done yet, the oldest first. */
  pending(): Promise<readonly Marked[]>;
  done(id: string): Promise<void>;
  /** Removes some of what was captured before; answers how much. */
  sweep(beforeMs: number, most: number): Promise<number>;
  /** Forgets deletions that are done and older. */
  forget(beforeMs: number): Promise<void>;
}
