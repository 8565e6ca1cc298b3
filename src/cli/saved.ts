/** An answer as it comes, into a file. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../lib/thrown.js';
import { UserError } from './gateway-client.js';

/** `mode`: who may read a file that is new. */
export async function saved(answer: Response, file: string, mode = 0o666): Promise<void> {
  try {
    const body = answer.body ? Readable.fromWeb(answer.body as never) : Readable.from([]);
    await pipeline(body, createWriteStream(file, { mode }));
  } catch (error) {
    throw new UserError(`${file} was not written whole: ${messageOf(error)}`);
  }
}
