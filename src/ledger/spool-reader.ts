/**
 * Reads segments in their order, a piece at a time, so that a backlog of any size takes little memory. In files that an
 * earlier process left, intents are matched with their results; those that have none when all of these files are read are
 * closed at what is known. In this process's own files only results are of interest: its intents are in memory.
 *
 * A damaged record is reported with its place and passed over; the rest of the file is read. A file that cannot be read at
 * all is reported and passed over.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Next } from './drain.js';
import type { Entry, Estimate } from './entry.js';
import { entryOfLine, entryText, isEarlier, type Line, readLine, withProgress } from './entry-text.js';
import { estimateOf, type SentUnknown } from './estimate.js';
import { LARGEST_RECORD_BYTES, type RecordKind, scanRecords, TRAILER_BYTES } from './spool-record.js';
import { type Home, InSegment, type Place, type Segment } from './spool-segment.js';

export interface ReaderLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Entries in order, their lines, and where each is written down. */
export interface Found {
  readonly entries: Entry[];
  readonly lines: string[];
  readonly homes: Home[];
}

/** An attempt whose result was not met yet, with what it had come to. */
interface Intent {
  line: Line;
  estimate: Estimate;
  sent: boolean;
  readonly segment: Segment;
}

const PIECE_BYTES = 1024 * 1024;

/** The first of what was found, for the drain. */
export function firstOf({ entries, lines, homes }: Found, max: number): Next {
  const first = entries.slice(0, max);
  return { entries: first, lines: lines.slice(0, max), recovered: first.filter((_, i) => homes[i]!.recovered) };
}

export class SpoolReader {
  readonly #segments: readonly Segment[];
  readonly #log: ReaderLog;
  readonly #sentUnknown: SentUnknown;
  readonly #intents = new Map<string, Intent>();
  #place: Place;
  #closed = false;
  /** Places with damage that were found so far. */
  damages = 0;
  /** Intents that were closed for want of a result. */
  interrupted = 0;

  /** Reads from `place` on. `segments` may grow at its end and lose what was read at its start. */
  constructor(segments: readonly Segment[], place: Place, log: ReaderLog, sentUnknown: SentUnknown) {
    this.#sentUnknown = sentUnknown;
    this.#segments = segments;
    this.#place = place;
    this.#log = log;
  }

  /** Bytes from here to the end of what is written. */
  get bytesAhead(): number {
    const { order, offset } = this.#place;
    let ahead = 0;
    for (const segment of this.#segments) {
      if (segment.order > order) ahead += segment.bytes;
      else if (segment.order === order) ahead += Math.max(0, segment.bytes - offset);
    }
    return ahead;
  }

  /** The next entries, at least one of them; none where everything up to `until` was told. */
  async next(until: Place | null): Promise<Found> {
    const found: Found = { entries: [], lines: [], homes: [] };
    while (found.entries.length === 0) {
      const segment = this.#segments.find(({ order }) => order >= this.#place.order);
      if (!segment?.old) this.#closeIntents(found);
      if (found.entries.length > 0 || !segment || isBehind(segment, until)) return found;
      if (segment.order > this.#place.order) this.#place = { order: segment.order, offset: 0 };
      const end = until?.order === segment.order ? until.offset : segment.bytes;
      if (this.#place.offset < end) await this.#piece(segment, end, found);
      else if (until?.order === segment.order) return found;
      else if (!segment.sealed) return found;
      else this.#finish(segment, found);
    }
    return found;
  }

  async #piece(segment: Segment, end: number, found: Found): Promise<void> {
    const from = this.#place.offset;
    const atEnd = (size: number): boolean => from + size >= end;
    let consumed = 0;
    try {
      for (let size = PIECE_BYTES; consumed === 0; size *= 2) {
        const bytes = await readPart(segment.file, from, Math.min(size, end - from));
        const last = atEnd(size) || bytes.length < Math.min(size, end - from);
        consumed = scanRecords(bytes, last, {
          onRecord: (kind, text) => this.#record(kind, text, segment, found),
          onDamage: (begin, finish) => this.#damage(segment, from + begin, from + finish),
        });
        if (last) consumed = end - from;
        if (size > 4 * LARGEST_RECORD_BYTES) break;
      }
    } catch (error) {
      this.#log.error({ err: error, file: segment.file }, 'a file of the spool cannot be read: it is put aside');
      segment.damaged = true;
      consumed = end - from;
    }
    this.#place = { order: segment.order, offset: from + consumed };
  }

  /** From now on the segment waits for nothing but what was just found in it. */
  #finish(segment: Segment, { homes }: Found): void {
    segment.read = true;
    segment.unposted = homes.filter((home) => home instanceof InSegment && home.segment === segment).length;
    this.#place = { order: segment.order + 1, offset: 0 };
  }

