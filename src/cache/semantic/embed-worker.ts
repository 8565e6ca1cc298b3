/**
 * The process that turns text into vectors and compares them. `onnxruntime-node` computes on the thread that calls it, so it
 * may never be called on the event loop that serves requests. One computation thread, one text at a time and no padding:
 * with 8-bit weights a vector would depend on what else is in its batch. Messages are answered in their order.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import onnx, { type InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../../lib/thrown.js';
import { Vectors } from './vectors.js';
import { WordPiece } from './wordpiece.js';
import type { Reply, Request, WorkerOptions } from './worker-messages.js';

const options = JSON.parse(process.argv[2]!) as WorkerOptions;

interface Encoder {
  readonly session: InferenceSession;
  readonly tokenizer: WordPiece;
}

let loading: Promise<Encoder> | undefined;
let vectors: Vectors | undefined;
/** Of the local model. */
const USUAL_DIMS = 384;
let lastDims = USUAL_DIMS;

async function load(folder: string): Promise<Encoder> {
  const { model } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  const session = await onnx.InferenceSession.create(join(folder, 'onnx/model_quantized.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  return { session, tokenizer: new WordPiece(model.vocab) };
}

interface Embedded {
  readonly vector: Float32Array;
  readonly pieces: number;
}

/** Undefined where the text is longer than what the model reads. */
async function embed(text: string): Promise<Embedded | undefined> {
  if (text.length > options.mostPieces * 32) return undefined;
  loading ??= load(options.folder);
  const { session, tokenizer } = await loading;
  const ids = tokenizer.encode(text, options.mostPieces);
  if (!ids) return undefined;
  const tensor = (values: bigint[]) => new onnx.Tensor('int64', BigInt64Array.from(values), [1, values.length]);
  const output = await session.run({
    input_ids: tensor(ids.map(BigInt)),
    attention_mask: tensor(ids.map(() => 1n)),
    token_type_ids: tensor(ids.map(() => 0n)),
  });
  const { data, dims } = output['last_hidden_state']!;
  return { vector: meanOfLengthOne(data as Float32Array, dims[1]!, dims[2]!), pieces: ids.length };
}

function meanOfLengthOne(states: Float32Array, rows: number, dims: number): Float32Array {
  const mean = new Float32Array(dims);
  for (let row = 0; row < rows; row++) for (let i = 0; i < dims; i++) mean[i]! += states[row * dims + i]!;
  const length = Math.hypot(...mean);
  for (let i = 0; i < dims; i++) mean[i]! /= length;
  return mean;
}

/** The longer the vectors, the fewer fit into the same memory. */
function tableOf(dims: number): Vectors {
  const share = Math.min(1, USUAL_DIMS / dims);
  const [capacity, perScope] = [options.capacity, options.perScope].map((most) => Math.ceil(most * share));
  return new Vectors(dims, capacity!, perScope);
}

async function answer(request: Request): Promise<Omit<Reply, 'id'>> {
  if (request.op === 'embed') {
    return (await embed(request.text)) ?? { tooLong: true };
  }
  if (request.op === 'search') {
    const vector = request.vector ?? (await embed(request.text!))?.vector;
    if (!vector) return { tooLong: true };
    lastDims = vector.length;
    // Another model: what the table holds is of no use any more.
    if (vectors?.dims !== vector.length) vectors = tableOf(vector.length);
    if (!vectors.has(request.scope)) return { vector, unknown: true };
    return { vector, neighbours: vectors.nearest(request.scope, vector, request.most) };
  }
  if (request.op === 'size') return { vectors: vectors?.size ?? 0, bytes: vectors?.bytes ?? 0 };
  if (request.op === 'drop') {
    vectors?.drop(request.scope);
    return {};
  }
  if (request.op === 'remove') {
    for (const id of request.ids) vectors?.remove(request.scope, id);
    return {};
  }
  // Opened before there is any vector: the next one tells how long they are.
  const dims = request.rows[0]?.vector.length ?? lastDims;
  vectors ??= tableOf(dims);
  if (request.opens) vectors.open(request.scope);
  for (const { id, vector } of request.rows) vectors.add(request.scope, id, vector);
  return {};
}

let turn = Promise.resolve();
process.on('message', (request: Request) => {
  turn = turn.then(async () => {
    let reply: Reply;
    try {
      reply = { id: request.id, ...(await answer(request)) };
    } catch (error) {
      reply = { id: request.id, error: messageOf(error) };
    }
    process.send?.(reply, () => {});
  });
});
// The gateway is gone. Signals to its group are its own to answer.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
