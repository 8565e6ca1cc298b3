/** Prompts embedded by a provider: what is a vector, how many at once, how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, type AskProvider, providerPrompts } from '../../../src/cache/semantic/prompt-embedder.js';

const settings = { timeoutMs: 5_000, dimensions: null };
const answering =
  (embedding: unknown): AskProvider =>
  async () => ({ embedding, target: 'p/m' });
const embedderOf = (ask: AskProvider, more: Partial<typeof settings> = {}) =>
  providerPrompts(ask)({ ...settings, ...more });

test('a vector is brought to length one, and its space names the target, the dimensions and the length', async () => {
  const bytes = Buffer.from(Float32Array.from([3, 4]).buffer).toString('base64');
  for (const embedding of [[3, 4], bytes]) {
    const { vector, space } = (await embedderOf(answering(embedding)).embed('x'))!;
    assert.deepEqual(
      [...vector].map((value) => value.toFixed(4)),
      ['0.6000', '0.8000'],
    );
    assert.equal(space, 'provider/p/m/own/2');
  }
  const asked = providerPrompts(answering([1, 0]))({ timeoutMs: 5_000, dimensions: 2 });
  assert.equal((await asked.embed('x'))!.space, 'provider/p/m/2/2');
});

test('what is no vector is none', async () => {
  for (const embedding of [undefined, null, [], ['a'], [0, 0], [Number.NaN], 'AAA=', '', { float: [1] }])
    await assert.rejects(embedderOf(answering(embedding)).embed('x'), /no vector/, String(embedding));
});

test('a long text is not sent', async () => {
  const asked: string[] = [];
  const embedder = embedderOf(async (text) => {
    asked.push(text);
    return { embedding: [1], target: 'p/m' };
  });
  assert.equal(await embedder.embed('x'.repeat(8_001)), undefined);
  assert.deepEqual(asked, []);
});

test('so many run at once and no more, whatever the settings are by now; those that can wait have places of their own', async () => {
  const ends: ((answered: Answered) => void)[] = [];
  const make = providerPrompts(() => new Promise((resolve) => ends.push(resolve)));
  const running = Array.from({ length: 64 }, () => make(settings).embed('x'));
  await assert.rejects(make({ ...settings, dimensions: null }).embed('x'), /too many/);
  const idle = make(settings).embedIdly('x');
  for (const end of ends) end({ embedding: [1], target: 'p/m' });
  assert.equal((await Promise.all([...running, idle])).length, 65);
  const next = make(settings).embed('x');
  ends.at(-1)!({ embedding: [1], target: 'p/m' });
  assert.ok(await next);
});

test('the wait ends in time, and a call that is still out keeps its place', async () => {
  let end: (answered: Answered) => void = () => {};
  const make = providerPrompts(
    () =>
      new Promise((resolve) => {
        end = resolve;
      }),
  );
  await assert.rejects(make({ timeoutMs: 20, dimensions: null }).embed('x'), /within 20 ms/);
  end({ embedding: [1], target: 'p/m' });
});

test('a failure of the provider is told', async () => {
  const failing: AskProvider = async () => {
    throw new Error('no target');
  };
  await assert.rejects(embedderOf(failing).embed('x'), /no target/);
});
