/**
 * A sentence-embedding model from its folder: the tokenizer as `tokenizer.json` says, the network by ONNX Runtime. One forward
 * pass gives a vector of the whole text and one of each piece of it; the latter tell which word of another text stands for
 * which word of this one. What a folder holds is checked when it is loaded: what the network asks for and answers, and that its
 * vectors tell two texts apart. One computation thread, one text at a time and no padding: with 8-bit weights a vector would depend
 * on what else is in its batch. Computes on the thread that calls it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { LRUCache } from 'lru-cache';
import onnx, { type InferenceSession, type TypedTensor } from 'onnxruntime-node';
import { WordVectors } from './word-vectors.js';
import { placedWords } from './words.js';
import type { ModelOptions } from './worker-messages.js';

/** What a forward pass made of a text. */
export class EncodedText {
  /** Of length one. */
  readonly vector: Float32Array;
  /** Word pieces, with the two marks. */
  readonly pieces: number;
  readonly #states: Float32Array;
  readonly #placed: () => Map<number, number[]>;
  #rows: Map<number, number[]> | undefined;

  constructor(vector: Float32Array, pieces: number, states: Float32Array, placed: () => Map<number, number[]>) {
    this.vector = vector;
    this.pieces = pieces;
    this.#states = states;
    this.#placed = placed;
  }

  get bytes(): number {
    return this.vector.byteLength + this.#states.byteLength;
  }

