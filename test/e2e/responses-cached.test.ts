/** Answers of the Responses API from the cache: what one caller is told says nothing of another's request. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type ResponsesGateway, startResponsesGateway } from '../support/responses-gateway.js';
import { sse, until } from '../support/upstream-steps.js';

let started: ResponsesGateway;
let ann: OpenAI;
let bob: OpenAI;
const cached = ['cached-native', 'cached-chat'] as const;

before(async () => {
  const of = (provider: string, model: string) => ({
    targets: [{ provider, model }],
    price: { input: 1, output: 2 },
    cache: { share: 'team' },
  });
  started = await startResponsesGateway({}, () => ({
    models: { 'cached-native': of('openai', 'gpt-4o'), 'cached-chat': of('compatible', 'open-model') },
  }));
  await started.gateway.admin('POST', '/teams', { name: 'both' });
  const client = async () =>
    new OpenAI({
      baseURL: `${started.gateway.url}/v1`,
      apiKey: (await started.gateway.key({ team: 'both' })).key,
      maxRetries: 0,
    });
  ann = await client();
  bob = await client();
});
after(() => started?.close());

type Asked = OpenAI.Responses.ResponseCreateParamsNonStreaming;
type Told = OpenAI.Responses.Response & { conversation?: { id: string } | null };

const ask = async (client: OpenAI, body: Asked, streamed: boolean): Promise<Told> =>
  streamed
    ? ((await client.responses.stream(body as never).finalResponse()) as unknown as Told)
    : client.responses.create(body);

let asked = 0;
const fresh = () => `Say ${++asked}`;

for (const model of cached)
  for (const streamed of [false, true])
    describe(`a kept answer of ${model}, ${streamed ? 'streamed' : 'whole'}`, () => {
      it('names the conversation of the one who asked', async () => {
        const input = fresh();
        const [his, hers] = [await bob.conversations.create(), await ann.conversations.create()];
        const first = await ask(ann, { model, input, conversation: hers.id }, streamed);
        const calls = started.upstream.requests.length;
        const second = await ask(bob, { model, input, conversation: his.id }, streamed);
        assert.equal(started.upstream.requests.length, calls, 'it comes from the cache');
        assert.deepEqual(first.conversation, { id: hers.id });
        assert.deepEqual(second.conversation, { id: his.id });
        const plain = await ask(bob, { model, input }, streamed);
        assert.equal(started.upstream.requests.length, calls);
        assert.equal(plain.conversation ?? null, null);
        assert.ok(!JSON.stringify([second, plain]).includes(hers.id));
        assert.equal((await bob.conversations.items.list(his.id)).data.length, 2);
        assert.deepEqual((await bob.responses.retrieve(second.id)).id, second.id);
      });

      it('repeats what its own request says of itself, and nothing that another one said', async () => {
        const input = fresh();
        const hers = {
          metadata: { of: 'ann-secret' },
          safety_identifier: 'ann-secret',
          prompt_cache_key: 'ann-secret',
        };
        await ask(ann, { model, input, ...hers }, streamed);
        const calls = started.upstream.requests.length;
        const bare = await ask(bob, { model, input, store: false }, streamed);
        const his = await ask(bob, { model, input, metadata: { of: 'bob' }, safety_identifier: 'bob' }, streamed);
        assert.equal(started.upstream.requests.length, calls, 'they come from the cache');
        assert.ok(!JSON.stringify([bare, his]).includes('ann-secret'));
        assert.equal((bare as unknown as { store: boolean }).store, false);
        assert.deepEqual(his.metadata, { of: 'bob' });
      });
    });

describe('an answer that is still coming', () => {
  /** Chunks of a chat completion that end when they are let go. */
  const held = () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const chunk = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const usage = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } })}\n\n`;
    const [head, first] = sse(chunk({ role: 'assistant', content: 'slowly' })) as [never, never];
    const rest = sse(chunk({}, 'stop'), usage, 'data: [DONE]\n\n').slice(1);
    started.upstream.next([head, first, until(opened), ...rest]);
    return open;
  };

  it('is not read along by a key or a request that would be told something else, and each finds its own', async () => {
    const input = fresh();
    const open = held();
    const arrival = started.upstream.arrival();
    const hers = await ann.conversations.create();
    const first = ask(ann, { model: 'cached-chat', input, conversation: hers.id }, true);
    await arrival;
    const second = ask(bob, { model: 'cached-chat', input, metadata: { of: 'bob' } }, true);
    while ((await started.gateway.admin<{ waiting: number }>('GET', '/cache')).waiting < 1);
    open();
    const [one, two] = await Promise.all([first, second]);
    assert.equal(two.output_text, 'slowly');
    assert.notEqual(one.id, two.id);
    assert.ok(!JSON.stringify(two).includes(hers.id));
    assert.deepEqual(two.metadata, { of: 'bob' });
    assert.equal((await bob.responses.retrieve(two.id)).id, two.id);
  });
});
