/**
 * Sortable ids: a prefix and a lower-case ULID (48 bits of milliseconds, 80 of randomness, Crockford base 32). Ids made in
 * one millisecond by one process still sort in the order in which they were made.
 */
import { randomBytes, randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** All pairs of characters in order: an id's running number is two look-ups. */
const PAIRS = Array.from({ length: 1024 }, (_, at) => ALPHABET[at >> 5]! + ALPHABET[at & 31]!);
const MOST = 1 << 20;
const random = Buffer.alloc(16 * 256);
let randomAt = random.length;
let lastMs = -1;
let head = '';
let running = 0;

export type IdKind =
  | 'key'
  | 'ent'
  | 'team'
  | 'usr'
  | 'tok'
  | 'req'
  | 'hold'
  | 'wh'
  | 'msg'
  | 'cch'
  | 'resp'
  | 'rs'
  | 'fc'
  | 'ctc'
  | 'conv';

/** `key_01h...`: 26 characters after the prefix. */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  if (nowMs > lastMs) begin(nowMs);
  else if (running === MOST) begin(lastMs + 1);
  const at = running++;
  return `${kind}_${head}${PAIRS[at >> 10]!}${PAIRS[at & 1023]!}`;
}

/** The id of what is known by a hash (hexadecimal) of its own: the same whenever it is made. It sorts before all others. */
export function idOfHash(kind: IdKind, hash: string): string {
  let tail = '';
  let rest = BigInt(`0x${hash.slice(0, 20)}`);
  for (let i = 0; i < 16; i++) {
    tail += ALPHABET[Number(rest & 31n)]!;
    rest >>= 5n;
  }
  return `${kind}_${'0'.repeat(10)}${tail}`;
}

/** The time in an id, milliseconds since the Unix epoch. */
export function timeOf(id: string): number {
  let ms = 0;
  const from = id.indexOf('_') + 1;
  for (let at = from; at < from + 10; at++) ms = ms * 32 + ALPHABET.indexOf(id[at]!);
  return ms;
}

/** A millisecond's ids share 60 random bits and count up from 19 more. */
function begin(ms: number): void {
  lastMs = ms;
  const at = nextRandom();
  let tail = '';
  for (let i = 0; i < 12; i++) tail += ALPHABET[random[at + i]! & 31]!;
  head = encodeTime(ms) + tail;
  running = random.readUInt32LE(at + 12) % (MOST / 2);
}

function encodeTime(ms: number): string {
  let rest = ms;
  let out = '';
  for (let i = 0; i < 10; i++) {
    out = ALPHABET[rest % 32]! + out;
    rest = Math.floor(rest / 32);
  }
  return out;
}

/** So many random bytes (at most 16), in hexadecimal: for ids that are no secrets. */
export function randomHex(bytes: number): string {
  const at = nextRandom();
  return random.toString('hex', at, at + bytes);
}

/** Where 16 random bytes stand that nobody has used. */
function nextRandom(): number {
  if (randomAt === random.length) {
    randomFillSync(random);
    randomAt = 0;
  }
  randomAt += 16;
  return randomAt - 16;
}

/** A fresh secret of `bytes` random bytes. */
export const randomSecret = (bytes: number): Buffer => randomBytes(bytes);
