/** Which candidate answers, and which words stand for each other in the judgement of the model. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AskCounterparts, createComparer } from '../../../src/cache/semantic/counterparts.js';
import { decide } from '../../../src/cache/semantic/decide.js';
import { signatureOf } from '../../../src/cache/semantic/signature.js';
import { loadSynonyms } from '../../../src/cache/semantic/synonyms.js';

describe('the decision', () => {
  const candidate = (similarity: number, group: string) => ({ similarity, group });
  const policy = { margin: 0.1 };

  it('takes the nearest that is near enough', () => {
    const best = candidate(0.93, 'a');
    assert.equal(decide([best], [null], policy, 0.9).hit, best);
    const far = decide([best], [null], policy, 0.94);
    assert.equal(far.hit, undefined);
    assert.equal(far.near, best);
    assert.deepEqual(decide([], [], policy, 0.9), { hit: undefined, near: undefined, rejections: [] });
  });

  it('goes on behind one that something speaks against', () => {
    const right = candidate(0.93, 'b');
    const { hit, rejections } = decide([candidate(0.97, 'a'), right], ['negation', null], policy, 0.9);
    assert.equal(hit, right);
    assert.deepEqual(rejections, ['negation']);
  });

  it('does not choose between two answers, and sees one answer in a group', () => {
    const one = candidate(0.95, 'a');
    assert.deepEqual(decide([one, candidate(0.9, 'b')], [null], policy, 0.9).rejections, ['margin']);
    assert.equal(decide([one, candidate(0.84, 'b')], [null], policy, 0.9).hit, one);
    assert.equal(decide([one, candidate(0.94, 'a')], [null], policy, 0.9).hit, one);
  });
});

describe('the comparison', () => {
  const synonyms = loadSynonyms();
  const read = (text: string) => ({ text, signature: signatureOf(text) });
  const answering = (similarity: number) => {
    const asked: string[][] = [];
    const ask: AskCounterparts = async (_one, others) => {
      asked.push(others.map(({ text }) => text));
      return others.findIndex(({ floors }) => floors.every((floor) => similarity >= floor));
    };
    return { asked, ...createComparer(synonyms, ask) };
  };
  const prompt = read('How do I fix a bike?');
  const repair = read('How do I repair a bike?');
  const paint = read('How do I paint a bike?');

  it('takes synonyms at a low floor, and other words only where the model is sure', async () => {
    assert.deepEqual(await answering(0.6).objections(prompt, [repair], 'standard'), [null]);
    assert.deepEqual(await answering(0.5).objections(prompt, [repair], 'standard'), ['counterpart']);
    assert.deepEqual(await answering(0.8).objections(prompt, [paint], 'standard'), ['counterpart']);
    assert.deepEqual(await answering(0.9).objections(prompt, [paint], 'standard'), [null]);
    assert.deepEqual(await answering(-1).objections(prompt, [paint], 'standard'), ['counterpart'], 'no vector');
  });

  it('never takes opposites, however sure the model is, and does not ask it', async () => {
    const sure = answering(0.99);
    const [quiet, noisy] = [read('Is the street quiet?'), read('Is the street noisy?')];
    assert.deepEqual(await sure.objections(quiet, [noisy], 'standard'), ['counterpart']);
    assert.deepEqual(sure.asked, []);
  });

  it('asks about three candidates at most, none behind the first that holds, and about none where it is strict', async () => {
    const unsure = answering(0.3);
    const four = Array.from({ length: 4 }, () => repair);
    assert.deepEqual(await unsure.objections(prompt, four, 'standard'), Array(4).fill('counterpart'));
    assert.deepEqual(unsure.asked, [Array(3).fill(repair.text)], 'in one question');
    const sure = answering(0.9);
    assert.deepEqual(await sure.objections(prompt, [read('Fix my bike'), repair, paint], 'standard'), ['words', null]);
    assert.deepEqual(sure.asked, [[repair.text, paint.text]]);
    const same = [paint, read('Fix my bike'), prompt, repair];
    assert.deepEqual(await answering(0.8).objections(prompt, same, 'standard'), ['counterpart', 'words', null]);
    assert.deepEqual(await sure.objections(prompt, same, 'standard'), [null]);
    const strict = answering(0.9);
    assert.deepEqual(await strict.objections(prompt, [repair, prompt], 'strict'), ['counterpart', null]);
    assert.deepEqual(strict.asked, []);
  });

  it('says nothing where it is off', async () => {
    assert.deepEqual(await answering(0).objections(prompt, [read('Something else')], 'off'), [null]);
  });

  it('knows synonyms and opposites in all their forms', () => {
    assert.ok(synonyms.same('fixes', 'repairing'));
    assert.ok(synonyms.same('films', 'movie'));
    assert.ok(!synonyms.same('dog', 'cat'));
    assert.ok(synonyms.opposite('remembered', 'forget'));
    assert.ok(synonyms.opposite('shorter', 'longer'));
    assert.ok(!synonyms.opposite('dog', 'cat'));
  });
});
