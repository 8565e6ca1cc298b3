/**
 * The write-ahead spool: what an attempt will be entered as is on this machine's disk before the attempt is sent, and what it
 * came to before the caller has its last byte. From here the drain takes entries to the store in the order in which they were
 * appended; files are removed once the store has all of theirs.
 *
 * In the common case an entry is handed on from memory and its file is never read. Where more than `maxQueued` wait, newer
 * ones are on disk alone, and are read back when their turn comes: an outage of the store takes disk, not memory. A process
 * begins with what an earlier one left, read in the same way. The order on the way out is: `#early` (read back), the rest of
 * `#region` (on disk), `#queue` (in memory), what is behind `#spill` (on disk).
 *
 * Full, or where writing fails, an attempt is refused before it is sent (`onFull: refuse`), or served with an entry that is
 * in memory alone (`serve`). An attempt that was let in always has room for its result.
 */
import fs from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { type Refusal, refuse } from '../lib/errors.js';
import { PassingMap } from '../lib/passing-map.js';
import type { Next, Waiting } from './drain.js';
import type { Entry } from './entry.js';
import { entryText, headText, idText, progressText, tailText } from './entry-text.js';
import type { SpoolFolder, SpoolOptions, SpoolState } from './spool-options.js';
import { type Found, firstOf, SpoolReader } from './spool-reader.js';
import { type Batch, type Home, IntentRecord, nowhere, type Place, type Segment } from './spool-segment.js';
import { SpoolWriter, unwritable } from './spool-writer.js';

const MOST_SEGMENT_BYTES = 16 * 1024 * 1024;
/** Room that is kept for the result of each attempt that was let in. */
const RESULT_BYTES = 2_048;
/** Closer than this to what is being written, entries are kept in memory again. */
const NEAR_BYTES = 1024 * 1024;
/** How far beyond `maxBytes` entries may go that have no attempt, such as those of cache hits. */
const OVER = 1.25;
/** With fewer files than this, long attempts are left where they are. */
const FEW_SEGMENTS = 4;
/** A write that takes longer than this counts as failed for whoever comes then. */
const STALLED_MS = 5_000;

const full: Refusal = refuse(
  'unavailable',
  "The gateway cannot write down what this request costs (its ledger's spool is full, since the database is away), so the request was not sent. Try again later.",
  { headers: { 'retry-after': '5', 'retry-after-ms': '5000' } },
);

interface Attempt {
  entry: Entry;
  /** It is on its way to the upstream. */
  sent: boolean;
  /** What of its line is known before it is sent. */
  readonly head: string;
  /** Where its intent is; where that was written anew and is not yet on the disk, where it was before too. */
  intents: readonly IntentRecord[];
  /** Its intent was written before, and is written anew. */
  letIn: boolean;
}

export class Spool implements Waiting {
  readonly place = 'in the spool';
  readonly #options: Required<SpoolOptions>;
  readonly #writer: SpoolWriter;
  readonly #segments: Segment[];
  /** Attempts under way whose intent is written. */
  readonly #attempts = new PassingMap<Attempt>();
  #early: Found = { entries: [], lines: [], homes: [] };
  /** `until` is null while everything that is appended belongs to the region. */
  #region: { readonly reader: SpoolReader; until: Place | null } | null = null;
  readonly #queue: Found = { entries: [], lines: [], homes: [] };
  #spill: Promise<Place> | null = null;
  /** Whether what is appended is kept in memory. */
  #inMemory = true;
  /** Entries that this process appended and the store does not have. */
  #own = 0;
  #last: Batch | undefined;
  #toldFull = false;
  #damages = 0;
  #interrupted = 0;
  #removing: Promise<void> = Promise.resolve();

