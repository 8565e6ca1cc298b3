/** The model, the tokenizer, the table of vectors and the thread that has them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import wabt from 'wabt';
import { semanticDefaults } from '../../../src/cache/cache.js';
import { localEmbedder, localVectors } from '../../../src/cache/semantic/embedder.js';
import { objection, signatureOf } from '../../../src/cache/semantic/guards.js';
import { VectorWorker, WorkerAway } from '../../../src/cache/semantic/vector-worker.js';
import { SCAN_MODULE, Vectors } from '../../../src/cache/semantic/vectors.js';
import { WordPiece } from '../../../src/cache/semantic/wordpiece.js';
import { packageRoot } from '../../../src/lib/root.js';

const folder = join(packageRoot, 'models/all-MiniLM-L6-v2');
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('the table of vectors', () => {
  it('is scanned by the module that scan.wat says', async () => {
    const source = readFileSync(join(packageRoot, 'src/cache/semantic/scan.wat'), 'utf8');
    const { buffer } = (await wabt()).parseWat('scan.wat', source, { simd: true }).toBinary({});
    assert.equal(Buffer.from(buffer).toString('base64'), SCAN_MODULE);
  });

  it('finds exactly what a plain loop finds, for any length, after inserts and removals', () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
    for (const dims of [3, 16, 100, 384]) {
      const vectors = new Vectors(dims, 1_000);
      vectors.open('s');
      const all = new Map<string, Float32Array>();
      for (let i = 0; i < 300; i++) {
        const vector = Float32Array.from({ length: dims }, random);
        all.set(`v${i}`, vector);
        vectors.add('s', `v${i}`, vector);
      }
      for (let i = 0; i < 300; i += 3) {
        vectors.remove('s', `v${i}`);
        all.delete(`v${i}`);
      }
      for (let i = 0; i < 50; i++) {
        const vector = Float32Array.from({ length: dims }, random);
        all.set(`v${i}`, vector);
        vectors.add('s', `v${i}`, vector);
      }
      const query = Float32Array.from({ length: dims }, random);
      const expected = [...all].map(([id, vector]) => [id, dot(query, vector)] as const).sort((a, b) => b[1] - a[1]);
      const found = vectors.nearest('s', query, 8);
      assert.deepEqual(
        found.map(({ id }) => id),
        expected.slice(0, 8).map(([id]) => id),
      );
      for (const [i, { similarity }] of found.entries()) assert.ok(Math.abs(similarity - expected[i]![1]) < 1e-4);
      assert.equal(vectors.sizeOf('s'), all.size);
    }
  });

  it('keeps scopes apart, and a full table drops the one that was not asked for the longest', () => {
    const vectors = new Vectors(2, 4, 3);
    const one = Float32Array.from([1, 0]);
    for (const scope of ['a', 'b']) {
      vectors.open(scope);
      vectors.add(scope, `${scope}1`, one);
      vectors.add(scope, `${scope}2`, one);
    }
    assert.deepEqual(
      vectors.nearest('a', one, 9).map(({ id }) => id),
      ['a1', 'a2'],
    );
    vectors.add('a', 'a3', one);
    assert.equal(vectors.has('b'), false);
    vectors.add('a', 'a4', one);
    assert.deepEqual(
      vectors
        .nearest('a', one, 9)
        .map(({ id }) => id)
        .sort(),
      ['a2', 'a3', 'a4'],
      'the oldest went',
    );
    vectors.add('unknown', 'x', one);
    assert.deepEqual(vectors.nearest('unknown', one, 9), []);
    vectors.drop('a');
    assert.equal(vectors.size, 0);
  });
});

describe('the tokenizer', () => {
  it('cuts as the reference does (ids made with @xenova/transformers 2.17.2)', () => {
    const { model } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, number> };
    };
    const tokenizer = new WordPiece(model.vocab);
    const cases = JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/wordpiece.json'), 'utf8')) as {
      text: string;
      ids: number[];
    }[];
    assert.ok(cases.length >= 10);
    for (const { text, ids } of cases) assert.deepEqual(tokenizer.encode(text, 512), ids, text);
    assert.equal(tokenizer.encode('word '.repeat(300), 256), undefined);
  });
});

describe('the embedding process', () => {
  const worker = localVectors(undefined);
  const embedder = localEmbedder(worker, 'all-MiniLM-L6-v2');
  after(() => worker.close());
  const near = async (one: string, two: string) => {
    const [a, b] = await Promise.all([embedder.embed(one, 30_000), embedder.embed(two, 30_000)]);
    return dot(a!, b!);
  };

  it('has vectors of length one in which like texts are near', async () => {
    assert.ok(Math.abs((await near('How do I reset my password?', 'How do I reset my password?')) - 1) < 1e-5);
    assert.ok((await near('What is the capital of France?', 'Tell me the capital city of France')) > 0.9);
    assert.ok((await near('What is the capital of France?', 'What is the capital of Germany?')) < 0.7);
    assert.ok((await near('How do I reset my password?', 'What is the capital of France?')) < 0.2);
  });

  it('misses 95 % of the traps at the default setting, and hits half of the paraphrases', async () => {
    const { threshold } = semanticDefaults;
    const taken = { trap: 0, paraphrase: 0 };
    const pairs = readFileSync(join(packageRoot, 'bench/cache/traps.tsv'), 'utf8').trim().split('\n');
    for (const line of pairs) {
      const [kind, , one, two] = line.split('\t') as ['trap' | 'paraphrase', string, string, string];
      if (objection(signatureOf(two), signatureOf(one), false) === null && (await near(one, two)) >= threshold) {
        taken[kind] += 1;
      }
    }
    const all = (kind: string) => pairs.filter((line) => line.startsWith(kind)).length;
    assert.equal(pairs.length, 200);
    assert.ok(taken.trap <= 0.05 * all('trap'), `${taken.trap}`);
    assert.ok(taken.paraphrase >= 0.5 * all('paraphrase'), `${taken.paraphrase}`);
  });

  it('does not read a text that is too long, rather than its beginning', async () => {
    assert.equal(await embedder.embed('word '.repeat(300), 30_000), undefined);
    assert.equal(await embedder.embed('x'.repeat(1_000_000), 30_000), undefined);
  });

  it('refuses what does not fit into its queue, gives up on what is late, and goes on', async () => {
    const small = new VectorWorker({ folder, mostPieces: 256, capacity: 10, perScope: 10, mostWaiting: 2 });
    try {
      const late = small.ask({ op: 'embed', text: 'hello' }, 0);
      const second = small.ask({ op: 'embed', text: 'there' }, 30_000);
      await assert.rejects(small.ask({ op: 'embed', text: 'no room' }, 30_000), WorkerAway);
      await assert.rejects(late, WorkerAway);
      assert.ok((await second).vector);
      assert.ok((await small.askIdly({ op: 'embed', text: 'again' }, 30_000)).vector);
    } finally {
      await small.close();
    }
    await assert.rejects(small.ask({ op: 'size' }, 1_000), WorkerAway);
  });

  it('says what is wrong, and is asked again', async () => {
    const broken = new VectorWorker({
      folder: '/nowhere',
      mostPieces: 256,
      capacity: 10,
      perScope: 10,
      mostWaiting: 9,
    });
    try {
      await assert.rejects(broken.ask({ op: 'embed', text: 'hello' }, 30_000), /nowhere/);
      assert.deepEqual((await broken.ask({ op: 'size' }, 30_000)).vectors, 0);
    } finally {
      await broken.close();
    }
  });
});
