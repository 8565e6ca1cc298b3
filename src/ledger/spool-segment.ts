/**
 * What the spool remembers of its files. A segment is one file, written from its start to its end and then closed; it is
 * removed when every result in it is posted and every intent in it has its result in this or a later file. A batch is what
 * one write put there, and stands for its records until they are posted.
 */
import type { Refusal } from '../lib/errors.js';

export interface Segment {
  readonly file: string;
  /** Segments are read in this order. */
  readonly order: number;
  /** Written and, where that is asked for, forced to the disk. */
  bytes: number;
  /** Results in it that the store does not have yet. */
  unposted: number;
  /** Results in it. */
  results: number;
  /** Intents in it that have no result yet. */
  open: number;
  /** Nothing more will be written to it. */
  sealed: boolean;
  /** Left by an earlier process: what is in it is known once it was read. */
  readonly old: boolean;
  read: boolean;
  /** Bytes in it are no records: it is kept aside instead of removed. */
  damaged: boolean;
}

export const newSegment = (file: string, order: number, given: Partial<Segment> = {}): Segment => ({
  file,
  order,
  bytes: 0,
  unposted: 0,
  results: 0,
  open: 0,
  sealed: false,
  old: false,
  read: false,
  damaged: false,
  ...given,
});

/** A place between two records. */
export interface Place {
  readonly order: number;
  readonly offset: number;
}

/** Where a waiting entry is written down. */
export interface Home {
  /** By an earlier process. */
  readonly recovered: boolean;
  /** It is in the store now. Answers whether this process appended it. */
  posted(): boolean;
}

/** The home of an entry that is in memory alone. */
export const nowhere: Home = { recovered: false, posted: () => true };

export class InSegment implements Home {
  readonly segment: Segment;

  constructor(segment: Segment) {
    this.segment = segment;
  }

  get recovered(): boolean {
    return this.segment.old;
  }

  posted(): boolean {
    this.segment.unposted -= 1;
    return !this.segment.old;
  }
}

/** Records that are written at once. */
export class Batch implements Home {
  readonly recovered = false;
  /** Settles when its first write did: undefined where it is as durable as asked, else why it is not. */
  readonly done: Promise<Refusal | undefined>;
  #settle!: (refusal: Refusal | undefined) => void;
  #landed: (() => void)[] = [];
  #postedEarly = 0;
  segment: Segment | undefined;
  /** Where it ends in its segment. */
  end = 0;
  results = 0;
  intents = 0;
  /** Intents that are not needed any more once this is on the disk. */
  #ends: IntentRecord[] = [];
  /** Its first write failed. */
  failed = false;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  posted(): boolean {
    if (this.segment) {
      this.segment.unposted -= 1;
      return true;
    }
    this.#postedEarly += 1;
    // The store has these attempts: their intents are of no use, though what ends them is not on the disk.
    if (this.#postedEarly === this.results) this.#end();
    return true;
  }

  /** An intent's file is needed until this batch is on the disk, or the store has all results of it. */
  ends(intent: IntentRecord): void {
    if (this.segment) intent.end();
    else this.#ends.push(intent);
  }

  #end(): void {
    for (const intent of this.#ends) intent.end();
    this.#ends = [];
  }

  fail(refusal: Refusal): void {
    this.failed = true;
    this.#settle(refusal);
  }

  land(segment: Segment): void {
    this.segment = segment;
    this.end = segment.bytes;
    segment.results += this.results;
    segment.unposted += this.results - this.#postedEarly;
    segment.open += this.intents;
    this.#end();
    this.#settle(undefined);
    for (const tell of this.#landed) tell();
  }

  onLanded(tell: () => void): void {
    this.#landed.push(tell);
  }
}

/** An intent that was written, or waits to be: it keeps its file from being removed until it is not needed any more. */
export class IntentRecord {
  readonly batch: Batch;
  #ended = false;

  constructor(batch: Batch) {
    this.batch = batch;
    batch.intents += 1;
  }

  /** Again, it does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { segment } = this.batch;
    if (segment) segment.open -= 1;
    else this.batch.intents -= 1;
  }
}