  constructor(folder: SpoolFolder, options: SpoolOptions) {
    this.#options = {
      segmentBytes: Math.min(MOST_SEGMENT_BYTES, Math.ceil(options.maxBytes / 8)),
      maxQueued: 10_000,
      retryMs: 1_000,
      sentUnknown: 'billed',
      fs,
      ...options,
    };
    const { log } = options;
    this.#segments = [...folder.left];
    if (folder.left.length > 0) {
      this.#region = {
        reader: new SpoolReader(this.#segments, { order: 0, offset: 0 }, log, this.#options.sentUnknown),
        until: null,
      };
      this.#inMemory = false;
    }
    this.#writer = new SpoolWriter({
      fs: this.#options.fs,
      dir: folder.dir,
      firstNumber: folder.nextNumber,
      firstOrder: (folder.left.at(-1)?.order ?? 0) + 1,
      segmentBytes: this.#options.segmentBytes,
      sync: options.sync,
      retryMs: this.#options.retryMs,
      onSegment: (segment) => this.#segments.push(segment),
      onWritten: () => this.#sweep(),
      onState: (error) => {
        if (error) {
          log.error({ err: error }, `the ledger's spool cannot be written: ${this.#outcome}`);
          this.#takeBack();
        } else log.info({}, "the ledger's spool is written again");
      },
    });
  }

  get state(): SpoolState {
    return {
      entries: this.length,
      bytes: this.#bytes,
      inherited: this.#region !== null || this.#segments.some(({ old }) => old),
      problem: this.#unwritable ? 'unwritable' : this.#full ? 'full' : null,
      damages: this.#damages + (this.#region?.reader.damages ?? 0),
      interrupted: this.#interrupted + (this.#region?.reader.interrupted ?? 0),
    };
  }

  /** Why no attempt is let in now. */
  refusal(): Refusal | undefined {
    if (this.#options.onFull === 'serve') return undefined;
    return this.#unwritable ? unwritable : this.#full ? full : undefined;
  }

  /** Writes the intent of an attempt: resolves when it may be sent, or with why it may not. */
  begin(entry: Entry): Promise<Refusal | undefined> | Refusal | undefined {
    if (this.#unwritable || this.#full) {
      this.#tellFull();
      return this.refusal();
    }
    this.#toldFull = false;
    const head = headText(entry);
    const batch = this.#writer.add('I', head + tailText(entry));
    this.#attempts.set(entry.id, { entry, head, intents: [new IntentRecord(batch)], letIn: false, sent: false });
    return this.#options.onFull === 'serve' ? batch.done.then(() => undefined) : batch.done;
  }

  /** Attempts that wait for a write that failed are refused: should it succeed later, they are still not sent. */
  #takeBack(): void {
    if (this.#options.onFull === 'serve') return;
    for (const [id, { intents, letIn }] of this.#attempts.entries())
      if (!letIn && !intents[0]!.batch.segment) this.abandon(id);
  }

  /** An attempt that was begun and is not sent. */
  abandon(id: string): void {
    const attempt = this.#attempts.get(id);
    if (!attempt) return;
    this.#attempts.delete(id);
    this.#writer.add('V', idText(id));
    for (const intent of attempt.intents) intent.end();
  }

  /** An attempt is on its way. A write of its own for that would cost more than it is worth. */
  sent(id: string): void {
    const attempt = this.#attempts.get(id);
    if (!attempt || attempt.sent) return;
    attempt.sent = true;
    if (!this.#writer.failing) this.#writer.add('T', idText(id), true);
  }

  /** What an attempt under way has come to so far. Nobody waits for it. */
  progress(entry: Entry): void {
    const attempt = this.#attempts.get(entry.id);
    if (!attempt || this.#writer.failing) return;
    attempt.entry = entry;
    this.#writer.add('P', progressText(entry));
  }

  /** The entry of an attempt under way, as it is known so far. */
  begun(id: string): Entry | undefined {
    return this.#attempts.get(id)?.entry;
  }

  /** False where there is no room for it anywhere. Of an attempt that was begun only what it came to may be new. */
  push(entry: Entry): boolean {
    const attempt = this.#attempts.get(entry.id);
    if (!attempt && this.#options.onFull === 'serve' && (this.#unwritable || this.#full)) {
      return (
        this.#inMemory &&
        this.#queue.entries.length < this.#options.maxQueued &&
        this.#keep(entry, entryText(entry), nowhere)
      );
    }
    if (!attempt && this.#bytes + this.#writer.waitingBytes > this.#options.maxBytes * OVER) return false;
    if (this.#inMemory && this.#queue.entries.length >= this.#options.maxQueued) {
      this.#inMemory = false;
      this.#spill = this.#writer.cut();
    }
    const line = (attempt?.head ?? headText(entry)) + tailText(entry);
    const batch = this.#writer.add('R', line);
    batch.results += 1;
    this.#last = batch;
    if (attempt) {
      this.#attempts.delete(entry.id);
      for (const intent of attempt.intents) batch.ends(intent);
    }
    if (this.#inMemory) return this.#keep(entry, line, batch);
    this.#own += 1;
    return true;
  }

  /** Resolves when all results so far are written, or with why they are not; undefined where they are. */
  written(): Promise<Refusal | undefined> | undefined {
    return this.#last === undefined || this.#last.segment ? undefined : this.#last.done;
  }

  get length(): number {
    let left = 0;
    for (const { old, unposted } of this.#segments) if (old) left += unposted;
    return left + this.#own;
  }

  get atHand(): number {
    return this.#early.entries.length + this.#queue.entries.length;
  }

  get behind(): boolean {
    return this.#region !== null || this.#spill !== null;
  }

  next(max: number): Next | Promise<Next> {
    if (this.#early.entries.length > 0) return firstOf(this.#early, max);
    if (this.#region || (this.#spill && this.#queue.entries.length === 0)) return this.#readBack(max);
    return firstOf(this.#queue, max);
  }

  done(count: number): number {
    const { entries, lines, homes } = this.#early.entries.length > 0 ? this.#early : this.#queue;
    let own = 0;
    entries.splice(0, count);
    lines.splice(0, count);
    for (const home of homes.splice(0, count)) if (home.posted()) own += 1;
    this.#own -= own;
    this.#sweep();
    return own;
  }

  /** Writes what waits to be written, and removes what is posted. What is not stays for the next process. */
  async close(): Promise<void> {
    await this.#writer.close();
    this.#sweep();
    await this.#removing;
  }

  async #readBack(max: number): Promise<Next> {
    for (;;) {
      if (!this.#region && this.#spill && this.#queue.entries.length === 0) {
        const reader = new SpoolReader(this.#segments, await this.#spill, this.#options.log, this.#options.sentUnknown);
        this.#region = { reader, until: null };
        this.#spill = null;
      }
      const region = this.#region;
      if (!region) return firstOf(this.#queue, max);
      if (region.until === null && region.reader.bytesAhead < NEAR_BYTES) {
        this.#inMemory = true;
        region.until = await this.#writer.cut();
      }
      this.#early = await region.reader.next(region.until);
      this.#sweep();
      if (this.#early.entries.length > 0) return firstOf(this.#early, max);
      if (region.until === null) continue;
      this.#damages += region.reader.damages;
      this.#interrupted += region.reader.interrupted;
      this.#region = null;
    }
  }

  #keep(entry: Entry, line: string, home: Home): true {
    this.#queue.entries.push(entry);
    this.#queue.lines.push(line);
    this.#queue.homes.push(home);
    this.#own += 1;
    return true;
  }

  /** Removes files from the oldest on, so that nothing remains whose sequel is gone. */
  #sweep(): void {
    for (;;) {
      const [first] = this.#segments;
      if (!first?.sealed || first.unposted > 0 || (first.old && !first.read)) return;
      if (first.open > 0 && !this.#carryOn(first)) return;
      if (first.open > 0) return;
      this.#segments.shift();
      const { file, damaged } = first;
      const remove = () => (damaged ? rename(file, `${file}.damaged`) : unlink(file));
      this.#removing = this.#removing.then(remove).catch((error: NodeJS.ErrnoException) => {
        const gone = error.code === 'ENOENT';
        if (gone) this.#damages += 1;
        const what = gone ? 'is gone: what removes files there loses entries' : 'stays';
        this.#options.log.error({ err: error, file }, `a file of the spool ${what}`);
      });
    }
  }

  /** Long attempts hold up the removal of all that came after them: their intents are written anew. */
  #carryOn(segment: Segment): boolean {
    if (segment.old || this.#segments.length < FEW_SEGMENTS || this.#writer.failing) return false;
    for (const [, attempt] of this.#attempts.entries()) {
      const before = attempt.intents.find(({ batch }) => batch.segment === segment);
      if (!before || attempt.intents.at(-1) !== before) continue;
      const batch = this.#writer.add('I', attempt.head + tailText(attempt.entry));
      if (attempt.sent) this.#writer.add('T', idText(attempt.entry.id));
      batch.ends(before);
      attempt.intents = [before, new IntentRecord(batch)];
      attempt.letIn = true;
    }
    return true;
  }

  get #bytes(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.bytes;
    return bytes;
  }

  get #full(): boolean {
    const promised = this.#attempts.size * RESULT_BYTES;
    return this.#bytes + this.#writer.waitingBytes + promised >= this.#options.maxBytes;
  }

  get #unwritable(): boolean {
    const { failing, busySinceMs } = this.#writer;
    return failing || (busySinceMs > 0 && performance.now() - busySinceMs > STALLED_MS);
  }

  get #outcome(): string {
    return this.#options.onFull === 'serve'
      ? 'requests are served, and what they cost is in memory alone'
      : 'requests are refused';
  }

  #tellFull(): void {
    if (this.#toldFull || this.#unwritable) return;
    this.#toldFull = true;
    this.#options.log.error(
      { bytes: this.#bytes, max_bytes: this.#options.maxBytes },
      `the ledger's spool is full: ${this.#outcome}`,
    );
  }
}
