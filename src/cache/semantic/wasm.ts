/** WebAssembly as far as it is used here; the language's own library does not declare it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface Wasm {
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

const PAGE_BYTES = 65_536;

export const newMemory = (): WasmMemory => new wasm.Memory({ initial: 1 });

/** A function of a module, in base64, that works on a memory. */
export function functionOf<F>(module: string, name: string, memory: WasmMemory): F {
  const instance = new wasm.Instance(new wasm.Module(Buffer.from(module, 'base64')), { env: { memory } });
  return instance.exports[name] as F;
}

/** Makes the memory that large at least. */
export function reserve(memory: WasmMemory, bytes: number): void {
  const lacking = bytes - memory.buffer.byteLength;
  if (lacking <= 0) return;
  // In steps, for each one may move everything.
  memory.grow(Math.ceil(Math.max(lacking, memory.buffer.byteLength / 4) / PAGE_BYTES));
}

/** Of one vector with the rows that `slots` lists. */
export type Scan = (
  query: number,
  vectors: number,
  slots: number,
  count: number,
  scores: number,
  bytes: number,
) => void;
