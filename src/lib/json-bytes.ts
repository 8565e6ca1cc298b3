/** A JSON value as bytes, written in turns of the event loop: `JSON.stringify` of megabytes holds everybody up. */
import { GatheredBytes } from './gathered-bytes.js';
import { jsonText } from './json-text.js';
import { finishInTurns, steps } from './turns.js';

/** `expectedBytes`: about how many it will be. */
export async function jsonBytesInTurns(value: unknown, expectedBytes: number): Promise<Buffer> {
  const written = new GatheredBytes(expectedBytes);
  function* walk(): Generator<number, void> {
    for (const piece of jsonText(value)) {
      written.push(Buffer.from(piece));
      yield piece.length + 1;
    }
  }
  await finishInTurns(steps(walk()));
  return written.take();
}
