/**
 * JSON lines on standard output, written by a buffer that is flushed a few times a second and at the end: a line never
 * waits for the disk on the request's time. No line holds a secret or a prompt: what is logged is named field by field.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { numberText } from '../lib/number-text.js';
import { loggedError } from '../lib/thrown.js';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const FLUSH_MS = 250;
const CLOSE_MS = 1_000;
const FLUSH_CHARS = 32_768;
/** So many access lines are made at once, and none on the time of its own request. */
const ACCESS_LINES = 64;

/** What an access line may say. Undefined is left out. */
export type AccessFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RunningLog {
  readonly log: Log;
  /** Writes the one line that each request has, in the form of `log.info(fields, 'request')` at a fraction of its cost. */
  readonly access: (fields: AccessFields) => void;
  /** Resolves when all is written, or after a second in which nobody read it. Call at the end; nothing can be logged after. */
  close(): Promise<void>;
}

/** `worker`: each line says so, and other processes write to the same output. */
export function createLog(level: LogLevel, fd = 1, worker = 0): RunningLog {
  const out = destination({ fd, sync: false, ...(worker > 0 && { maxWrite: ONE_WRITE }) });
  const begin = worker > 0 ? `{"level":"info","worker":${worker}` : '{"level":"info"';
  let lines = '';
  let accessed: { readonly fields: AccessFields; readonly at: number }[] = [];
  const writeAccessed = (): void => {
    const waiting = accessed;
    if (waiting.length === 0) return;
    accessed = [];
    for (const { fields, at } of waiting) lines += accessLine(begin, fields, at);
  };
  const flush = (): void => {
    writeAccessed();
    if (lines === '') return;
    const text = lines;
    lines = '';
    if (worker === 0) out.write(text);
    else for (const whole of inOneWrite(text)) out.write(whole);
  };
  const write = (line: string): void => {
    writeAccessed();
    lines += line;
    if (lines.length >= FLUSH_CHARS) flush();
  };
  const flusher = setInterval(flush, FLUSH_MS);
  flusher.unref();
  // pino asks for it after a fatal line, which may be the last.
  const flushSync = (): void => {
    flush();
    try {
      out.flushSync();
    } catch {
      // Nothing was written yet, or the reader of our output is gone.
    }
  };
  const log = build(level, worker, { write, flushSync });
  return {
    log,
    access: (fields) => {
      if (!log.isLevelEnabled('info')) return;
      accessed.push({ fields, at: Date.now() });
      if (accessed.length === ACCESS_LINES) writeAccessed();
      if (lines.length >= FLUSH_CHARS) flush();
    },
    async close() {
      clearInterval(flusher);
      flush();
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, CLOSE_MS);
        const done = (): void => {
          clearTimeout(late);
          resolve();
        };
        out.once('close', done).once('error', done);
        out.end();
      });
    },
  };
}

const build = (level: LogLevel, worker: number, out: DestinationStream & { flushSync(): void }): Log =>
  pino(
    {
      level,
      base: worker > 0 ? { worker } : null,
      timestamp: () => isoTime(Date.now()),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: loggedError },
    },
    out,
  );

/** What a pipe takes whole or not at all, whoever else writes to it. */
const ONE_WRITE = 4_096;
/** Bytes of UTF-8 for one unit of UTF-16. */
const MOST_UTF8 = 3;

/** Whole lines, as many as one write takes; a longer line is alone. */
function* inOneWrite(text: string): Generator<string> {
  const most = Buffer.byteLength(text) === text.length ? ONE_WRITE : Math.floor(ONE_WRITE / MOST_UTF8);
  for (let from = 0; from < text.length; ) {
    let end = text.lastIndexOf('\n', from + most - 1) + 1;
    if (end <= from) end = text.indexOf('\n', from) + 1 || text.length;
    yield text.slice(from, end);
    from = end;
  }
}

/** A text that stands in JSON as it is. */
const plain = /^[\w .,:;/+@=()'-]*$/;

/** What stands before a value: as JSON names it, and the same with the quote that a text begins with. */
interface Name {
  readonly plain: string;
  readonly quoted: string;
}
const names = new Map<string, Name>();

function nameOf(field: string): Name {
  let name = names.get(field);
  if (!name) names.set(field, (name = { plain: `,"${field}":`, quoted: `,"${field}":"` }));
  return name;
}

function accessLine(begin: string, fields: AccessFields, at: number): string {
  let line = begin + isoTime(at);
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    if (typeof value === 'string' && plain.test(value)) line += `${nameOf(name).quoted}${value}"`;
    else if (typeof value === 'number') line += nameOf(name).plain + numberText(value);
    else line += nameOf(name).plain + JSON.stringify(value);
  }
  return `${line},"msg":"request"}\n`;
}

let second = -1;
let written = '';

/** ISO 8601 with milliseconds; the part that stays for a second is written once a second. */
function isoTime(now: number): string {
  const whole = Math.floor(now / 1000);
  if (whole !== second) {
    second = whole;
    written = `,"time":"${new Date(now).toISOString().slice(0, 20)}`;
  }
  return `${written}${String(now % 1000).padStart(3, '0')}Z"`;
}
