/** Prompts compared by a model from a folder: real gateways, and the shipped model under another name as the folder's. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';

const shipped = join(packageRoot, 'models/all-MiniLM-L6-v2');
const answer = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Follow the link.' } }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tollgate-folder-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The files of a model under the names that another exporter would choose. */
async function folderOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(dir, name);
  await mkdir(folder);
  for (const [as, file] of Object.entries(files)) symlinkSync(file, join(folder, as));
  return folder;
}
const usual = {
  'tokenizer.json': join(shipped, 'tokenizer.json'),
  'model.onnx': join(shipped, 'onnx/model_quantized.onnx'),
};

const configOf = (embedding: object, upstream = 'http://127.0.0.1:9') => ({
  providers: { fake: { type: 'openai-compatible', base_url: `${upstream}/v1`, api_key: 'sk-upstream' } },
  models: {
    cached: {
      targets: [{ provider: 'fake', model: 'm' }],
      price: { input: 0.1, output: 0.1 },
      cache: { semantic: { threshold: 0.8 } },
    },
    careful: {
      targets: [{ provider: 'fake', model: 'm' }],
      price: { input: 0.1, output: 0.1 },
      cache: { semantic: true },
    },
  },
  cache: { embedding },
});

describe('a model from a folder', () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startUpstream();
    upstream.always(json(200, answer));
  });
  after(() => upstream?.stop());

  const asking = (gateway: Gateway, key: string, model: string) => async (content: string, seed: number) => {
    const response = await gateway.chat(key, { model, seed, messages: [{ role: 'user', content }] });
    const similarity = Number(response.headers.get('x-tollgate-cache-similarity'));
    await response.arrayBuffer();
    return { cache: response.headers.get('x-tollgate-cache'), similarity };
  };

  /** The similarity of two prompts as a hit says it: the second is asked until the first is found. */
  async function similarityBy(embedding: object): Promise<number> {
    const gateway = await startGateway({ config: configOf(embedding, upstream.url) });
    try {
      const { key } = await gateway.key();
      const ask = asking(gateway, key, 'cached');
      await ask('How do I reset my password?', 1);
      const begun = Date.now();
      for (let i = 1; Date.now() - begun < 60_000; i++) {
        const { cache, similarity } = await ask(`Please, how can I reset my password${'?'.repeat(i)}`, 1);
        if (cache === 'semantic') return similarity;
      }
      throw new Error('nothing was found by meaning');
    } finally {
      await gateway.close();
    }
  }

  it('is what prompts are compared by, with its pooling and what stands before each', async () => {
    const folder = await folderOf('other', usual);
    const mean = await similarityBy({ type: 'local', folder });
    const cls = await similarityBy({ type: 'local', folder, pooling: 'cls', prefix: 'query: ' });
    for (const similarity of [mean, cls]) assert.ok(similarity > 0.8 && similarity < 1.001, `${similarity}`);
    assert.notEqual(mean, cls);
  });

  it('ends the start where it cannot be loaded, in words', async () => {
    const broken = await folderOf('broken', { 'tokenizer.json': usual['tokenizer.json'] });
    writeFileSync(join(broken, 'model.onnx'), 'this is no network');
    await assert.rejects(
      startGateway({ config: configOf({ type: 'local', folder: broken }) }),
      /cache\.embedding\.folder: the model cannot be used: /,
    );
  });
});

describe('what can be seen of a folder', () => {
  const check = async (embedding: object): Promise<string> => {
    const file = join(dir, 'config.yaml');
    await writeFile(file, stringify({ ...configOf(embedding), data_dir: join(dir, 'data') }));
    const run = promisify(execFile)(process.execPath, [tollgate, 'check', file]);
    return run.then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => `refused: ${error.stdout}${error.stderr}`,
    );
  };

  it('is said by `check`, with the place in the file', async () => {
    assert.match(await check({ type: 'local', folder: './none' }), /refused: .*:\d+:\d+.*folder.*there is no folder/s);
    const empty = await folderOf('empty', {});
    assert.match(await check({ type: 'local', folder: empty }), /refused: .*has no tokenizer\.json/s);
    const deaf = await folderOf('deaf', { 'model.onnx': usual['model.onnx'] });
    writeFileSync(join(deaf, 'tokenizer.json'), '{"vocab": []}');
    assert.match(await check({ type: 'local', folder: deaf }), /refused: .*is not a tokenizer/s);
    const half = await folderOf('half', { 'tokenizer.json': usual['tokenizer.json'] });
    assert.match(
      await check({ type: 'local', folder: half }),
      /refused: .*has no network: one of onnx\/model_quantized/s,
    );
    const whole = await folderOf('whole', usual);
    assert.doesNotMatch(await check({ type: 'local', folder: whole, pooling: 'cls' }), /refused/);
    assert.match(await check({ type: 'local', folder: whole, pooling: 'max' }), /refused: .*pooling/s);
    assert.match(await check({ type: 'local', prefix: 'query: ' }), /refused: .*prefix.*is of a model in a `folder`/s);
  });
});
