/**
 * Vectors in one table, compared exactly: every vector of a scope with the query, by a scan in WebAssembly SIMD, without an
 * approximate index, so that nothing is missed, an insert is a copy and a delete is at once. Scopes share the table and each
 * knows its rows. A full table drops the scope that was not asked for the longest; whoever asks for it again loads it again.
 * Synchronous, and owned by one process.
 */
import { LRUCache } from 'lru-cache';
import { Sieve } from './sieve.js';
import { functionOf, newMemory, reserve, type Scan } from './wasm.js';

/** `scan.wat`, assembled. */
export const SCAN_MODULE =
  'AGFzbQEAAAABCgFgBn9/f39/fwACDwEDZW52Bm1lbW9yeQIAAQMCAQAHCAEEc2NhbgAACrkCAbYCAgR/BHsgAiADQQJ0aiEGIAAgBWohCQJA' +
  'A0AgAiAGTw0BIAEgAigCACAFbGohByAAIQj9DAAAAAAAAAAAAAAAAAAAAAAhCv0MAAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAA' +
  'AAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDQNAIAogB/0ABAAgCP0ABAD95gH95AEhCiALIAf9AAQQIAj9AAQQ/eYB/eQBIQsgDCAH/QAEICAI' +
  '/QAEIP3mAf3kASEMIA0gB/0ABDAgCP0ABDD95gH95AEhDSAHQcAAaiEHIAhBwABqIQggCCAJSQ0ACyAKIAv95AEgDCAN/eQB/eQBIQogBCAK' +
  '/R8AIAr9HwGSIAr9HwIgCv0fA5KSOAIAIARBBGohBCACQQRqIQIMAAsLCw==';

export interface Neighbour {
  readonly id: string;
  /** Dot product: the cosine, for vectors of length one. */
  readonly similarity: number;
}

interface Scope {
  readonly ids: string[];
  readonly slots: number[];
  readonly places: Map<string, number>;
  /** All of it is in the sieve. */
  sifted: boolean;
}

/** Of a scope with that many, most are told apart by eight bits of each number first. */
const LARGE_SCOPE = 8_000;
/** Those without vectors too. */
const MOST_SCOPES = 50_000;

