/**
 * The JSON of an answer that is changed: taken out of its coding, counted and changed in one piece of work, so that all of it can
 * be done in another thread.
 */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { type JsonLimits, jsonExcess } from '../lib/json-bounds.js';
import { type EditPlan, editJson } from './json-edit.js';

export interface AnswerPlan {
  readonly edit: EditPlan;
  readonly encoding: string | undefined;
  readonly largestBytes: number;
  readonly limits: JsonLimits;
}

/** The changed bytes; `as it is`: it is not JSON. The others cannot be looked into. */
export type ChangedAnswer = Uint8Array | 'as it is' | 'too much' | 'cannot be decoded';

/** It has no coding that would have to be undone. */
export const isPlain = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding.toLowerCase() === 'identity';

export function changedAnswer(bytes: Buffer, { edit, encoding, largestBytes, limits }: AnswerPlan): ChangedAnswer {
  const plain = decoded(bytes, encoding, largestBytes);
  if (plain === undefined) return 'cannot be decoded';
  if (jsonExcess(plain, limits) !== null) return 'too much';
  const text = editJson(plain.toString('utf8'), edit);
  return text === undefined ? 'as it is' : Buffer.from(text);
}

/** Undefined where it cannot be read. */
function decoded(bytes: Buffer, encoding: string | undefined, largestBytes: number): Buffer | undefined {
  if (isPlain(encoding)) return bytes;
  const options = { maxOutputLength: largestBytes };
  try {
    switch (encoding!.toLowerCase()) {
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, options);
      case 'deflate':
        return inflateSync(bytes, options);
      case 'br':
        return brotliDecompressSync(bytes, options);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
