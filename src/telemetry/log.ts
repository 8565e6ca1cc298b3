/**
 * JSON lines on standard output, written by a buffer that is flushed a few times a second and at the end: a line never
 * waits for the disk on the request's time. No line holds a secret or a prompt: what is logged is named field by field.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const FLUSH_MS = 250;

export interface RunningLog {
  readonly log: Log;
  /** Writes what is buffered; call at the end. */
  close(): void;
}

export function createLog(level: LogLevel, fd = 1): RunningLog {
  const out = destination({ fd, sync: false, minLength: 4096 });
  const flusher = setInterval(() => out.flush(), FLUSH_MS);
  flusher.unref();
  return {
    log: build(level, out),
    close() {
      clearInterval(flusher);
      try {
        out.flushSync();
      } catch {
        // Nothing was written yet, or the reader of our output is gone.
      }
    },
  };
}

const build = (level: LogLevel, out: DestinationStream): Log =>
  pino({ level, base: null, timestamp: isoTime, formatters: { level: (label) => ({ level: label }) } }, out);

let second = -1;
let written = '';

/** ISO 8601 with milliseconds; the part that stays for a second is written once a second. */
function isoTime(): string {
  const now = Date.now();
  const whole = Math.floor(now / 1000);
  if (whole !== second) {
    second = whole;
    written = `,"time":"${new Date(now).toISOString().slice(0, 20)}`;
  }
  return `${written}${String(now % 1000).padStart(3, '0')}Z"`;
}