export class Vectors {
  readonly #capacity: number;
  readonly #perScope: number;
  readonly #dims: number;
  /** Bytes of a row: the length, rounded up to what the scan takes at a time. */
  readonly #bytes: number;
  readonly #memory = newMemory();
  #sieve: Sieve | undefined;
  readonly #scan: Scan;
  readonly #free: number[] = [];
  /** The one that was asked for last comes first; one that leaves leaves its rows. */
  readonly #scopes = new LRUCache<string, Scope>({
    max: MOST_SCOPES,
    dispose: ({ slots }) => {
      for (const slot of slots) this.#free.push(slot);
    },
  });
  readonly #slotsAt: number;
  readonly #scoresAt: number;
  readonly #rowsAt: number;
  #used = 0;

  /** `capacity`: vectors in all; `perScope`: in one scope, whose oldest goes when one more comes. */
  constructor(dims: number, capacity: number, perScope = capacity) {
    this.#dims = dims;
    this.#capacity = capacity;
    this.#perScope = Math.min(perScope, capacity);
    this.#bytes = Math.ceil(dims / 16) * 64;
    this.#slotsAt = this.#bytes;
    this.#scoresAt = this.#slotsAt + this.#perScope * 4;
    this.#rowsAt = Math.ceil((this.#scoresAt + this.#perScope * 4) / 64) * 64;
    this.#scan = functionOf(SCAN_MODULE, 'scan', this.#memory);
    reserve(this.#memory, this.#rowsAt);
  }

  get dims(): number {
    return this.#dims;
  }

  get size(): number {
    return this.#used - this.#free.length;
  }

  get bytes(): number {
    return this.#memory.buffer.byteLength + (this.#sieve?.bytes ?? 0);
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  sizeOf(scope: string): number {
    return this.#scopes.peek(scope)?.ids.length ?? 0;
  }

  /** A scope without vectors: one that is known to have none. */
  open(scope: string): void {
    if (!this.#scopes.has(scope)) this.#scopes.set(scope, { ids: [], slots: [], places: new Map(), sifted: false });
  }

  /** Into a scope that is open. A vector under an id that is there replaces the one that was. */
  add(scope: string, id: string, vector: Float32Array): void {
    const of = this.#scopes.get(scope);
    if (!of || vector.length !== this.#dims) return;
    if (of.places.has(id)) this.remove(scope, id);
    if (of.ids.length >= this.#perScope) this.remove(scope, of.places.keys().next().value!);
    const slot = this.#slot(scope);
    this.#vectorAt(slot).set(vector);
    of.places.set(id, of.ids.length);
    of.ids.push(id);
    of.slots.push(slot);
    if (of.sifted) this.#sieve?.add(slot, vector);
    else if (of.slots.length >= LARGE_SCOPE) this.#siftAll(of);
  }

  #siftAll(of: Scope): void {
    this.#sieve ??= new Sieve(this.#dims, this.#perScope);
    for (const slot of of.slots) this.#sieve.add(slot, this.#vectorAt(slot));
    of.sifted = true;
  }

  #vectorAt(slot: number): Float32Array {
    return new Float32Array(this.#memory.buffer, this.#rowsAt + slot * this.#bytes, this.#dims);
  }

  remove(scope: string, id: string): void {
    const of = this.#scopes.peek(scope);
    const place = of?.places.get(id);
    if (!of || place === undefined) return;
    const lastId = of.ids.pop()!;
    const lastSlot = of.slots.pop()!;
    of.places.delete(id);
    this.#free.push(lastId === id ? lastSlot : of.slots[place]!);
    if (lastId === id) return;
    of.ids[place] = lastId;
    of.slots[place] = lastSlot;
    of.places.set(lastId, place);
  }

  drop(scope: string): void {
    this.#scopes.delete(scope);
  }

  /** The `most` nearest of a scope, nearest first. */
  nearest(scope: string, query: Float32Array, most: number): Neighbour[] {
    const of = this.#scopes.get(scope);
    if (!of || of.ids.length === 0 || query.length !== this.#dims) return [];
    const { buffer } = this.#memory;
    const sifted = of.sifted ? this.#sieve?.sift(query, of.slots, most) : undefined;
    const slots = sifted ? sifted.map((at) => of.slots[at]!) : of.slots;
    new Float32Array(buffer, 0, this.#dims).set(query);
    new Uint32Array(buffer, this.#slotsAt, slots.length).set(slots);
    this.#scan(0, this.#rowsAt, this.#slotsAt, slots.length, this.#scoresAt, this.#bytes);
    const scores = new Float32Array(buffer, this.#scoresAt, slots.length);
    return best(scores, most).map((at) => ({ id: of.ids[sifted ? sifted[at]! : at]!, similarity: scores[at]! }));
  }

  #slot(forScope: string): number {
    while (this.#free.length === 0 && this.#used >= this.#capacity) {
      const [oldest] = this.#scopes.rkeys();
      if (oldest === undefined || oldest === forScope) break;
      this.drop(oldest);
    }
    const slot = this.#free.pop() ?? this.#used++;
    reserve(this.#memory, this.#rowsAt + (slot + 1) * this.#bytes);
    return slot;
  }
}

/** Indices of the `most` greatest scores, greatest first. */
function best(scores: Float32Array, most: number): number[] {
  const found: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < scores.length; at++) {
    const score = scores[at]!;
    if (found.length === most && score <= least) continue;
    let place = found.length;
    while (place > 0 && scores[found[place - 1]!]! < score) place--;
    found.splice(place, 0, at);
    if (found.length > most) found.pop();
    if (found.length === most) least = scores[found[most - 1]!]!;
  }
  return found;
}
