/** Outlines of prompts: they never hide one that the comparison would take, and say of most that it would not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { memoryAnswerStore } from '../../../src/cache/answers-memory.js';
import { createSeal } from '../../../src/cache/seal.js';
import { compare } from '../../../src/cache/semantic/alignment.js';
import { mayAgree, type Outline, outlineOf } from '../../../src/cache/semantic/outline.js';
import { Outlines } from '../../../src/cache/semantic/outlines.js';
import { memoryPromptStore, type PromptStore } from '../../../src/cache/semantic/prompt-store.js';
import { signatureOf } from '../../../src/cache/semantic/signature.js';
import { packageRoot } from '../../../src/lib/root.js';
import { answer } from '../../contract/cache.js';
import { ManualClock } from '../../support/clock.js';

const traps = readFileSync(join(packageRoot, 'bench/cache/traps.tsv'), 'utf8')
  .trim()
  .split('\n')
  .flatMap((line) => line.split('\t').slice(2));

/** Short prompts of few words, so that many agree. */
function sentences(many: number): string[] {
  let seed = 7;
  const one = (of: readonly string[]): string => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return of[(seed >>> 16) % of.length]!;
  };
  const things = [
    'car',
    'Car',
    'automobile',
    'house',
    'house house',
    'Paris',
    'iPhone15',
    '3 km',
    'three files',
    'shop',
  ];
  const verbs = ['buy', 'purchase', 'sell', 'fix', 'repair', 'open', 'opened', 'close'];
  const starts = ['How do I', 'How can I', 'Please', 'Can you', 'I must not', 'How do I not', 'Wie', 'Should we'];
  const ends = [
    '?',
    '',
    ' in Paris',
    ' with a "car"',
    ' please',
    ' of the house',
    ' and the shop',
    ' for my old red car',
  ];
  return Array.from({ length: many }, () => `${one(starts)} ${one(verbs)} the ${one(things)}${one(ends)}`);
}

const agree = (one: Outline, two: Outline): boolean => one.form === two.form && mayAgree(one, two.words, 0);

describe('an outline', () => {
  it('agrees with that of every prompt that nothing but the model speaks against, and with few others', () => {
    const read = [...traps, ...sentences(400)].map((text) => {
      const signature = signatureOf(text);
      return { text, signature, outline: outlineOf(signature) };
    });
    let taken = 0;
    let told = 0;
    for (const one of read) {
      for (const two of read) {
        const found = compare(one.signature, two.signature);
        const agrees = agree(one.outline, two.outline);
        if ('pairs' in found) {
          taken += 1;
          assert.ok(agrees, `${one.text} / ${two.text}`);
        } else if (!agrees) told += 1;
      }
    }
    assert.ok(taken > 2_000, `${taken} are taken`);
    assert.ok(told > 0.95 * (read.length ** 2 - taken), `${told} are told`);
  });

  it('lets no other word stand for a name, nor any in a long prompt', () => {
    const excluded = (one: string, two: string) => !agree(outlineOf(signatureOf(one)), outlineOf(signatureOf(two)));
    assert.ok(excluded('How do I travel to Paris by train?', 'How do I travel to London by train?'));
    assert.ok(!excluded('How do I repair a bicycle by hand?', 'How do I paint a bicycle by hand?'));
    const long = (last: string) =>
      `Explain ${Array.from({ length: 21 }, (_, i) => `word${'abcdefghijklmnopqrstu'[i]}`).join(' ')} ${last}`;
    assert.ok(excluded(long('apple'), long('pear')));
    assert.ok(!excluded(long('apple'), long('apples')));
  });
});

describe('the outlines of a scope', () => {
  const seal = createSeal(Buffer.from('secret'));
  let clock: ManualClock;
  let answers: ReturnType<typeof memoryAnswerStore>;
  let store: PromptStore;
  let reads: number;
  let told: number;
  let away: boolean;
  let errors: number;
  let outlines: Outlines;
  const outline = (text: string) => outlineOf(signatureOf(text));

  beforeEach(() => {
    clock = new ManualClock();
    answers = memoryAnswerStore();
    reads = 0;
    told = 0;
    errors = 0;
    away = false;
    const prompts = memoryPromptStore(answers);
    store = {
      ...prompts,
      async texts(...asked) {
        reads += 1;
        if (away) throw new Error('away');
        const texts = await prompts.texts(...asked);
        told += texts.length;
        return texts;
      },
    };
    outlines = new Outlines({ store, seal, clock, known: () => undefined, onError: () => errors++ });
  });

  async function keep(text: string): Promise<void> {
    const kept = answer({ expires_at: clock.now() + 60_000 });
    await answers.put([kept]);
    const rest = {
      vector: new Float32Array(2),
      answer_vector: new Float32Array(0),
      answer_group: 'g',
      whole_answer: true,
    };
    await store.put({ key: kept.key, scope: 's', prompt: seal.close(Buffer.from(text), kept.key), ...rest });
  }

  it('exclude what none of them agrees with, once all of them were read', async () => {
    for (let i = 0; i < 450; i++) await keep(`How do I open door ${i} of the house?`);
    await keep('How do I reset my password?');
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), false, 'they are not read yet');
    await outlines.refresh('s');
    assert.equal(reads, 3);
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), true);
    assert.equal(outlines.exclude('s', outline('How do I open door 451 of the house?')), true);
    assert.equal(outlines.exclude('s', outline('How can I open door 449 of the house?')), false);
    assert.equal(outlines.exclude('s', outline('How do I restore my password?')), false);
    assert.equal(outlines.exclude('another', outline('Where is door 4?')), false);
  });

  it('have at once what is learned here, and within a second what others have stored', async () => {
    await outlines.refresh('s');
    const asked = outline('How can I reset my password?');
    assert.equal(outlines.exclude('s', asked), true);
    outlines.add('s', signatureOf('How do I reset my password?'));
    assert.equal(outlines.exclude('s', asked), false);
    const other = outline('How can I change my address?');
    await keep('How do I change my address?');
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), true);
    clock.advance(1_001);
    outlines.exclude('s', other);
    await outlines.refresh('s');
    assert.equal(outlines.exclude('s', other), false);
  });

  it('learn by one question, without a text, that a busy scope has nothing new', async () => {
    for (let i = 0; i < 450; i++) await keep(`How do I open door ${i} of the house?`);
    await outlines.refresh('s');
    assert.deepEqual([reads, told], [3, 450]);
    await outlines.refresh('s');
    assert.deepEqual([reads, told], [4, 450]);
    await keep('How do I change my address?');
    await outlines.refresh('s');
    assert.deepEqual([reads, told], [5, 451]);
    assert.equal(outlines.exclude('s', outline('How can I change my address?')), false);
  });

  it('say nothing where the store is away, and ask it again a second later', async () => {
    away = true;
    await outlines.refresh('s');
    assert.equal(errors, 1);
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), false);
    assert.equal(reads, 1);
    away = false;
    clock.advance(1_001);
    outlines.exclude('s', outline('Where is door 4?'));
    await outlines.refresh('s');
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), true);
  });

  it('say nothing where there are too many, until they are read anew an hour later', async () => {
    await outlines.refresh('s');
    const signature = signatureOf('How do I open the old door of the house?');
    for (let i = 0; i <= 20_000; i++) outlines.add('s', { ...signature, numbers: String(i) });
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), false);
    await outlines.refresh('s');
    assert.equal(reads, 1);
    clock.advance(3_600_001);
    outlines.exclude('s', outline('Where is door 4?'));
    await outlines.refresh('s');
    assert.equal(outlines.exclude('s', outline('Where is door 4?')), true);
  });
});
