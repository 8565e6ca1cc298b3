/** JSON as bytes, written in turns of the event loop: `JSON.stringify` of megabytes holds everybody up. */
import { GatheredBytes } from './gathered-bytes.js';
import { jsonText } from './json-text.js';
import { finishInTurns, steps } from './turns.js';

const SLACK_BYTES = 64 * 1024;
const PART_CHARS = 16 * 1024;

/** Read or written at once; whatever is larger, in turns. */
const SMALL_BYTES = 64 * 1024;

export const isSmall = (bytes: number): boolean => bytes <= SMALL_BYTES;

/** At once where it is small. `expectedBytes`: about how many it will be. */
export const jsonBytes = (value: unknown, expectedBytes: number): Buffer | Promise<Buffer> =>
  isSmall(expectedBytes) ? Buffer.from(JSON.stringify(value)) : jsonBytesInTurns(value, expectedBytes);

export const jsonBytesInTurns = (value: unknown, expectedBytes: number): Promise<Buffer> =>
  bytesInTurns(jsonText(value), expectedBytes);

/** A text that comes in pieces of any size. */
export async function bytesInTurns(pieces: Iterable<string>, expectedBytes: number): Promise<Buffer> {
  // More often than not it is as long as what it is made of.
  const written = new GatheredBytes(expectedBytes + SLACK_BYTES);
  function* walk(): Generator<number, void> {
    let text = '';
    for (const piece of pieces) {
      text += piece;
      if (text.length < PART_CHARS) {
        yield piece.length + 1;
        continue;
      }
      for (const part of partsOf(text)) {
        written.push(Buffer.from(part));
        yield part.length + 1;
      }
      text = '';
    }
    written.push(Buffer.from(text));
  }
  await finishInTurns(steps(walk()));
  return written.take();
}

/** No pair of surrogates is parted. */
function* partsOf(text: string): Generator<string, void> {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + PART_CHARS);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last < 0xdc00) to--;
    yield text.slice(from, to);
    from = to;
  }
}
