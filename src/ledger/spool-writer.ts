/**
 * Writes the spool's files. What comes while a write runs waits and goes with the next one (group commit): one `write`, and
 * one `fdatasync` where that is asked for, for all of it, by asynchronous calls. A write begins at the end of the event loop's
 * next turn: a loop that has nothing to do is there at once, and one that is busy brings more records until then. Handing a
 * write to another thread costs as much as what is written for several requests.
 *
 * A write that fails ends its file after the last whole record, settles what waits as failed, and is tried again every second in
 * a new file, before anything newer: the order of records never changes. A file in which nothing was written is removed at once,
 * so that a disk which fails for hours is not filled with them.
 */
import type fs from 'node:fs';
import { join } from 'node:path';
import { type Refusal, refuse } from '../lib/errors.js';
import { asError } from '../lib/thrown.js';
import { RecordBuffer, type RecordKind, trailerJson } from './spool-record.js';
import { Batch, newSegment, type Place, type Segment } from './spool-segment.js';

export type WriterFs = Pick<typeof fs, 'open' | 'write' | 'fdatasync' | 'close' | 'ftruncate' | 'unlink'>;

export interface WriterOptions {
  readonly fs: WriterFs;
  readonly dir: string;
  /** The number of the first file that is made. */
  readonly firstNumber: number;
  /** The order of its segment. */
  readonly firstOrder: number;
  readonly segmentBytes: number;
  /** Force every write to the disk. */
  readonly sync: boolean;
  readonly retryMs: number;
  /** A file has its first records. */
  readonly onSegment: (segment: Segment) => void;
  /** A write is done, or a file was closed. */
  readonly onWritten: () => void;
  /** Once for each time that writing stops to work, and with null when it works again. */
  readonly onState: (error: Error | null) => void;
}

