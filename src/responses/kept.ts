/** What responses and conversations have in common: how their content lies, and how what is over goes. */
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Clock } from '../lib/clock.js';
import type { Seal } from '../lib/seal.js';

const compress = promisify(deflate);
const expand = promisify(inflate);

/** JSON, compressed and encrypted. It opens at its place alone. */
export const closed = async (seal: Seal, text: string | Buffer, place: string): Promise<Buffer> =>
  seal.close(await compress(text), place);

/** The JSON again; undefined: it was encrypted with another key, or lies at another place. */
export async function opened(seal: Seal, body: Buffer, place: string): Promise<unknown> {
  const clear = seal.open(body, place);
  return clear && (JSON.parse((await expand(clear)).toString('utf8')) as unknown);
}

export const otherKey = (): Error => new Error('it was encrypted with another secrets_key');

/** An id as it can stand in the database: short, and of characters that are written. What is not one names nothing there. */
export const isId = (id: unknown): id is string => typeof id === 'string' && ID.test(id);
const ID = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

const MOST_SWEPT = 500;

/** Removes what is over, a few hundred rows at a time. */
export async function sweepAll(
  store: { sweep(nowMs: number, most: number): Promise<number> },
  clock: Clock,
): Promise<void> {
  while ((await store.sweep(clock.now(), MOST_SWEPT)) === MOST_SWEPT);
}
