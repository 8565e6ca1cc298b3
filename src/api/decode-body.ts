/**
 * A request's body that came compressed: Codex sends zstd, other clients gzip, deflate or br. What it holds is bounded as a plain
 * body is, however small it is itself. zlib works beside the event loop; node 20 has no zstd, so that is decoded here, in turns.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { Decompress } from 'fzstd';
import { type ZstdProblem, zstdProblem } from '../lib/zstd-frames.js';

/** `broken`: the bytes are not what their encoding says. */
export type Decoded = Buffer | ZstdProblem;

type Decoder = (body: Buffer, mostBytes: number) => Promise<Decoded>;

type Zlib = (body: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const byZlib =
  (decode: (body: Buffer) => Zlib): Decoder =>
  async (body, mostBytes) => {
    try {
      return await decode(body)(body, { maxOutputLength: Math.max(1, mostBytes) });
    } catch (error) {
      return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'broken';
    }
  };

const unzip: Zlib = promisify(gunzip);
const unbrotli: Zlib = promisify(brotliDecompress);
const deflated: Zlib = promisify(inflate);
const deflatedRaw: Zlib = promisify(inflateRaw);

const decoders: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', byZlib(() => unzip)],
  ['x-gzip', byZlib(() => unzip)],
  ['br', byZlib(() => unbrotli)],
  // With zlib's frame as the standard says, or without it as some have it.
  ['deflate', byZlib((body) => ((body[0]! & 0x0f) === 8 ? deflated : deflatedRaw))],
  ['zstd', decodeZstd],
]);

export const decodable = [...decoders.keys()].filter((name) => name !== 'x-gzip');

/** More encodings one upon the other are of no use to anybody. */
const MOST_ENCODINGS = 3;

/** `encoding`: the header, a list in the order in which they were applied. Undefined where one of them is not known. */
export function decoderOf(encoding: string): Decoder | undefined {
  const names = encoding.split(',', MOST_ENCODINGS + 2).map((name) => name.trim().toLowerCase());
  const chain = names.filter((name) => name !== '' && name !== 'identity').map((name) => decoders.get(name));
  if (names.length > MOST_ENCODINGS || !chain.every((one) => one !== undefined)) return undefined;
  if (chain.length === 1) return chain[0];
  return async (body, mostBytes) => {
    let decoded: Decoded = body;
    for (const decode of chain.toReversed()) {
      decoded = await decode(decoded, mostBytes);
      if (!Buffer.isBuffer(decoded)) return decoded;
    }
    return decoded;
  };
}

/** Compressed bytes that are decoded in one turn. */
const TURN_BYTES = 64 * 1024;

class TooLarge extends Error {}

async function decodeZstd(body: Buffer, mostBytes: number): Promise<Decoded> {
  const problem = zstdProblem(body, mostBytes);
  if (problem) return problem;
  const pieces: Buffer[] = [];
  let size = 0;
  const zstd = new Decompress((piece) => {
    size += piece.length;
    if (size > mostBytes) throw new TooLarge();
    pieces.push(Buffer.from(piece));
  });
  try {
    for (let at = 0; at < body.length; at += TURN_BYTES) {
      if (at > 0) await turn();
      const end = at + TURN_BYTES;
      zstd.push(Uint8Array.prototype.slice.call(body, at, end), end >= body.length);
    }
  } catch (error) {
    return error instanceof TooLarge ? 'too_large' : 'broken';
  }
  return Buffer.concat(pieces);
}
