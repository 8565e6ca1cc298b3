/**
 * Vectors in one table, compared exactly: every vector of a scope with the query, by a scan in WebAssembly SIMD, without an
 * approximate index, so that nothing is missed, an insert is a copy and a delete is at once. Scopes share the table and each
 * knows its rows. A full table drops the scope that was not asked for the longest; whoever asks for it again loads it again.
 * Synchronous, and owned by one process.
 */
import { LRUCache } from 'lru-cache';

/** `scan.wat`, assembled. */
export const SCAN_MODULE =
  'AGFzbQEAAAABCgFgBn9/f39/fwACDwEDZW52Bm1lbW9yeQIAAQMCAQAHCAEEc2NhbgAACrkCAbYCAgR/BHsgAiADQQJ0aiEGIAAgBWohCQJA' +
  'A0AgAiAGTw0BIAEgAigCACAFbGohByAAIQj9DAAAAAAAAAAAAAAAAAAAAAAhCv0MAAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAA' +
  'AAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDQNAIAogB/0ABAAgCP0ABAD95gH95AEhCiALIAf9AAQQIAj9AAQQ/eYB/eQBIQsgDCAH/QAEICAI' +
  '/QAEIP3mAf3kASEMIA0gB/0ABDAgCP0ABDD95gH95AEhDSAHQcAAaiEHIAhBwABqIQggCCAJSQ0ACyAKIAv95AEgDCAN/eQB/eQBIQogBCAK' +
  '/R8AIAr9HwGSIAr9HwIgCv0fA5KSOAIAIARBBGohBCACQQRqIQIMAAsLCw==';

/** As far as it is used here; the language's own library does not declare it. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
interface Wasm {
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

type Scan = (query: number, vectors: number, slots: number, count: number, scores: number, bytes: number) => void;

export interface Neighbour {
  readonly id: string;
  /** Dot product: the cosine, for vectors of length one. */
  readonly similarity: number;
}

interface Scope {
  readonly ids: string[];
  readonly slots: number[];
  readonly places: Map<string, number>;
}

const PAGE_BYTES = 65_536;
/** Those without vectors too. */
const MOST_SCOPES = 50_000;

export class Vectors {
  readonly #capacity: number;
  readonly #perScope: number;
  readonly #dims: number;
  /** Bytes of a row: the length, rounded up to what the scan takes at a time. */
  readonly #bytes: number;
  readonly #memory = new wasm.Memory({ initial: 1 });
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
    const module = new wasm.Module(Buffer.from(SCAN_MODULE, 'base64'));
    const instance = new wasm.Instance(module, { env: { memory: this.#memory } });
    this.#scan = instance.exports['scan'] as Scan;
    this.#reserve(this.#rowsAt);
  }

  get dims(): number {
    return this.#dims;
  }

  get size(): number {
    return this.#used - this.#free.length;
  }

  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  sizeOf(scope: string): number {
    return this.#scopes.peek(scope)?.ids.length ?? 0;
  }

  /** A scope without vectors: one that is known to have none. */
  open(scope: string): void {
    if (!this.#scopes.has(scope)) this.#scopes.set(scope, { ids: [], slots: [], places: new Map() });
  }

  /** Into a scope that is open. A vector under an id that is there replaces the one that was. */
  add(scope: string, id: string, vector: Float32Array): void {
    const of = this.#scopes.get(scope);
    if (!of || vector.length !== this.#dims) return;
    if (of.places.has(id)) this.remove(scope, id);
    if (of.ids.length >= this.#perScope) this.remove(scope, of.places.keys().next().value!);
    const slot = this.#slot(scope);
    new Float32Array(this.#memory.buffer, this.#rowsAt + slot * this.#bytes, this.#dims).set(vector);
    of.places.set(id, of.ids.length);
    of.ids.push(id);
    of.slots.push(slot);
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
    new Float32Array(buffer, 0, this.#dims).set(query);
    new Uint32Array(buffer, this.#slotsAt, of.slots.length).set(of.slots);
    this.#scan(0, this.#rowsAt, this.#slotsAt, of.slots.length, this.#scoresAt, this.#bytes);
    const scores = new Float32Array(buffer, this.#scoresAt, of.slots.length);
    return best(scores, most).map((at) => ({ id: of.ids[at]!, similarity: scores[at]! }));
  }

  #slot(forScope: string): number {
    while (this.#free.length === 0 && this.#used >= this.#capacity) {
      const [oldest] = this.#scopes.rkeys();
      if (oldest === undefined || oldest === forScope) break;
      this.drop(oldest);
    }
    const slot = this.#free.pop() ?? this.#used++;
    this.#reserve(this.#rowsAt + (slot + 1) * this.#bytes);
    return slot;
  }

  #reserve(bytes: number): void {
    const lacking = bytes - this.#memory.buffer.byteLength;
    if (lacking <= 0) return;
    // In steps, for each one may move everything.
    this.#memory.grow(Math.ceil(Math.max(lacking, this.#memory.buffer.byteLength / 4) / PAGE_BYTES));
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
