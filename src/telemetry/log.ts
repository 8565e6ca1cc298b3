/**
 * JSON lines on standard output, written by a buffer that is flushed a few times a second and at the end: a line never
 * waits for the disk on the request's time. No line holds a secret or a prompt: what is logged is named field by field.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';

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
  pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    out,
  );
