/** Text to vectors, wherever that is done. The semantic cache, `like` routing and local targets share it. */
import { join } from 'node:path';
import type { Embedder as TextsEmbedder } from '../../lib/embedder.js';
import { packageRoot } from '../../lib/root.js';
import type { AskCounterparts } from './counterparts.js';
import { VectorWorker, type VectorWorkerOptions } from './vector-worker.js';
import type { ModelOptions } from './worker-messages.js';

export interface Embedder {
  /** Vectors of different identities are never compared. */
  readonly identity: string;
  /** A vector of length one; undefined where the text is too long to be read whole. Throws where it is away or too slow. */
  embed(text: string, withinMs: number): Promise<Float32Array | undefined>;
  /** The same for work that can wait: only when nothing else is asked. */
  embedIdly(text: string): Promise<Float32Array | undefined>;
}

const IDLE_MS = 30_000;

/** The model that comes with the gateway. */
export const LOCAL_MODEL = 'all-MiniLM-L6-v2';
/** It reads that many word pieces; what is longer would be cut, and two long prompts would look alike. */
export const MOST_PIECES = 256;
/** 1.5 kB each. */
const MOST_VECTORS = 200_000;
const MOST_IN_A_SCOPE = 100_000;
const MOST_WAITING = 32;

export const ownModel = {
  folder: join(packageRoot, 'models', LOCAL_MODEL),
  network: join(packageRoot, 'models', LOCAL_MODEL, 'onnx/model_quantized.onnx'),
  pooling: 'mean',
  prefix: '',
  mostPieces: MOST_PIECES,
} as const;

/** A model from a folder, in a process of its own that holds no vectors. */
export const folderModel = (
  model: Omit<ModelOptions, 'mostPieces'>,
  onEnd: VectorWorkerOptions['onEnd'],
): VectorWorker =>
  new VectorWorker({
    ...model,
    ...{ mostPieces: MOST_PIECES, capacity: 1, perScope: 1, mostWaiting: MOST_WAITING },
    ...(onEnd && { onEnd }),
  });

export const localVectors = (onEnd: VectorWorkerOptions['onEnd']): VectorWorker =>
  new VectorWorker({
    ...ownModel,
    capacity: MOST_VECTORS,
    perScope: MOST_IN_A_SCOPE,
    mostWaiting: MOST_WAITING,
    ...(onEnd && { onEnd }),
  });

export function localEmbedder(worker: Pick<VectorWorker, 'ask' | 'askIdly'>, model: string): Embedder {
  return {
    identity: `local/${model}/q8/mean/1`,
    embed: async (text, withinMs) => (await worker.ask({ op: 'embed', text }, withinMs)).vector,
    embedIdly: async (text) => (await worker.askIdly({ op: 'embed', text }, IDLE_MS)).vector,
  };
}

/** Four forward passes, far beyond what they take. */
const COMPARE_MS = 200;

/** For the comparison of prompts word by word. */
export const counterpartsBy =
  (worker: Pick<VectorWorker, 'ask'>, withinMs = COMPARE_MS): AskCounterparts =>
  async (one, others) =>
    (await worker.ask({ op: 'counterparts', one, others }, withinMs)).holds ?? -1;

/** For conditions of model routing: many texts at once, of long ones the beginning. */
export const similarityEmbedder = (embedder: Embedder): TextsEmbedder => ({
  embed: (texts) =>
    Promise.all(
      texts.map(async (text) => (await embedder.embed(text, SIMILARITY_MS)) ?? (await embedBeginning(embedder, text))),
    ),
});

const SIMILARITY_MS = 1_000;
const CHUNK = 300;
const MOST_CHUNKS = 4;

/** A vector for the beginning of a long text, in pieces, none of which holds up a prompt for long. */
export async function embedBeginning(embedder: Embedder, text: string): Promise<Float32Array> {
  let sum: Float32Array | undefined;
  for (let at = 0; at < text.length && at < CHUNK * MOST_CHUNKS; at += CHUNK) {
    const chunk = text.slice(at, at + CHUNK).trim();
    const vector = chunk === '' ? undefined : await embedder.embedIdly(chunk);
    if (!vector) continue;
    sum ??= new Float32Array(vector.length);
    for (let i = 0; i < vector.length; i++) sum[i]! += vector[i]!;
  }
  if (!sum) return new Float32Array(0);
  let square = 0;
  for (const value of sum) square += value * value;
  const length = Math.sqrt(square) || 1;
  return sum.map((value) => value / length);
}
