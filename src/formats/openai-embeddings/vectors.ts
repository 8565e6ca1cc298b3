/** Vectors as the embeddings dialect writes them: numbers, or the bytes of little-endian 32-bit floats in base64. */
import { endianness } from 'node:os';

export type VectorFormat = 'float' | 'base64';

/** A vector as JSON. */
export function vectorJson(vector: Float32Array, format: VectorFormat): string {
  if (format === 'base64') return `"${littleEndian(vector).toString('base64')}"`;
  let json = '[';
  // Nine digits tell any 32-bit float from all others.
  for (let i = 0; i < vector.length; i++) json += `${i > 0 ? ',' : ''}${Number(vector[i]!.toPrecision(9))}`;
  return `${json}]`;
}

/** The vector that a field `embedding` holds, in either form; undefined where it holds none. */
export function vectorOf(embedding: unknown): Float32Array | undefined {
  if (Array.isArray(embedding)) {
    return embedding.length > 0 && embedding.every((value) => typeof value === 'number' && Number.isFinite(value))
      ? Float32Array.from(embedding as number[])
      : undefined;
  }
  if (typeof embedding !== 'string') return undefined;
  const bytes = Buffer.from(embedding, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) return undefined;
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(i * 4);
  return vector.every(Number.isFinite) ? vector : undefined;
}

/** Of length one, so that a dot product is the cosine; undefined where a vector has no direction. */
export function ofLengthOne(vector: Float32Array): Float32Array | undefined {
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square);
  return length > 0 && Number.isFinite(length) ? vector.map((value) => value / length) : undefined;
}

function littleEndian(vector: Float32Array): Buffer {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
}
