/** What every answer store promises, with its purges and its prompts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AnswerStore, CachedAnswer, PurgeKind } from '../../src/cache/cache.js';
import type { PurgeStore } from '../../src/cache/purges.js';
import type { PromptStore } from '../../src/cache/semantic/prompt-store.js';
import { noUsage } from '../../src/formats/usage.js';

export interface CacheStores {
  readonly answers: AnswerStore;
  readonly purges: PurgeStore;
  readonly prompts: PromptStore;
  close(): Promise<void>;
}

let made = 0;
const NOW = 1_764_000_000_000;

export const answer = (given: Partial<CachedAnswer> = {}): CachedAnswer => ({
  id: `cch_${++made}`,
  key: `key-${made}`,
  body: Buffer.from([0, 1, 255, made % 256]),
  model: 'm',
  team: 'search',
  key_id: 'key_01h',
  tags: ['prod'],
  provider: 'p',
  target: 'p/m',
  served_model: null,
  price_version: '2026-11-20',
  tokens: { ...noUsage(), input: 3, output: 4 },
  cost_nusd: 6_900,
  epoch: 0,
  created_at: NOW,
  expires_at: NOW + 60_000,
  ...given,
});

export function cacheContract(name: string, open: () => Promise<CacheStores>): void {
  describe(`the cache's stores: ${name}`, () => {
    let stores: CacheStores;
    before(async () => {
      stores = await open();
    });
    after(() => stores.close());

    const prompt = (key: string, scope = 's', first = 1) => ({
      key,
      scope,
      prompt: Buffer.from(`prompt of ${key}`),
      vector: Float32Array.from([first, 0.5, -0.25]),
      answer_vector: new Float32Array(0),
      answer_group: 'g',
      whole_answer: true,
    });

    test('an answer comes back as it was put, and an unknown key is nothing', async () => {
      const one = answer({ team: null, tags: [], served_model: 'm-2' });
      await stores.answers.put([one, answer()]);
      assert.deepEqual(await stores.answers.get(one.key), one);
      assert.equal(await stores.answers.get('nobody'), undefined);
      await stores.answers.put([]);
    });

    test('a large answer comes back as it was put, beside small ones, and is replaced as they are', async () => {
      const large = (bytes: number) =>
        answer({ body: Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8)) % 256)) });
      const all = [
        answer(),
        large(65_537),
        answer(),
        large(1_000_003),
        large(65_536),
        answer({ body: Buffer.alloc(0) }),
      ];
      await stores.answers.put(all);
      for (const one of all) assert.deepEqual(await stores.answers.get(one.key), one);
      const [, one] = all;
      await stores.prompts.put(prompt(one!.key, 'large'));
      const kept = (await stores.prompts.answer('large', one!.key))!;
      assert.deepEqual([kept.id, kept.body.equals(one!.body)], [one!.id, true]);
      const newer = answer({ key: one!.key, body: Buffer.alloc(200_000, 'x'), created_at: NOW + 1 });
      await stores.answers.put([newer]);
      assert.deepEqual(await stores.answers.get(one!.key), newer);
    });

    test('of two answers under one key the later stays, also within a batch', async () => {
      const first = answer({ key: 'twice', created_at: NOW });
      const second = answer({ key: 'twice', created_at: NOW + 5 });
      await stores.answers.put([first]);
      await stores.answers.put([answer({ key: 'twice', created_at: NOW + 1 }), second]);
      assert.equal((await stores.answers.get('twice'))!.id, second.id);
    });

    test('an entry is removed by its id, once', async () => {
      const one = answer();
      await stores.answers.put([one]);
      assert.equal(await stores.answers.remove(one.id), true);
      assert.equal(await stores.answers.remove(one.id), false);
      assert.equal(await stores.answers.get(one.key), undefined);
    });

    test('what a purge covers is counted, without what has expired', async () => {
      const kept = answer({ model: 'counted', team: 'counted', key_id: 'counted', tags: ['other', 'counted'] });
      const expired = { ...answer({ model: 'counted' }), expires_at: NOW - 1 };
      await stores.answers.put([kept, expired, answer()]);
      for (const kind of ['model', 'team', 'key', 'tag'] as const)
        assert.equal(await stores.answers.count(kind, 'counted', NOW, []), 1, kind);
      assert.equal(await stores.answers.count('entry', kept.id, NOW, []), 1);
      assert.equal(await stores.answers.count('model', 'of nobody', NOW, []), 0);
      const before = [{ kind: 'tag' as const, name: 'counted', seq: kept.epoch + 1 }];
      assert.equal(await stores.answers.count('model', 'counted', NOW, before), 0, 'it is purged already');
      assert.ok((await stores.answers.count('all', '', NOW, [])) >= 2);
    });

    test('a sweep deletes what expired and what a purge covers, no more than it may, and nothing else', async () => {
      const covered: [PurgeKind, string, Partial<CachedAnswer>][] = [
        ['model', 'gone', { model: 'gone' }],
        ['team', 'gone', { team: 'gone' }],
        ['key', 'gone', { key_id: 'gone' }],
        ['tag', 'gone', { tags: ['kept', 'gone'] }],
      ];
      const old = covered.map(([, , fields]) => answer({ ...fields, epoch: 4 }));
      const fresh = covered.map(([, , fields]) => answer({ ...fields, epoch: 5 }));
      const expired = answer({ expires_at: NOW - 1 });
      const single = answer();
      await stores.answers.put([...old, ...fresh, expired, single]);
      const purges = [
        ...covered.map(([kind, of]) => ({ kind, name: of, seq: 5 })),
        { kind: 'entry' as const, name: single.id, seq: 5 },
      ];
      assert.equal(await stores.answers.sweep(NOW, purges, 2), 2);
      while ((await stores.answers.sweep(NOW, purges, 100)) > 0);
      for (const { key } of [...old, expired, single]) assert.equal(await stores.answers.get(key), undefined);
      for (const { key } of fresh) assert.ok(await stores.answers.get(key));
    });

    test('purges are numbered in one sequence, and the last of each name counts', async () => {
      const one = await stores.purges.add('team', "a'; drop table");
      const two = await stores.purges.add('model', 'm');
      const again = await stores.purges.add('team', "a'; drop table");
      assert.ok(one.seq < two.seq && two.seq < again.seq);
      const since = await stores.purges.since(one.seq);
      assert.ok(since.some(({ kind, seq }) => kind === 'team' && seq === again.seq));
      assert.ok(since.some(({ kind, seq }) => kind === 'model' && seq === two.seq));
      assert.deepEqual(await stores.purges.since(again.seq), []);
    });

    test('prompts are paged in order, read only within their scope, and go with their answers', async () => {
      const all = [answer(), answer(), answer()];
      await stores.answers.put(all);
      for (const { key } of all) await stores.prompts.put(prompt(key));
      const first = await stores.prompts.page('s', 0, 2);
      assert.deepEqual(
        first.map(({ key }) => key),
        [all[0]!.key, all[1]!.key],
      );
      assert.deepEqual([...first[0]!.vector], [1, 0.5, -0.25]);
      assert.equal((await stores.prompts.page('s', first[1]!.seq, 2)).length, 1);
      const [second, ...others] = await stores.prompts.texts('s', first[0]!.seq, 1, []);
      assert.deepEqual([second!.key, second!.seq, others.length], [all[1]!.key, first[1]!.seq, 0]);
      assert.equal(second!.prompt.toString(), `prompt of ${all[1]!.key}`);
      assert.deepEqual(await stores.prompts.texts('another', 0, 9, []), []);
      const [third, ...more] = await stores.prompts.texts('s', first[0]!.seq, 9, [0, first[1]!.seq]);
      assert.deepEqual([third!.key, more.length], [all[2]!.key, 0]);
      const keys = all.map(({ key }) => key);
      assert.deepEqual(await stores.prompts.read('another', keys), []);
      const [read] = await stores.prompts.read('s', [keys[0]!, 'nobody']);
      const { body, provider, target, served_model, price_version, tokens, cost_nusd, ...head } = all[0]!;
      assert.deepEqual(read!.answer, head);
      assert.equal(read!.prompt.toString(), `prompt of ${keys[0]}`);
      const kept = await stores.prompts.answer('s', keys[0]!);
      assert.deepEqual([kept!.id, kept!.body.toString(), kept!.vector.length], [head.id, body.toString(), 0]);
      assert.equal(await stores.prompts.answer('another', keys[0]!), undefined);
      await stores.answers.remove(all[0]!.id);
      assert.deepEqual(await stores.prompts.read('s', [keys[0]!]), []);
      assert.equal(await stores.prompts.answer('s', keys[0]!), undefined);
    });

    test('a prompt without its answer is not kept, and one that is put again comes after the others', async () => {
      await stores.prompts.put(prompt('no answer', 'lone'));
      assert.deepEqual(await stores.prompts.read('lone', ['no answer']), []);
      const [one, two] = [answer(), answer()];
      await stores.answers.put([one, two]);
      for (const { key } of [one, two, one]) await stores.prompts.put(prompt(key, 'again', 2));
      assert.deepEqual(
        (await stores.prompts.page('again', 0, 10)).map(({ key }) => key),
        [two.key, one.key],
      );
    });

    test('observations come back oldest first, the latest ones, until they are swept', async () => {
      for (let i = 0; i < 5; i++) {
        const observation = {
          scope: 'seen',
          team: 't',
          similarity: 0.5,
          correct: i > 2,
          weight: 20,
          audit: true,
          at: NOW + i,
        };
        await stores.prompts.observe(observation);
      }
      const latest = await stores.prompts.observations('seen', 3);
      assert.deepEqual(
        latest.map(({ at, correct }) => [at - NOW, correct]),
        [
          [2, false],
          [3, true],
          [4, true],
        ],
      );
      await stores.prompts.sweep(NOW + 4);
      assert.equal((await stores.prompts.observations('seen', 10)).length, 1);
    });
  });
}
