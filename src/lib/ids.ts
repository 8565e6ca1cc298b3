/**
 * Sortable ids: a prefix and a lower-case ULID (48 bits of milliseconds, 80 of randomness, Crockford base 32). Ids made in
 * one millisecond by one process still sort in the order in which they were made.
 */
import { randomBytes, randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const POOL = Buffer.alloc(16 * 512);
let poolAt = POOL.length;
let lastMs = -1;
let lastTime = '';
let lastTail = new Uint8Array(16);

export type IdKind = 'key' | 'ent' | 'team' | 'req' | 'cch';

/** `key_01h...`: 26 characters after the prefix. */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  const ms = Math.max(nowMs, lastMs);
  if (ms !== lastMs) {
    lastMs = ms;
    lastTime = encodeTime(ms);
    lastTail = randomTail();
  } else {
    increment(lastTail);
  }
  let id = `${kind}_${lastTime}`;
  for (let i = 0; i < 16; i++) id += ALPHABET[lastTail[i]! & 31];
  return id;
}

function encodeTime(ms: number): string {
  let rest = ms;
  let out = '';
  for (let i = 0; i < 10; i++) {
    out = ALPHABET[rest % 32] + out;
    rest = Math.floor(rest / 32);
  }
  return out;
}

function randomTail(): Uint8Array<ArrayBuffer> {
  if (poolAt >= POOL.length) {
    randomFillSync(POOL);
    poolAt = 0;
  }
  const tail = new Uint8Array(16);
  for (let i = 0; i < 16; i++) tail[i] = POOL[poolAt + i]! & 31;
  poolAt += 16;
  tail[0]! &= 15; // room above, so that counting up inside a millisecond never wraps
  return tail;
}

function increment(tail: Uint8Array): void {
  for (let i = 15; i >= 0; i--) {
    if (tail[i]! < 31) {
      tail[i]! += 1;
      return;
    }
    tail[i] = 0;
  }
}

/** A fresh secret of `bytes` random bytes. */
export const randomSecret = (bytes: number): Buffer => randomBytes(bytes);
