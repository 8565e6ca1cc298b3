/**
 * One record of the spool's files: 4 bytes of length and 4 of CRC-32 (both little-endian, of the body), the body, a line
 * feed. The body is one letter for the kind and a line of text. So a file reads well with `strings`, and a reader that meets
 * damage finds its way again at the next line feed: whatever it takes for a record there has to match its checksum. A text in
 * an entry cannot pass for one: the length of a record always has the byte 0 in it, and no text does (`clean.ts`).
 */
import { crc32 } from 'node:zlib';

/**
 * `I` the intent of an attempt: the entry as it will be if nothing more is heard of it. `P` its progress: its id, and what it
 * has come to so far. `R` a result: the whole entry. All three as `entry-text.ts` writes them. `T` it is on its way to the upstream: its id.
 * `V` an intent that came to nothing: its id. `S` the end of a file that was closed
 * in good order: how many results it holds.
 */
export type RecordKind = 'I' | 'T' | 'P' | 'R' | 'V' | 'S';

const HEAD_BYTES = 8;
const LINE_FEED = 10;
/** Entries are cut to fit long before this (`clean.ts`); a length beyond it is damage. */
export const LARGEST_RECORD_BYTES = 4 * 1024 * 1024;

/** Records one after the other in memory, to be written at once. */
export class RecordBuffer {
  #bytes: Buffer;
  used = 0;

  constructor(bytes = 16 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.used);
  }

  /** Empty, and small again where a burst had made it large. */
  reset(): void {
    this.used = 0;
    if (this.#bytes.length > 1024 * 1024) this.#bytes = Buffer.allocUnsafeSlow(16 * 1024);
  }

  add(kind: RecordKind, text: string): void {
    const start = this.used;
    this.#makeRoom(start + HEAD_BYTES + 2 + text.length * 3);
    const bytes = this.#bytes;
    const body = start + HEAD_BYTES;
    bytes[body] = kind.charCodeAt(0);
    const end = body + 1 + bytes.write(text, body + 1);
    bytes.writeUInt32LE(end - body, start);
    bytes.writeUInt32LE(crc32(bytes.subarray(body, end)), start + 4);
    bytes[end] = LINE_FEED;
    this.used = end + 1;
  }

  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.used);
    this.#bytes = larger;
  }
}

export interface RecordEvents {
  onRecord(kind: RecordKind, text: string): void;
  /** Bytes that are no record, as offsets into what was scanned. */
  onDamage(from: number, to: number): void;
}

/**
 * Tells the records of `bytes`, which begin where a record does. Answers how many bytes are done with; what is left is to be
 * scanned again with more behind it, unless these are the `last` ones.
 */
export function scanRecords(bytes: Buffer, last: boolean, events: RecordEvents): number {
  let at = 0;
  let damagedFrom = -1;
  const heal = (): void => {
    if (damagedFrom >= 0) events.onDamage(damagedFrom, at);
    damagedFrom = -1;
  };
  while (at < bytes.length) {
    const end = recordEnd(bytes, at);
    if (end > bytes.length && !last) break;
    if (end > 0 && end <= bytes.length) {
      heal();
      events.onRecord(String.fromCharCode(bytes[at + HEAD_BYTES]!) as RecordKind, text(bytes, at, end));
      at = end;
      continue;
    }
    if (damagedFrom < 0) damagedFrom = at;
    const next = bytes.indexOf(LINE_FEED, at);
    if (next < 0 && !last && bytes.length - at < LARGEST_RECORD_BYTES) break;
    at = next < 0 ? bytes.length : next + 1;
  }
  heal();
  return at;
}

/** Where the record at `at` ends; beyond the bytes where more of them are needed to say; -1 where there is none. */
function recordEnd(bytes: Buffer, at: number): number {
  if (at + HEAD_BYTES > bytes.length) return bytes.length + 1;
  const length = bytes.readUInt32LE(at);
  if (length < 1 || length > LARGEST_RECORD_BYTES) return -1;
  const end = at + HEAD_BYTES + length;
  if (end >= bytes.length) return bytes.length + 1;
  return crc32(bytes.subarray(at + HEAD_BYTES, end)) === bytes.readUInt32LE(at + 4) ? end + 1 : -1;
}

const text = (bytes: Buffer, at: number, end: number): string => bytes.toString('utf8', at + HEAD_BYTES + 1, end - 1);

/** The last record of a file that was closed in good order, always of the same length. */
export const trailerJson = (results: number): string => `{"results":"${String(results).padStart(12, '0')}"}`;
export const TRAILER_BYTES = HEAD_BYTES + 1 + trailerJson(0).length + 1;
