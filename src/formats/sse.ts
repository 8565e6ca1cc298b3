/**
 * Reads server-sent events out of bytes that arrive in any pieces (WHATWG HTML, section 9.2). Each event is handed on as
 * soon as its blank line is there, with its own bytes, so that a caller can pass them on untouched. An event that outgrows
 * `limit` is reported as `overflow` rather than kept.
 */
const LF = 10;
const CR = 13;
/** Of an event that is longer, pieces are kept apart until it ends. */
const LONG_BYTES = 64 * 1024;

export interface SseEvent {
  /** The `event:` field; empty where there was none. */
  readonly name: string;
  /** The `data:` lines joined with a line feed; undefined where there was none (a comment, a bare `event:`). */
  readonly data: string | undefined;
  /** The event's bytes as they came, blank line included. */
  readonly raw: Buffer;
}

export class SseReader {
  #rest: Buffer | undefined;
  /** What came after it without an end of the event in it, put together once there is one. */
  #more: Buffer[] = [];
  #moreBytes = 0;
  #scanned = 0;
  #first = true;
  readonly #limit: number;
  overflow = false;

  constructor(limit = 4 * 1024 * 1024) {
    this.#limit = limit;
  }

  /** True while bytes of an unfinished event are held. */
  get pending(): boolean {
    return this.#rest !== undefined && this.#rest.length > 0;
  }

  /** Calls `onEvent` for each event that `chunk` completes. `onEvent` answers false to stop reading. */
  feed(chunk: Buffer, onEvent: (event: SseEvent) => boolean | undefined): void {
    if (this.overflow) return;
    if (this.#rest && this.#rest.length >= LONG_BYTES && !this.#first && !this.#mayEnd(chunk)) return;
    let buffer = this.#rest && this.#rest.length > 0 ? Buffer.concat([this.#rest, ...this.#more, chunk]) : chunk;
    if (this.#moreBytes > 0) {
      // The last pieces hold no end.
      this.#scanned = Math.max(this.#scanned, buffer.length - chunk.length - 3);
      this.#more = [];
      this.#moreBytes = 0;
    }
    if (this.#first) {
      if (buffer.length < 3 && buffer[0] === 0xef) {
        this.#rest = buffer;
        return;
      }
      if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) buffer = buffer.subarray(3);
      this.#first = false;
    }
    const hasCr = buffer.includes(CR);
    let start = 0;
    for (;;) {
      const end = eventEnd(buffer, Math.max(start, this.#scanned), hasCr);
      if (end === -1) break;
      this.#scanned = 0;
      const raw = buffer.subarray(start, end);
      start = end;
      if (onEvent(parseEvent(raw)) === false) {
        this.#rest = undefined;
        return;
      }
    }
    this.#rest = start === buffer.length ? undefined : keptOf(buffer, start);
    // A blank line may be split over two pieces: look again at the last bytes, not at all of them.
    this.#scanned = this.#rest ? Math.max(0, this.#rest.length - 3) : 0;
    if (this.#rest && this.#rest.length > this.#limit) {
      this.#rest = undefined;
      this.overflow = true;
    }
  }

  /** Whether a piece of a long event may end it; if not, it is kept. */
  #mayEnd(chunk: Buffer): boolean {
    const before = this.#more.at(-1) ?? this.#rest!;
    // A line break at its beginning may be the second one.
    if (isBreak(before[before.length - 1]) || isBreak(chunk[0]) || hasBlankLine(chunk)) return true;
    this.#more.push(Buffer.from(chunk));
    this.#moreBytes += chunk.length;
    if (this.#rest!.length + this.#moreBytes <= this.#limit) return false;
    this.#rest = undefined;
    this.#more = [];
    this.overflow = true;
    return false;
  }

  /** What came after the last blank line, as an event of its own: some servers omit the last blank line. */
  rest(): SseEvent | undefined {
    const raw = this.#rest && this.#moreBytes > 0 ? Buffer.concat([this.#rest, ...this.#more]) : this.#rest;
    this.#rest = undefined;
    this.#more = [];
    return raw && raw.length > 0 ? parseEvent(raw) : undefined;
  }
}

/** The end of `buffer`, without the memory of what stands before it where that is more. */
const keptOf = (buffer: Buffer, start: number): Buffer =>
  start > buffer.length / 2 ? Buffer.from(buffer.subarray(start)) : buffer.subarray(start);

/** The index after the blank line that ends the first event at or after `from`; -1 when there is none yet. */
function eventEnd(buffer: Buffer, from: number, hasCr: boolean): number {
  if (!hasCr) {
    const at = buffer.indexOf('\n\n', from);
    return at === -1 ? -1 : at + 2;
  }
  for (let at = from; at < buffer.length; at++) {
    const after = lineBreakEnd(buffer, at);
    if (after === -1) continue;
    if (after === buffer.length) return -1;
    const second = lineBreakEnd(buffer, after);
    if (second === buffer.length && buffer[second - 1] === CR) return -1; // a line feed may follow: wait for it
    if (second !== -1) return second;
    at = after - 1;
  }
  return -1;
}

/** The index after the line break at `at` (LF, CR or CR LF); -1 where there is none. */
function lineBreakEnd(buffer: Buffer, at: number): number {
  if (buffer[at] === LF) return at + 1;
  if (buffer[at] !== CR) return -1;
  return buffer[at + 1] === LF ? at + 2 : at + 1;
}

const isBreak = (byte: number | undefined): boolean => byte === LF || byte === CR;

const hasBlankLine = (chunk: Buffer): boolean =>
  chunk.includes('\n\n') || (chunk.includes(CR) && eventEnd(chunk, 0, true) !== -1);

const PLAIN_HEAD = Buffer.from('data: ');

function parseEvent(raw: Buffer): SseEvent {
  // One line of data, as nearly all have it.
  if (
    raw.length > LONG_BYTES &&
    raw.subarray(0, 6).equals(PLAIN_HEAD) &&
    raw.indexOf(LF) === raw.length - 2 &&
    !raw.includes(CR)
  )
    return { name: '', data: raw.toString('utf8', 6, raw.length - 2), raw };
  const text = raw.toString('utf8');
  let name = '';
  let data: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '' || line[0] === ':') continue;
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    let value = colon === -1 ? '' : line.slice(colon + 1);
    if (value[0] === ' ') value = value.slice(1);
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
    else if (field === 'event') name = value;
  }
  return { name, data, raw };
}

/** One event of a named or unnamed stream, as bytes. */
export function sseEvent(data: string, name = ''): Buffer {
  const lines = data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data;
  return Buffer.from(name === '' ? `data: ${lines}\n\n` : `event: ${name}\ndata: ${lines}\n\n`);
}
