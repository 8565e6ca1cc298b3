/** A response that is kept, and the port to where rows of them lie. */
import type { ResponseStatus } from '../formats/openai-responses/response-object.js';
import type { Json } from '../lib/json.js';

export interface StoredResponse {
  readonly id: string;
  readonly keyId: string;
  readonly status: ResponseStatus;
  readonly background: boolean;
  readonly createdAtMs: number;
  /** Of one that runs in the background: it is over by then, or its gateway ended. */
  readonly runningUntilMs: number | null;
  /** All items before its own input, resolved when it was written, so that no ancestor is needed. */
  readonly before: readonly Json[];
  /** Its own input: each item has an id. */
  readonly input: readonly Json[];
  readonly response: Json;
  /** Of one that was streamed in the background: its events, in order. */
  readonly events?: readonly string[];
}

/** A stored response as a row: what it says is compressed and encrypted. */
export interface ResponseRow {
  readonly id: string;
  readonly keyId: string;
  readonly status: string;
  readonly background: boolean;
  readonly itemIds: readonly string[];
  readonly body: Buffer;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly runningUntilMs: number | null;
}

/** Rejects where the store is away. Nothing is given to another key than the row's. */
export interface ResponseStore {
  /** Replaces a row of the same id and key, unless that was cancelled meanwhile. False: it was not written. */
  put(row: ResponseRow): Promise<boolean>;
  get(id: string, keyId: string, nowMs: number): Promise<ResponseRow | undefined>;
  remove(id: string, keyId: string): Promise<boolean>;
  /** The rows that hold one of these items, the newest first, at most `most`. */
  holding(itemIds: readonly string[], keyId: string, nowMs: number, most: number): Promise<ResponseRow[]>;
  /** Asks the gateway that runs it to stop. */
  cancel(id: string, keyId: string): Promise<void>;
  /** Which of these are asked to stop. */
  cancelled(ids: readonly string[]): Promise<readonly string[]>;
  /** Removes what expired and what belongs to keys that were revoked, at most so many rows; answers how many. */
  sweep(nowMs: number, most: number): Promise<number>;
}