  #record(kind: RecordKind, text: string, segment: Segment, found: Found): void {
    if (kind === 'S' || (!segment.old && kind !== 'R')) return;
    let line: Line;
    let entry: Entry | undefined;
    let intent: Intent | undefined;
    try {
      const told = readLine(text);
      intent = this.#intents.get(told[0] ?? '');
      if ((kind === 'P' || kind === 'T') && !intent) return;
      line = kind === 'P' ? withProgress(intent!.line, told) : told;
      if (kind !== 'V' && kind !== 'T') entry = entryOfLine(line);
    } catch (error) {
      this.damages += 1;
      segment.damaged = true;
      this.#log.error({ err: error, file: segment.file }, 'a record of the spool is no entry: it is left out');
      return;
    }
    const id = line[0] ?? '';
    if (kind === 'T') {
      intent!.sent = true;
      return;
    }
    if (kind === 'P') {
      intent!.line = line;
      intent!.estimate = 'progress';
      return;
    }
    if (intent) {
      this.#intents.delete(id);
      intent.segment.open -= 1;
    }
    if (kind === 'I') {
      this.#intents.set(id, { line, estimate: entry?.estimate ?? 'intent', sent: false, segment });
      segment.open += 1;
    } else if (entry) {
      found.entries.push(entry);
      found.lines.push(isEarlier(line) ? entryText(entry) : text);
      found.homes.push(new InSegment(segment));
    }
  }

  #closeIntents({ entries, lines, homes }: Found): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { line, estimate, sent, segment } of this.#intents.values()) {
      const entry = estimateOf(entryOfLine(line), estimate, sent, this.#sentUnknown);
      entries.push(entry);
      lines.push(entryText(entry));
      homes.push({
        recovered: true,
        posted: () => {
          segment.open -= 1;
          return false;
        },
      });
    }
    this.interrupted = this.#intents.size;
    if (this.#intents.size > 0) {
      this.#log.info(
        { attempts: this.#intents.size },
        'attempts that a gateway was at when it ended are entered at what is known of them',
      );
    }
    this.#intents.clear();
  }

  /** The end of a file that was not closed may be torn: what was being written there was promised to nobody. */
  #damage(segment: Segment, from: number, to: number): void {
    const place = { file: segment.file, from, to };
    if (segment.old && !segment.read && to >= segment.bytes) {
      this.#log.info(place, 'the spool ends in a record that was not written to its end: it is left out');
      return;
    }
    this.damages += 1;
    segment.damaged = true;
    this.#log.error(place, 'the spool is damaged: what is between these bytes of the file is left out');
  }
}

const isBehind = (segment: Segment, until: Place | null): boolean => until !== null && segment.order > until.order;

async function readPart(file: string, from: number, size: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    return await readFully(handle, from, size);
  } finally {
    await handle.close();
  }
}

async function readFully(handle: FileHandle, from: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let got = 0;
  while (got < size) {
    const { bytesRead } = await handle.read(bytes, got, size - got, from + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}

/** How many results a file that an earlier process left holds: from its last record, else by reading it. */
export async function countResults(file: string, size: number): Promise<{ results: number; whole: boolean }> {
  let results = 0;
  let whole = false;
  const count = (kind: RecordKind, json: string): void => {
    if (kind === 'R') results += 1;
    if (kind !== 'S') return;
    whole = true;
    results = Number((JSON.parse(json) as { results: string }).results);
  };
  const trailer = await readPart(file, Math.max(0, size - TRAILER_BYTES), Math.min(size, TRAILER_BYTES));
  scanRecords(trailer, true, { onRecord: count, onDamage: () => {} });
  if (whole) return { results, whole };
  results = 0; // a small file was counted as a whole just now
  for (let from = 0; from < size; ) {
    const bytes = await readPart(file, from, Math.min(LARGEST_RECORD_BYTES * 2, size - from));
    const last = from + bytes.length >= size || bytes.length === 0;
    from += scanRecords(bytes, last, { onRecord: count, onDamage: () => {} });
    if (last) break;
  }
  return { results, whole };
}
