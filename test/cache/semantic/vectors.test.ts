/** The model, the tokenizer, the table of vectors and the thread that has them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import wabt from 'wabt';
import { semanticDefaults } from '../../../src/cache/cache.js';
import { createComparer } from '../../../src/cache/semantic/counterparts.js';
import { counterpartsBy, localEmbedder, localVectors, ownModel } from '../../../src/cache/semantic/embedder.js';
import { SIEVE_MODULE } from '../../../src/cache/semantic/sieve.js';
import { signatureOf } from '../../../src/cache/semantic/signature.js';
import { loadSynonyms } from '../../../src/cache/semantic/synonyms.js';
import { VectorWorker, WorkerAway } from '../../../src/cache/semantic/vector-worker.js';
import { SCAN_MODULE, Vectors } from '../../../src/cache/semantic/vectors.js';
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

  it('finds the very same in a large scope, which is sifted by eight bits of each number first', async () => {
    const source = readFileSync(join(packageRoot, 'src/cache/semantic/sieve.wat'), 'utf8');
    const { buffer } = (await wabt()).parseWat('sieve.wat', source, { simd: true }).toBinary({});
    assert.equal(Buffer.from(buffer).toString('base64'), SIEVE_MODULE);
    let seed = 5;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
    const dims = 40;
    // Some are near each other, some are long or short, and one is no vector.
    const middle = Float32Array.from({ length: dims }, random);
    const vectorOf = (i: number) => {
      const size = i % 7 === 0 ? 0.01 : i % 11 === 0 ? 30 : 1;
      return middle.map((value) => size * ((i % 3 === 0 ? value : 0) + random() * (i % 3 === 0 ? 0.02 : 1)));
    };
    const vectors = new Vectors(dims, 12_000, 8_600);
    const all = new Map<string, Float32Array>();
    vectors.open('small');
    vectors.open('s');
    for (let i = 0; i < 9_000; i++) {
      const vector = vectorOf(i);
      all.set(`v${i}`, vector);
      vectors.add('s', `v${i}`, vector);
      if (i % 100 === 0) vectors.add('small', `v${i}`, vector);
      if (i % 10 !== 3) continue;
      all.delete(`v${i - 3}`);
      vectors.remove('s', `v${i - 3}`);
    }
    assert.equal(vectors.sizeOf('s'), all.size);
    const holds = () => {
      for (const query of [middle, vectorOf(3), vectorOf(1), vectorOf(1), vectorOf(0), new Float32Array(dims)]) {
        const found = vectors.nearest('s', query, 12);
        const expected = [...all.values()].map((vector) => dot(query, vector)).sort((a, b) => b - a);
        assert.equal(new Set(found.map(({ id }) => id)).size, 12);
        for (const [i, { id, similarity }] of found.entries()) {
          assert.ok(Math.abs(similarity - dot(query, all.get(id)!)) < 1e-3);
          assert.ok(Math.abs(similarity - expected[i]!) < 1e-3);
        }
      }
    };
    holds();
    vectors.add('s', 'none', new Float32Array(dims).fill(Number.NaN));
    vectors.remove('s', 'none');
    holds();
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
    const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
    const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
    const cases = JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/wordpiece.json'), 'utf8')) as {
      text: string;
      ids: number[];
    }[];
    assert.ok(cases.length >= 10);
    for (const { text, ids } of cases) assert.deepEqual(tokenizer.encode(text).ids, ids, text);
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

  it('knows which word of another text stands for which, in its place', async () => {
    const near = async (one: string, two: string, word: string, other: string, floor: number) => {
      const others = [{ text: two, pairs: [[one.indexOf(word), two.indexOf(other)]] as const, floors: [floor] }];
      return (await worker.ask({ op: 'counterparts', one, others }, 30_000)).holds === 0;
    };
    const car = 'How do I buy a car?';
    assert.equal(await near(car, 'How do I purchase a car?', 'buy', 'purchase', 0.85), true);
    assert.equal(await near(car, 'How do I purchase a car?', 'buy', 'purchase', 0.99), false);
    assert.equal(await near(car, 'How do I sell a car?', 'buy', 'sell', 0.6), false);
    const [france, spain] = ['What is the capital of France?', 'What is the capital of Spain?'];
    assert.equal(await near(france, spain, 'France', 'Spain', 0.5), false);
    assert.equal(await near('Ist das Café schön?', 'Ist das Café nett?', 'Café', 'Café', 0.8), true, 'accents');
    assert.equal(await near('a place without a word', 'the same', 'b', 'same', -1), false);
    const long = `${'word '.repeat(300)}end`;
    assert.equal(await near(long, 'the end', 'end', 'end', -1), false, 'too long to be read');
    assert.equal(await near('the end', long, 'end', 'end', -1), false, 'too long to be read');
    const of = (text: string, word: string, floor: number) => ({
      text,
      pairs: [[car.indexOf('buy'), text.indexOf(word)]] as const,
      floors: [floor],
    });
    const others = [
      of('How do I sell a car?', 'sell', 0.85),
      of('How do I purchase a car?', 'purchase', 0.85),
      of(car, 'buy', 0.85),
    ];
    assert.equal((await worker.ask({ op: 'counterparts', one: car, others }, 30_000)).holds, 1, 'the first that holds');
  });

  it('tells the same of a text that it has read long ago', async () => {
    const car = 'How do I buy a car?';
    const [purchase, sell] = ['How do I purchase a car?', 'How do I sell a car?'];
    const pair = (text: string, floor: number) => ({ text, pairs: [[9, 9]] as const, floors: [floor] });
    const floors = Array.from({ length: 41 }, (_, i) => 0.4 + i * 0.015);
    const told = async () => {
      const found: (number | undefined)[] = [];
      for (const text of [purchase, sell])
        for (const floor of floors)
          found.push((await worker.ask({ op: 'counterparts', one: car, others: [pair(text, floor)] }, 30_000)).holds);
      return found;
    };
    const vector = await embedder.embed(sell, 30_000);
    const before = await told();
    assert.deepEqual(new Set(before), new Set([0, -1]));
    // Of long texts few are remembered whole.
    for (let i = 0; i < 40; i++) await embedder.embed(`${i} ${'word '.repeat(250)}`, 30_000);
    assert.deepEqual(await embedder.embed(sell, 30_000), vector);
    assert.deepEqual(await told(), before);
  });

  it('takes none of our traps at the default setting, and more than half of the paraphrases', async () => {
    const { threshold } = semanticDefaults;
    const comparer = createComparer(loadSynonyms(), counterpartsBy(worker, 30_000));
    const read = (text: string) => ({ text, signature: signatureOf(text) });
    const taken: Record<string, string[]> = { trap: [], paraphrase: [] };
    const pairs = readFileSync(join(packageRoot, 'bench/cache/traps.tsv'), 'utf8').trim().split('\n');
    for (const line of pairs) {
      const [kind, , one, two] = line.split('\t') as [string, string, string, string];
      const [objection] = await comparer.objections(read(two), [read(one)], 'standard');
      if (objection === null && (await near(one, two)) >= threshold) taken[kind]!.push(line);
    }
    assert.equal(pairs.length, 200);
    assert.deepEqual(taken['trap'], []);
    assert.ok(taken['paraphrase']!.length >= 36, `${taken['paraphrase']!.length} of 70`);
  });

  it('does not read a text that is too long, rather than its beginning', async () => {
    assert.equal(await embedder.embed('word '.repeat(300), 30_000), undefined);
    assert.equal(await embedder.embed('x'.repeat(1_000_000), 30_000), undefined);
  });

  it('refuses what does not fit into its queue, gives up on what is late, and goes on', async () => {
    const small = new VectorWorker({ ...ownModel, capacity: 10, perScope: 10, mostWaiting: 2 });
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
      ...ownModel,
      ...{ folder: '/nowhere', network: '/nowhere/model.onnx' },
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
