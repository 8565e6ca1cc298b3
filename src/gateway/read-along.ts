/**
 * A request whose answer another one is fetching as a stream: its caller gets the same bytes as they come. It is entered as a
 * hit, with no tokens and no cost, also where the answer turns out to be one that is not kept: what was given twice is paid
 * once. Where the stream breaks off it breaks off here too, since nothing is tried again after the first byte.
 */
import type { AnswerFacts, LiveAnswer, LiveEnd, WholeEnd } from '../cache/live-answer.js';
import { type Refusal, refuse } from '../lib/errors.js';
import type { Reserved } from './stages.js';

export type ReadAlongEnd =
  | WholeEnd
  | { readonly kind: 'broken'; readonly refusal: Refusal; readonly told: AnswerFacts | undefined }
  | { readonly kind: 'gone' };

/** Writes the answer but for its last bytes; `head` is written before the first. */
export function readAlong(
  live: LiveAnswer,
  { writer, keepAlive }: Pick<Reserved, 'writer' | 'keepAlive'>,
  head: () => readonly string[],
  patienceMs: number,
): Promise<ReadAlongEnd> {
  return new Promise((resolve) => {
    let over = false;
    const stop = (end: ReadAlongEnd): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      reading?.leave();
      resolve(end);
    };
    const timer = setTimeout(() => stop(broken(late)), patienceMs);
    const reading = live.read({
      write: (bytes) => {
        if (!writer.started) writer.head(200, head());
        const taken = writer.write(bytes);
        keepAlive?.wrote(taken);
        return taken;
      },
      end: (end) => stop(endOf(end)),
    });
    keepAlive?.begun();
    writer.onDrain(() => {
      keepAlive?.drained();
      reading.resume();
    });
    writer.onGone(() => stop({ kind: 'gone' }));
  });
}

function endOf(end: LiveEnd): ReadAlongEnd {
  if (end.kind === 'whole') return end;
  return { ...broken(end.slow ? slow : brokenOff), told: end.told };
}

const broken = (refusal: Refusal) => ({ kind: 'broken', refusal, told: undefined }) as const;

const late = refuse('upstream_timeout', 'The identical request that is under way was not answered in time.');
const slow = refuse('upstream_error', 'The answer was read too slowly.');
const brokenOff = refuse('upstream_error', 'The identical request whose answer this one shares was broken off.');
