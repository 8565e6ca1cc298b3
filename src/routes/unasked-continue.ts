/**
 * An upstream may send `100 Continue` although nobody asked for it (RFC 9110 15.2.1: it is to be passed over). undici takes it
 * for a broken answer, so it is told of a status that means nothing instead. Only what begins an answer is looked at, as
 * undici's own parser says: never a body. With an undici whose parser is not found such an answer fails, as it would anyway.
 */
import type { Socket } from 'node:net';

const BEGINNING = Buffer.from('HTTP/1.1 1');
const ONE = 0x31;
const ZERO = 0x30;
const NINE = 0x39;
/** Where the status stands. */
const STATUS = 9;

interface Parser {
  /** Of the answer that is being read; below 200: its head is still to come. */
  readonly statusCode: number;
}

export function passOverContinue(socket: Socket): void {
  const { read } = socket;
  let symbol: symbol | undefined;
  const parser = (): Parser | undefined => {
    symbol ??= Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser');
    return symbol && (socket as unknown as Record<symbol, Parser>)[symbol];
  };
  socket.read = (size?: number) => {
    const chunk: Buffer | null = read.call(socket, size);
    if (chunk !== null && chunk[STATUS] === ONE && (parser()?.statusCode ?? 200) < 200) rename(chunk);
    return chunk;
  };
}

/** Makes 199 of each 100 among the interim answers that a chunk begins with. */
function rename(chunk: Buffer): void {
  let at = 0;
  while (at !== -1 && begins(chunk, at)) {
    if (chunk[at + STATUS + 1] === ZERO && chunk[at + STATUS + 2] === ZERO) {
      chunk[at + STATUS + 1] = NINE;
      chunk[at + STATUS + 2] = NINE;
    }
    const end = chunk.indexOf('\r\n\r\n', at);
    at = end === -1 ? -1 : end + 4;
  }
}

const begins = (chunk: Buffer, at: number): boolean =>
  chunk.length > at + STATUS + 2 && chunk.compare(BEGINNING, 0, 5, at, at + 5) === 0 && chunk[at + STATUS] === ONE;
