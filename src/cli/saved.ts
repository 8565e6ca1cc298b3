/** An answer as it comes, into a file or to the output: no faster than it is taken there. */
import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../lib/thrown.js';
import { UserError } from './gateway-client.js';

const bodyOf = (answer: Response): Readable =>
  answer.body ? Readable.fromWeb(answer.body as never) : Readable.from([]);

/** `mode`: who may read a file that is new. */
export async function saved(answer: Response, file: string, mode = 0o666): Promise<void> {
  try {
    await pipeline(bodyOf(answer), createWriteStream(file, { mode }));
  } catch (error) {
    throw new UserError(`${file} was not written whole: ${messageOf(error)}`);
  }
}

/** Whoever reads the output may have read enough, as `head` does: then nothing more is asked for. */
export async function printed(answer: Response, output: Writable): Promise<void> {
  try {
    await pipeline(bodyOf(answer), endingLine, output, { end: false });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EPIPE') return;
    throw new UserError(`It broke off: ${messageOf(error)}`);
  }
}

const LINE_FEED = 0x0a;

async function* endingLine(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer | string, void> {
  let last = LINE_FEED;
  for await (const piece of pieces) {
    last = piece.at(-1) ?? last;
    yield piece;
  }
  if (last !== LINE_FEED) yield '\n';
}