  /** The vector of the word at a place in the text, of length one; made when it is asked for, since few words ever are. */
  word(at: number): Float32Array | undefined {
    this.#rows ??= this.#placed();
    const rows = this.#rows.get(at);
    return rows && meanOfLengthOne(this.#states, rows, this.vector.length);
  }

  /** In a fifth of the memory. */
  compact(): WordVectors {
    this.#rows ??= this.#placed();
    const words = [...this.#rows.keys()].map((at) => [at, this.word(at)!] as const);
    return new WordVectors(this.vector, this.pieces, words);
  }
}

/** What not every exporter writes. */
const readIfThere = (folder: string, name: string): object =>
  existsSync(join(folder, name)) ? readJson(folder, name) : {};
const INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids'];
const MOST_DIMS = 4_096;

const readJson = (folder: string, name: string): object =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;

/** What was encoded lately, by its text: a prompt is compared right after it was embedded. */
const RECENT_BYTES = 12 * 2 ** 20;
/** What was encoded before. */
const REMEMBERED_BYTES = 36 * 2 ** 20;

export class EmbedModel {
  /** The SHA-256 of network and tokenizer. */
  readonly name: string;
  readonly #session: InferenceSession;
  readonly #tokenizer: Tokenizer;
  readonly #options: ModelOptions;
  readonly #mostPieces: number;
  readonly #recent = new LRUCache<string, EncodedText>({
    maxSize: RECENT_BYTES,
    sizeCalculation: ({ bytes, pieces }, text) => bytes + 100 * pieces + 2 * text.length + 100,
    dispose: (encoded, text, reason) => {
      if (reason === 'evict') this.#remember(text, encoded);
    },
  });
  readonly #remembered = new LRUCache<string, WordVectors>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ bytes }, text) => bytes + 2 * text.length,
  });

  private constructor(name: string, session: InferenceSession, tokenizer: Tokenizer, options: ModelOptions) {
    this.name = name;
    this.#session = session;
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#mostPieces = Math.min(options.mostPieces, positionsIn(options.folder));
  }

  static async load(options: ModelOptions): Promise<EmbedModel> {
    const { folder, network } = options;
    const tokenizer = new Tokenizer(readJson(folder, 'tokenizer.json'), readIfThere(folder, 'tokenizer_config.json'));
    const hash = createHash('sha256').update(readFileSync(join(folder, 'tokenizer.json')));
    for await (const bytes of createReadStream(network)) hash.update(bytes as Buffer);
    const session = await onnx.InferenceSession.create(network, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
    });
    const model = new EmbedModel(hash.digest('hex'), session, tokenizer, options);
    await model.#check();
    return model;
  }

  /** Throws where it is no model of sentences. */
  async #check(): Promise<void> {
    const unknown = this.#session.inputNames.filter((name) => !INPUTS.includes(name));
    if (unknown.length > 0) throw new Error(`the network asks for ${unknown.join(', ')}, which is not known here`);
    const [one, two] = [await this.encode('a dog in the garden'), await this.encode('interest rates')];
    if (!one || !two) throw new Error('the tokenizer makes too many pieces of a short text');
    const finite = one.vector.every(Number.isFinite) && two.vector.every(Number.isFinite);
    const near = one.vector.reduce((sum, value, i) => sum + value * two.vector[i]!, 0);
    if (!finite || !(near < 0.999)) throw new Error('the network has the same vector for two texts that differ');
  }

  /** What is known of a text without reading it again. */
  known(text: string): Pick<EncodedText, 'vector' | 'pieces'> | undefined {
    return this.#recent.get(text) ?? this.#remembered.get(text);
  }

  /** The words of a text that was read a while ago. */
  remembered(text: string): WordVectors | undefined {
    return this.#recent.has(text) ? undefined : this.#remembered.get(text);
  }

  /** Once what is being answered has been answered. */
  #remember(text: string, encoded: EncodedText): void {
    setImmediate(() => this.#remembered.set(text, encoded.compact()));
  }

  /** Undefined where the text is longer than what the model reads. */
  async encode(text: string): Promise<EncodedText | undefined> {
    const known = this.#recent.get(text);
    if (known) return known;
    if (text.length > this.#mostPieces * 32) return undefined;
    const { prefix, pooling } = this.#options;
    const { ids, tokens } = this.#tokenizer.encode(prefix + text);
    if (ids.length > this.#mostPieces) return undefined;
    const tensor = (values: bigint[]) => new onnx.Tensor('int64', BigInt64Array.from(values), [1, values.length]);
    const inputs: Record<string, () => bigint[]> = {
      input_ids: () => ids.map(BigInt),
      attention_mask: () => ids.map(() => 1n),
      token_type_ids: () => ids.map(() => 0n),
    };
    const asked = this.#session.inputNames.map((name) => [name, tensor(inputs[name]!())] as const);
    const { states, dims } = statesIn(await this.#session.run(Object.fromEntries(asked)), ids.length);
    const pooled = pooling === 'cls' ? [0] : ids.map((_id: number, row: number) => row);
    const encoded = new EncodedText(meanOfLengthOne(states, pooled, dims), ids.length, states, () => {
      const places = [...rowsOfWords(prefix + text, tokens)].filter(([at]) => at >= prefix.length);
      return new Map(places.map(([at, rows]) => [at - prefix.length, rows]));
    });
    this.#recent.set(text, encoded);
    return encoded;
  }
}

/** The vectors of the last layer, one for each piece. Exporters name them differently. */
function statesIn(output: InferenceSession.OnnxValueMapType, pieces: number): { states: Float32Array; dims: number } {
  for (const name of ['last_hidden_state', 'token_embeddings', ...Object.keys(output)]) {
    const tensor = output[name] as TypedTensor<'float32'> | undefined;
    const [one, rows, dims = 0] = tensor?.dims ?? [];
    if (tensor?.type !== 'float32' || one !== 1 || rows !== pieces || dims === 0) continue;
    if (dims > MOST_DIMS) throw new Error(`the vectors of the network have ${dims} numbers; ${MOST_DIMS} at most`);
    return { states: tensor.data, dims };
  }
  const said = Object.entries(output).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
  throw new Error(
    `the network answers ${said.join(', ')}, and no vector of 32-bit floats for each of ${pieces} pieces`,
  );
}

/** How many pieces the network reads, where `config.json` says so. */
function positionsIn(folder: string): number {
  const { max_position_embeddings: most } = readIfThere(folder, 'config.json') as { max_position_embeddings?: unknown };
  return typeof most === 'number' && most >= 8 ? most - 2 : Number.POSITIVE_INFINITY;
}

function meanOfLengthOne(states: Float32Array, rows: readonly number[], dims: number): Float32Array {
  const mean = new Float32Array(dims);
  for (const row of rows) for (let i = 0; i < dims; i++) mean[i]! += states[row * dims + i]!;
  let square = 0;
  for (const value of mean) square += value * value;
  const length = Math.sqrt(square) || 1;
  for (let i = 0; i < dims; i++) mean[i]! /= length;
  return mean;
}

const plain = (word: string): string =>
  word
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '');

/** Place of a word -> the rows of its pieces. A word that the tokenizer reads otherwise has none. */
function rowsOfWords(text: string, tokens: readonly string[]): Map<number, number[]> {
  const whole: { word: string; rows: number[] }[] = [];
  for (const [row, token] of tokens.entries()) {
    if (token.startsWith('##') && whole.length > 0) {
      const last = whole.at(-1)!;
      last.word += token.slice(2);
      last.rows.push(row);
    } else {
      whole.push({ word: plain(token.replace(/^[▁Ġ]/, '')), rows: [row] });
    }
  }
  const found = new Map<number, number[]>();
  let next = 0;
  for (const { word, at } of placedWords(text)) {
    const wanted = plain(word);
    const index = whole.findIndex((one, i) => i >= next && one.word === wanted);
    if (index === -1) continue;
    found.set(at, whole[index]!.rows);
    next = index + 1;
  }
  return found;
}
