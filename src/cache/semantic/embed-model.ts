/**
 * A sentence-embedding model from its folder: the tokenizer as `tokenizer.json` says, the network by ONNX Runtime. One forward
 * pass gives a vector of the whole text and one of each piece of it; the latter tell which word of another text stands for
 * which word of this one. One computation thread, one text at a time and no padding: with 8-bit weights a vector would depend
 * on what else is in its batch. Computes on the thread that calls it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { LRUCache } from 'lru-cache';
import onnx, { type InferenceSession } from 'onnxruntime-node';
import { placedWords } from './words.js';

export interface EncodedText {
  /** Of length one. */
  readonly vector: Float32Array;
  /** Word pieces, with the two marks. */
  readonly pieces: number;
  /** Place of a word in the text -> its vector. */
  readonly words: ReadonlyMap<number, Float32Array>;
}

const readJson = (folder: string, name: string): object =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;

/** What was encoded lately, by its text: a prompt is compared right after it was embedded. */
const RECENT_BYTES = 48 * 2 ** 20;

export class EmbedModel {
  readonly #session: InferenceSession;
  readonly #tokenizer: Tokenizer;
  readonly #mostPieces: number;
  readonly #recent = new LRUCache<string, EncodedText>({
    maxSize: RECENT_BYTES,
    sizeCalculation: ({ vector, words }, text) => (words.size + 1) * vector.byteLength + 2 * text.length + 100,
  });

  private constructor(session: InferenceSession, tokenizer: Tokenizer, mostPieces: number) {
    this.#session = session;
    this.#tokenizer = tokenizer;
    this.#mostPieces = mostPieces;
  }

  static async load(folder: string, mostPieces: number): Promise<EmbedModel> {
    const tokenizer = new Tokenizer(readJson(folder, 'tokenizer.json'), readJson(folder, 'tokenizer_config.json'));
    const session = await onnx.InferenceSession.create(join(folder, 'onnx/model_quantized.onnx'), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
    });
    return new EmbedModel(session, tokenizer, mostPieces);
  }

  /** Undefined where the text is longer than what the model reads. */
  async encode(text: string): Promise<EncodedText | undefined> {
    const known = this.#recent.get(text);
    if (known) return known;
    if (text.length > this.#mostPieces * 32) return undefined;
    const { ids, tokens } = this.#tokenizer.encode(text);
    if (ids.length > this.#mostPieces) return undefined;
    const tensor = (values: bigint[]) => new onnx.Tensor('int64', BigInt64Array.from(values), [1, values.length]);
    const output = await this.#session.run({
      input_ids: tensor(ids.map(BigInt)),
      attention_mask: tensor(ids.map(() => 1n)),
      token_type_ids: tensor(ids.map(() => 0n)),
    });
    const { data, dims } = output['last_hidden_state']!;
    const states = data as Float32Array;
    const vectorOf = (rows: readonly number[]): Float32Array => meanOfLengthOne(states, rows, dims[2]!);
    const encoded = {
      vector: vectorOf(ids.map((_id: number, row: number) => row)),
      pieces: ids.length,
      words: new Map([...rowsOfWords(text, tokens)].map(([at, rows]) => [at, vectorOf(rows)])),
    };
    this.#recent.set(text, encoded);
    return encoded;
  }
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
