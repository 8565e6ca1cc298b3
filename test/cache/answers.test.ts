/** The exact tier when its store fails, is slow, or is overrun: a miss, never an error and never a wait. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answers } from '../../src/cache/answers.js';
import { memoryAnswerStore, memoryPurgeStore } from '../../src/cache/answers-memory.js';
import type { AnswerStore } from '../../src/cache/cache.js';
import { canonical, readsWhole } from '../../src/cache/canonical.js';
import { noDirectives, readDirectives } from '../../src/cache/directives.js';
import { Purges } from '../../src/cache/purges.js';
import { narrower, tenantOf } from '../../src/cache/scope.js';
import { createSeal, sealedAnswers } from '../../src/cache/seal.js';
import { type FlightNews, SingleFlight } from '../../src/cache/single-flight.js';
import { answer } from '../contract/cache.js';
import { ManualClock } from '../support/clock.js';

async function opened(store: AnswerStore = memoryAnswerStore(), more: { turnMs?: number; memoryBytes?: number } = {}) {
  const clock = new ManualClock();
  const errors: string[] = [];
  const purgeStore = memoryPurgeStore();
  const purges = new Purges(purgeStore, clock, true);
  await purges.refresh();
  const answers = new Answers({
    store,
    purges,
    clock,
    memoryBytes: 100_000,
    onError: (what) => void errors.push(what),
    ...more,
  });
  const good = (given: object = {}) => answer({ created_at: clock.now(), expires_at: clock.now() + 60_000, ...given });
  return { answers, purges, purgeStore, clock, errors, good };
}

const away: AnswerStore = {
  get: () => Promise.reject(new Error('away')),
  put: () => Promise.reject(new Error('away')),
  remove: () => Promise.reject(new Error('away')),
  count: () => Promise.reject(new Error('away')),
  sweep: () => Promise.reject(new Error('away')),
};

describe('the exact tier', () => {
  it('answers from memory while the store is away, and writes once it is back', async () => {
    const real = memoryAnswerStore();
    let back = false;
    const flaky: AnswerStore = { ...real, put: (batch) => (back ? real.put(batch) : away.put(batch)) };
    const { answers, errors, good } = await opened(flaky);
    const one = good();
    answers.keep(one);
    await answers.flush();
    assert.deepEqual(errors, ['write']);
    assert.equal(answers.local(one.key, noDirectives), one);
    assert.equal(answers.queued, 1);
    back = true;
    await answers.flush();
    assert.equal(answers.queued, 0);
    assert.deepEqual(await real.get(one.key), one);
  });

  it('writes large answers a few at a time', async () => {
    const batches: number[] = [];
    const store: AnswerStore = { ...memoryAnswerStore(), put: async (batch) => void batches.push(batch.length) };
    const { answers, good } = await opened(store);
    for (const bytes of [900_000, 900_000, 400_000, 400_000, 10, 10]) answers.keep(good({ body: Buffer.alloc(bytes) }));
    await answers.flush();
    assert.deepEqual(batches, [1, 1, 4]);
    assert.equal(answers.queued, 0);
  });

  it('is a miss where the store fails, and leaves it alone for a while', async () => {
    const asked: string[] = [];
    const get = (key: string) => {
      asked.push(key);
      return away.get(key);
    };
    const { answers, clock, errors } = await opened({ ...away, get });
    assert.equal(await answers.remote('a', noDirectives), undefined);
    assert.equal(await answers.remote('b', noDirectives), undefined);
    assert.deepEqual([asked, errors], [['a'], ['read']]);
    clock.advance(1_001);
    await answers.remote('c', noDirectives);
    assert.deepEqual(asked, ['a', 'c']);
  });

  it('does not wait for a store that does not answer', async () => {
    const { answers } = await opened({ ...away, get: () => new Promise(() => {}) }, { turnMs: 5 });
    assert.equal(await answers.remote('a', noDirectives), undefined);
  });

  it('stays within its memory, and forgets the least recently used', async () => {
    const { answers, good } = await opened(memoryAnswerStore(), { memoryBytes: 10_000 });
    const all = Array.from({ length: 20 }, () => good({ body: Buffer.alloc(1_000) }));
    for (const one of all) answers.keep(one);
    assert.ok(answers.bytes <= 10_000);
    assert.equal(answers.local(all[0]!.key, noDirectives), undefined);
    assert.ok(answers.local(all.at(-1)!.key, noDirectives));
  });

  it('serves nothing that expired, was purged, is older or less fresh than was asked for', async () => {
    const { answers, clock, purges, good } = await opened();
    const one = good();
    answers.keep(one);
    clock.advance(10_000);
    const asking = (control: string) => answers.local(one.key, readDirectives(control, undefined, null)!);
    assert.ok(asking('max-age=10'));
    assert.equal(asking('max-age=9'), undefined);
    assert.equal(asking('max-age=banana'), undefined, 'what is no number is the strictest');
    assert.ok(asking('min-fresh=50'));
    assert.equal(asking('min-fresh=51'), undefined);
    await purges.add('tag', 'prod');
    assert.equal(answers.local(one.key, noDirectives), undefined);
    const two = good({ epoch: purges.newest });
    answers.keep(two);
    assert.ok(answers.local(two.key, noDirectives));
    clock.advance(60_000);
    assert.equal(answers.local(two.key, noDirectives), undefined);
    assert.equal(await answers.remote(two.key, noDirectives), undefined);
  });

  it('hears of purges by other replicas, and vouches for nothing once it cannot hear', async () => {
    const { purges, purgeStore, clock } = await opened();
    await purgeStore.add('team', 'search');
    assert.equal(purges.covers(answer({ epoch: 0 })), false);
    await purges.refresh();
    assert.equal(purges.covers(answer({ epoch: 0 })), true);
    assert.equal(purges.current, true);
    clock.advance(10_001);
    assert.equal(purges.current, false);
  });
});

describe('single flight', () => {
  it('tells all what the leader brings, once', () => {
    const singleFlight = new SingleFlight<number, string>();
    const lead = singleFlight.lead('a')!;
    assert.equal(singleFlight.lead('a'), undefined);
    const told: FlightNews<number, string>[] = [];
    singleFlight.follow('a', (end) => void told.push(end));
    const leave = singleFlight.follow('a', () => assert.fail('it left'));
    leave();
    lead.share(7);
    lead.fail();
    lead.leave();
    assert.deepEqual(told, [{ kind: 'shared', value: 7 }]);
    assert.ok(singleFlight.lead('a'), 'the next one leads');
  });

  it('passes the lead on when the leader leaves, and lets all go when it fails', () => {
    const singleFlight = new SingleFlight<number, string>();
    const told: string[] = [];
    const follow = (name: string) => singleFlight.follow('a', ({ kind }) => void told.push(`${name} ${kind}`));
    const lead = singleFlight.lead('a')!;
    let next = lead;
    singleFlight.follow('a', (end) => {
      told.push(`one ${end.kind}`);
      if (end.kind === 'lead') next = end.lead;
    });
    follow('two');
    lead.leave();
    follow('three');
    lead.share(1);
    assert.deepEqual(told, ['one lead'], 'who left brings nothing any more');
    next.fail();
    assert.deepEqual(told, ['one lead', 'two alone', 'three alone']);
    assert.equal(singleFlight.waiting, 0);
  });
});

describe('the scope', () => {
  it('is never wider than configured', () => {
    assert.equal(narrower('team', 'user'), 'user');
    assert.equal(narrower('key', 'team'), 'key');
    assert.equal(narrower('user', null), 'user');
    assert.deepEqual(tenantOf('team', { key: 'k', team: null, teamSince: null, user: null }), ['key', 'k', null, null]);
    assert.equal(tenantOf('user', { key: 'k', team: 't', teamSince: null, user: null }), null);
  });

  it('has one text for a value, and none for one that can be read in two ways', () => {
    assert.equal(canonical({ b: 1, a: [{ d: null, c: 'x' }] }), '{"a":[{"c":"x","d":null}],"b":1}');
    const reads = (json: string) => readsWhole(Buffer.from(json), JSON.parse(json));
    assert.ok(reads('{"a:b":"c:\\"d\\":","e":[{"f":1.5}]}'));
    assert.ok(!reads('{"a":{"b":1,"b":1}}'));
    assert.ok(!reads('{"a":12345678901234567890}'));
    assert.ok(!reads('{"a":1e999}'));
  });
});

describe('the seal', () => {
  it('opens what it closed for the same entry, and nothing else', async () => {
    const seal = createSeal(Buffer.from('secret'));
    const closed = seal.close(Buffer.from('the answer'), 'entry');
    assert.ok(!closed.includes('answer'));
    assert.equal(seal.open(closed, 'entry')!.toString(), 'the answer');
    assert.equal(seal.open(closed, 'another'), undefined);
    assert.equal(createSeal(Buffer.from('other')).open(closed, 'entry'), undefined);
    closed[20]! ^= 1;
    assert.equal(seal.open(closed, 'entry'), undefined);
    assert.equal(seal.open(Buffer.from('short'), 'entry'), undefined);
    const store = memoryAnswerStore();
    const one = answer();
    await sealedAnswers(store, seal).put([one]);
    assert.notDeepEqual((await store.get(one.key))!.body, one.body);
    assert.deepEqual(await sealedAnswers(store, seal).get(one.key), one);
  });
});
