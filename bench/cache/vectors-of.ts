/** Vectors of the real model, kept beside the temporary files so that a second run is short. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VectorWorker } from '../../src/cache/semantic/vector-worker.js';

const DIMS = 384;

export async function vectorsOf(worker: VectorWorker, texts: readonly string[]): Promise<Float32Array[]> {
  const name = createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
  const file = join(tmpdir(), `tollgate-bench-${name}.f32`);
  const all = existsSync(file) ? floats(readFileSync(file)) : await embedded(worker, texts, file);
  return texts.map((_, i) => all.subarray(i * DIMS, (i + 1) * DIMS));
}

async function embedded(worker: VectorWorker, texts: readonly string[], file: string): Promise<Float32Array> {
  const all = new Float32Array(texts.length * DIMS);
  for (let at = 0; at < texts.length; at += 16) {
    const replies = await Promise.all(
      texts.slice(at, at + 16).map((text) => worker.ask({ op: 'embed', text }, 600_000)),
    );
    // A text that is too long keeps the zero vector, which is near to nothing.
    for (const [i, { vector }] of replies.entries()) if (vector) all.set(vector, (at + i) * DIMS);
  }
  writeFileSync(file, new Uint8Array(all.buffer));
  return all;
}

const floats = (bytes: Buffer): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);
