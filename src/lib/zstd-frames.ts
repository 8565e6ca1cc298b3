/**
 * What a zstd body (RFC 8878) says of itself, read before anything of it is decoded: a decoder makes room for the window that a
 * frame names, which may be gigabytes for a few bytes. Walks the headers of frames and blocks alone, in time that grows with
 * their number.
 */
const FRAME = 0xfd2fb528;
/** The upper 28 bits of a frame that is to be passed over. */
const SKIPPED = 0x184d2a5;
const LARGEST_BLOCK = 128 * 1024;
/** A window may be as large for a small body: decoders must have so much. */
const USUAL_WINDOW = 8 * 1024 * 1024;

/** `dictionary`: it was made with one, without which nobody can read it. */
export type ZstdProblem = 'broken' | 'too_large' | 'dictionary';

/** Null: every frame is whole, none needs a dictionary, and none says to hold more than `mostBytes`. */
export function zstdProblem(body: Buffer, mostBytes: number): ZstdProblem | null {
  let at = 0;
  if (body.length === 0) return 'broken';
  while (at < body.length) {
    if (at + 8 > body.length) return 'broken';
    const magic = body.readUInt32LE(at);
    if (magic >>> 4 === SKIPPED) {
      at += 8 + body.readUInt32LE(at + 4);
      if (at > body.length) return 'broken';
      continue;
    }
    if (magic !== FRAME) return 'broken';
    const frame = frameAt(body, at + 4);
    if (!frame) return 'broken';
    if (frame.dictionary !== 0) return 'dictionary';
    const room = Math.max(mostBytes, frame.single ? 0 : USUAL_WINDOW);
    if (frame.window > room || frame.content > mostBytes) return 'too_large';
    const end = blocksEnd(body, frame.end);
    if (end === -1) return 'broken';
    at = end + (frame.checksum ? 4 : 0);
    if (at > body.length) return 'broken';
  }
  return null;
}

interface Frame {
  /** Its content is its window. */
  readonly single: boolean;
  readonly window: number;
  /** 0 where it is not said. */
  readonly content: number;
  readonly checksum: boolean;
  /** Its number; 0: none. */
  readonly dictionary: number;
  /** Where its first block begins. */
  readonly end: number;
}

function frameAt(body: Buffer, start: number): Frame | undefined {
  const flags = body[start]!;
  const single = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  const sizeBytes = flags >> 6 === 0 ? (single ? 1 : 0) : 1 << (flags >> 6);
  const dictionaryAt = start + 1 + (single ? 0 : 1);
  const sizeAt = dictionaryAt + dictionaryBytes;
  if (sizeAt + sizeBytes > body.length || (flags & 8) !== 0) return undefined;
  const content = contentAt(body, sizeAt, sizeBytes);
  const descriptor = body[start + 1]!;
  const base = 2 ** (10 + (descriptor >> 3));
  const window = single ? content : base + (base / 8) * (descriptor & 7);
  const dictionary = dictionaryBytes === 0 ? 0 : body.readUIntLE(dictionaryAt, dictionaryBytes);
  return { single, window, content, checksum: (flags & 4) !== 0, dictionary, end: sizeAt + sizeBytes };
}

function contentAt(body: Buffer, at: number, sizeBytes: number): number {
  if (sizeBytes === 0) return 0;
  if (sizeBytes === 1) return body[at]!;
  if (sizeBytes === 2) return body.readUInt16LE(at) + 256;
  return sizeBytes === 4 ? body.readUInt32LE(at) : Number(body.readBigUInt64LE(at));
}

/** The index after the last block of a frame; -1 where it is not whole. */
function blocksEnd(body: Buffer, start: number): number {
  let at = start;
  for (;;) {
    if (at + 3 > body.length) return -1;
    const header = body.readUIntLE(at, 3);
    const kind = (header >> 1) & 3;
    const size = header >> 3;
    if (kind === 3 || size > LARGEST_BLOCK) return -1;
    at += 3 + (kind === 1 ? 1 : size);
    if (at > body.length) return -1;
    if ((header & 1) === 1) return at;
  }
}
