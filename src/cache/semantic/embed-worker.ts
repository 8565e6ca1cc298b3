/**
 * The process that turns text into vectors and compares them. `onnxruntime-node` computes on the thread that calls it, so it
 * may never be called on the event loop that serves requests. Messages are answered in their order.
 */
import { messageOf } from '../../lib/thrown.js';
import { EmbedModel, type EncodedText } from './embed-model.js';
import { Vectors } from './vectors.js';
import type { WordVectors } from './word-vectors.js';
import type { CounterpartsWork, Reply, Request, WordPairs, WorkerOptions } from './worker-messages.js';

const options = JSON.parse(process.argv[2]!) as WorkerOptions;

let loading: Promise<EmbedModel> | undefined;
let vectors: Vectors | undefined;
/** Of the local model. */
const USUAL_DIMS = 384;
let lastDims = USUAL_DIMS;

function model(): Promise<EmbedModel> {
  loading ??= EmbedModel.load(options);
  return loading;
}

/** Undefined where the text is longer than what the model reads. */
async function encode(text: string): Promise<EncodedText | undefined> {
  return (await model()).encode(text);
}

/** Texts behind the first that holds are not read; a word without a vector stands for none. */
async function firstThatHolds({ one, others }: CounterpartsWork): Promise<number> {
  const first = await encode(one);
  if (!first) return -1;
  for (const [i, other] of others.entries()) {
    const holds = asRemembered(first, other, (await model()).remembered(other.text));
    if (holds ?? (await holdsExactly(first, other))) return i;
  }
  return -1;
}

/** Undefined where what is remembered does not tell. */
function asRemembered(first: EncodedText, { pairs, floors }: WordPairs, words?: WordVectors): boolean | undefined {
  if (!words) return undefined;
  const near = pairs.map(([at, other], k) => {
    const word = first.word(at);
    return word !== undefined && words.isNear(other, word, floors[k]!);
  });
  if (near.includes(false)) return false;
  return near.includes(undefined) ? undefined : true;
}

async function holdsExactly(first: EncodedText, { text, pairs, floors }: WordPairs): Promise<boolean> {
  const second = await encode(text);
  return pairs.every(([at, other], k) => {
    const [a, b] = [first.word(at), second?.word(other)];
    return a !== undefined && b !== undefined && dot(a, b) >= floors[k]!;
  });
}

/** The vector of a text, which may be known still where its words are not. */
async function embed(text: string): Promise<Pick<EncodedText, 'vector' | 'pieces'> | undefined> {
  const loaded = await model();
  return loaded.known(text) ?? loaded.encode(text);
}

function dot(one: Float32Array, two: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i]! * two[i]!;
  return sum;
}

/** The longer the vectors, the fewer fit into the same memory. */
function tableOf(dims: number): Vectors {
  const share = Math.min(1, USUAL_DIMS / dims);
  const [capacity, perScope] = [options.capacity, options.perScope].map((most) => Math.ceil(most * share));
  return new Vectors(dims, capacity!, perScope);
}

async function answer(request: Request): Promise<Omit<Reply, 'id'>> {
  if (request.op === 'embed') {
    const encoded = await embed(request.text);
    const { name } = await model();
    return encoded ? { vector: encoded.vector, pieces: encoded.pieces, model: name } : { tooLong: true };
  }
  if (request.op === 'counterparts') return { holds: await firstThatHolds(request) };
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
