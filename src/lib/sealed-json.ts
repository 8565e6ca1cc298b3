/** JSON as it lies in the database: compressed and encrypted, bound to its place. */
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Seal } from './seal.js';

const compress = promisify(deflate);
const expand = promisify(inflate);

/** It opens at its place alone. */
export const closed = async (seal: Seal, text: string | Buffer, place: string): Promise<Buffer> =>
  seal.close(await compress(text), place);

/** The JSON again; undefined: it was encrypted with another key, or lies at another place. */
export async function opened(seal: Seal, body: Buffer, place: string): Promise<unknown> {
  const clear = seal.open(body, place);
  return clear && (JSON.parse((await expand(clear)).toString('utf8')) as unknown);
}