interface Waiting {
  readonly batch: Batch;
  readonly buffer: RecordBuffer;
}

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.spool`;

export const unwritable: Refusal = refuse(
  'unavailable',
  "The gateway cannot write down what this request costs (its ledger's spool fails), so the request was not sent. Try again later.",
  { headers: { 'retry-after': '2', 'retry-after-ms': '2000' } },
);

export class SpoolWriter {
  readonly #options: WriterOptions;
  /** What waits, oldest first; records are added to the last one while it is open. */
  readonly #waiting: Waiting[] = [];
  #open = false;
  readonly #spare: RecordBuffer[] = [];
  #busy = false;
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #number: number;
  #order: number;
  #fd = -1;
  #results = 0;
  #closed: (() => void) | undefined;
  current: Segment | undefined;
  failing = false;
  /** Bytes that wait. */
  waitingBytes = 0;
  /** When the write that runs began, on the monotonic clock; 0: none runs. */
  busySinceMs = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#number = options.firstNumber;
    this.#order = options.firstOrder;
  }

  /** What is added `later` goes with whatever is written next, and alone at the end. */
  add(kind: RecordKind, text: string, later = false): Batch {
    let last = this.#waiting.at(-1);
    // One that failed has told so: what is added once writes succeed again is none of it.
    if (!this.#open || !last || (last.batch.failed && !this.failing)) {
      last = { batch: new Batch(), buffer: this.#spare.pop() ?? new RecordBuffer() };
      if (this.failing) last.batch.fail(unwritable);
      this.#waiting.push(last);
      this.#open = true;
    }
    const before = last.buffer.used;
    last.buffer.add(kind, text);
    this.waitingBytes += last.buffer.used - before;
    if (!later) this.#schedule();
    return last.batch;
  }

  /** Resolves with the place behind everything added so far, once that is written. */
  cut(): Promise<Place> {
    const last = this.#waiting.at(-1)?.batch;
    this.#open = false;
    if (!last) return Promise.resolve(this.place);
    this.#schedule();
    return new Promise((resolve) => last.onLanded(() => resolve({ order: last.segment!.order, offset: last.end })));
  }

  /** The end of what is written. */
  get place(): Place {
    return this.current ? { order: this.current.order, offset: this.current.bytes } : { order: this.#order, offset: 0 };
  }

  /** Writes what waits, unless that fails, and closes the file. Nothing may be added later. */
  async close(): Promise<void> {
    if (this.#waiting.length > 0 || this.#busy) {
      await new Promise<void>((resolve) => {
        this.#closed = resolve;
        if (this.failing && !this.#busy) this.#flushSoon();
        else this.#schedule();
      });
    }
    clearTimeout(this.#retry);
    await this.#seal(true);
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy || this.#retry) return;
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#scheduled = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#scheduled = false;
        if (!this.#busy) void this.#flush();
      }),
    );
  }

  async #flush(): Promise<void> {
    const first = this.#waiting[0];
    if (!first) return;
    if (this.#waiting.length === 1) this.#open = false;
    this.#busy = true;
    this.busySinceMs = performance.now();
    try {
      const segment = this.#fits(first.buffer.used) ?? (await this.#nextSegment());
      await this.#write(segment, first.buffer.bytes);
      if (segment.bytes === 0) this.#options.onSegment(segment);
      segment.bytes += first.buffer.used;
      this.#done(first, segment);
    } catch (error) {
      await this.#failed(asError(error));
    }
    this.#busy = false;
    this.busySinceMs = 0;
    this.#options.onWritten();
    if (this.#waiting.length > 0 && !this.failing) this.#flushSoon();
    else this.#closed?.();
  }

  #done(first: Waiting, segment: Segment): void {
    this.#waiting.shift();
    this.waitingBytes -= first.buffer.used;
    this.#results += first.batch.results;
    first.buffer.reset();
    if (this.#spare.length < 2) this.#spare.push(first.buffer);
    first.batch.land(segment);
    if (!this.failing) return;
    this.failing = false;
    this.#options.onState(null);
  }

  #fits(bytes: number): Segment | undefined {
    const { current } = this;
    if (!current || (current.bytes > 0 && current.bytes + bytes > this.#options.segmentBytes)) return undefined;
    return current;
  }

  async #nextSegment(): Promise<Segment> {
    await this.#seal(true);
    const { fs, dir } = this.#options;
    const file = join(dir, segmentName(this.#number++));
    this.#fd = await call<number>((done) => fs.open(file, 'wx', 0o600, done));
    this.#results = 0;
    this.current = newSegment(file, this.#order++);
    if (this.#options.sync) await this.#syncFolder();
    return this.current;
  }

  /** A new file is found after a loss of power only once its folder is on the disk too. */
  async #syncFolder(): Promise<void> {
    const { fs, dir } = this.#options;
    const folder = await call<number>((done) => fs.open(dir, 'r', done));
    try {
      await call<void>((done) => fs.fdatasync(folder, done));
    } finally {
      fs.close(folder, () => {});
    }
  }

  #write(segment: Segment, bytes: Buffer): Promise<void> {
    const { fs, sync } = this.#options;
    const fd = this.#fd;
    return new Promise((resolve, reject) => {
      const put = (from: number): void => {
        fs.write(fd, bytes, from, bytes.length - from, segment.bytes + from, (error, written) => {
          if (error) reject(error);
          else if (from + written < bytes.length) {
            if (written === 0) reject(new Error('nothing more could be written'));
            else put(from + written);
          } else if (sync) fs.fdatasync(fd, (failed) => (failed ? reject(failed) : resolve()));
          else resolve();
        });
      };
      put(0);
    });
  }

  /** Ends the file; `whole`: in good order. */
  async #seal(whole: boolean): Promise<void> {
    const segment = this.current;
    if (!segment) return;
    this.current = undefined;
    segment.sealed = true;
    if (whole) {
      const trailer = new RecordBuffer(64);
      trailer.add('S', trailerJson(this.#results));
      // Without it the file is counted when it is read again: no reason to fail.
      await this.#write(segment, trailer.bytes).then(
        () => (segment.bytes += trailer.used),
        () => {},
      );
    }
    const { fs } = this.#options;
    await call<void>((done) => fs.close(this.#fd, done)).catch(() => {});
  }

  /** Gives back what the failed write took of the disk, as far as the disk lets it. */
  async #endFailed(): Promise<void> {
    const segment = this.current;
    const { fs } = this.#options;
    if (segment) await call<void>((done) => fs.ftruncate(this.#fd, segment.bytes, done)).catch(() => {});
    await this.#seal(false);
    if (segment?.bytes !== 0) return;
    const gone = await call<void>((done) => fs.unlink(segment.file, done)).then(
      () => true,
      () => false,
    );
    if (gone) this.#number -= 1;
  }

  async #failed(error: Error): Promise<void> {
    for (const { batch } of this.#waiting) batch.fail(unwritable);
    if (!this.failing) {
      this.failing = true;
      this.#options.onState(error);
    }
    await this.#endFailed();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (!this.#busy) void this.#flush();
    }, this.#options.retryMs);
  }
}

const call = <T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value as T))));
