/** The semantic tier with an embedding model behind a provider: a real gateway, a real Postgres, vectors that the test makes. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { editAndWait, eventually } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Behaviour, json, openaiError, type Received, type Step, stall } from '../support/upstream-steps.js';

const target = {
  targets: [{ provider: 'fake', model: 'm' }],
  price: { input: 0.15, output: 0.6 },
  retry: { max_attempts: 1 },
};

const asked = 'How do I reset my password?';
const near = 'How can I reset my password?';
const less = 'What do I do to reset my password?';
/** Similarity to the first: 0.98 and 0.9. The vectors have other lengths than one. */
const vectors: Record<string, number[]> = {
  [asked]: [5, 0, 0],
  [near]: [9.8, 1.99, 0],
  [less]: [0.9, 0.4359, 0],
};

let chats: FakeUpstream;
let embeds: FakeUpstream;
let gateway: Gateway;

function embeddings(request: Received): readonly Step[] {
  const { input, dimensions } = request.json() as { input: string; dimensions?: number };
  const vector = [...(vectors[input] ?? [0, 0, 1]), ...Array<number>((dimensions ?? 3) - 3).fill(0)];
  const data = [{ object: 'embedding', index: 0, embedding: vector }];
  return json(200, { object: 'list', data, model: 'embed-1', usage: { prompt_tokens: 7, total_tokens: 7 } });
}

before(async () => {
  chats = await startUpstream();
  embeds = await startUpstream();
  chats.always((request) => {
    const { messages } = request.json() as { messages: { content: string }[] };
    const message = { role: 'assistant', content: `The answer to: ${messages.at(-1)!.content}` };
    return json(200, {
      ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'm' },
      choices: [{ index: 0, finish_reason: 'stop', message, logprobs: null }],
      usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
    });
  });
  gateway = await startGateway({
    config: {
      defaults: { breaker: { min_requests: 1000 } },
      cache: { embedding: { type: 'provider', model: 'embedder', timeout: '400ms' } },
      providers: {
        fake: { type: 'openai-compatible', base_url: `${chats.url}/v1`, api_key: 'sk-chats' },
        embeds: { type: 'openai-compatible', base_url: `${embeds.url}/v1`, api_key: 'sk-embeds' },
      },
      models: {
        embedder: {
          targets: [{ provider: 'embeds', model: 'embed-1' }],
          price: { input: 2, output: 0 },
          retry: { max_attempts: 1 },
          limits: [{ unit: 'usd', max: 1, per: 'month' }],
        },
        'other-embedder': { targets: [{ provider: 'embeds', model: 'embed-9' }], price: { input: 2, output: 0 } },
        safe: { ...target, cache: { semantic: true, share: 'team' } },
        loose: { ...target, cache: { semantic: { threshold: 0.8 }, share: 'team' } },
      },
    },
  });
});
beforeEach(() => embeds.always(embeddings));
after(async () => {
  await gateway?.close();
  await chats?.stop();
  await embeds?.stop();
});

interface More {
  readonly model?: string;
  readonly body?: object;
}

async function ask(key: string, prompt: string, { model = 'safe', body = {} }: More = {}) {
  const startedAt = performance.now();
  const response = await gateway.chat(key, { model, messages: [{ role: 'user', content: prompt }], ...body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return {
    cache: response.headers.get('x-tollgate-cache'),
    similarity: response.headers.get('x-tollgate-cache-similarity'),
    cost: response.headers.get('x-tollgate-cost-usd'),
    tookMs: performance.now() - startedAt,
    text,
  };
}

interface Stats {
  readonly semantic: { readonly learning: number; readonly skipped: Record<string, number> };
}
const stats = () => gateway.admin<Stats>('GET', '/cache');
const settled = () => eventually('a lesson', async () => ((await stats()).semantic.learning === 0 ? true : undefined));

async function teach(key: string, prompt: string, more: More = {}) {
  const answer = await ask(key, prompt, more);
  await settled();
  return answer;
}

interface OwnEntry {
  readonly at: string;
  readonly endpoint: string;
  readonly status: number;
  readonly error: string | null;
  readonly team: string | null;
  readonly tags: string[];
  readonly model: string;
  readonly target: string;
  readonly tokens: { input: number; output: number };
  readonly cost_nusd: { total: number };
}
const ownEntries = async () => (await gateway.admin<{ data: OwnEntry[] }>('GET', '/usage?key=gateway&limit=100')).data;

describe('prompts that a provider embeds', () => {
  it('are answered by meaning, at the similarity of the vectors brought to length one', async () => {
    const { key } = await gateway.key({ team: 'one' });
    assert.equal((await teach(key, asked)).cache, 'miss');
    const sent = embeds.requests.length;
    const hit = await ask(key, near);
    assert.equal(hit.cache, 'semantic');
    assert.equal(hit.similarity, '0.9800');
    assert.ok(hit.text.includes(`The answer to: ${asked}`));
    assert.equal(embeds.requests.length, sent + 1);
    const { path, body, headers } = embeds.requests.at(-1)!;
    assert.equal(path, '/v1/embeddings');
    assert.deepEqual(JSON.parse(body.toString()), { model: 'embed-1', input: near, encoding_format: 'base64' });
    assert.equal(headers.authorization, 'Bearer sk-embeds');
  });

  it('hit from 0.95 on, unless the model says another threshold', async () => {
    const { key } = await gateway.key({ team: 'two' });
    await teach(key, asked);
    assert.equal((await ask(key, less)).cache, 'miss');
    await teach(key, asked, { model: 'loose' });
    const hit = await ask(key, less, { model: 'loose' });
    assert.equal(hit.cache, 'semantic');
    assert.equal(hit.similarity, '0.9000');
  });

  it('cost what the ledger says, under the key of the gateway, and not the caller', async () => {
    const { key, id } = await gateway.key({ team: 'three', limits: [{ unit: 'usd', max: 1, per: 'month' }] });
    const before = (await ownEntries()).length;
    await teach(key, asked);
    const hit = await ask(key, near);
    assert.equal(hit.cost, '0.000000000');
    const entries = await eventually('two entries', async () => {
      const all = await ownEntries();
      return all.length === before + 2 ? all : undefined;
    });
    const [entry] = entries;
    assert.deepEqual([entry!.endpoint, entry!.status, entry!.team], ['embeddings', 200, null]);
    assert.deepEqual([entry!.model, entry!.target, entry!.tags], ['embedder', 'embeds/embed-1', ['semantic-cache']]);
    assert.deepEqual([entry!.tokens.input, entry!.tokens.output, entry!.cost_nusd.total], [7, 0, 14_000]);
    const { data } = await gateway.admin<{ data: { spent: string }[] }>('GET', `/limits?key=${id}`);
    assert.equal(data[0]!.spent, '0.000006750'); // the chat alone: 9 x 0.15 + 9 x 0.60
    const model = await gateway.admin<{ data: { spent: string; held: string }[] }>('GET', '/limits?model=embedder');
    assert.equal(Number(model.data[0]!.spent), (entries.length * 14_000) / 1e9);
    assert.equal(model.data[0]!.held, '0.000000000');
  });

  it('are misses where the provider fails, stalls, answers nonsense or is cut, and no request fails', async () => {
    const { key } = await gateway.key({ team: 'four' });
    await teach(key, asked);
    const nonsense = (body: unknown): Behaviour => json(200, body);
    const failures: readonly Behaviour[] = [
      openaiError(500, { message: 'broken' }),
      openaiError(401, { message: 'no' }),
      nonsense({ data: [] }),
      nonsense({ data: [{ embedding: [0, 0, 0] }] }),
      nonsense({ data: [{ embedding: 'AAA' }] }),
      nonsense('<html>'),
    ];
    for (const [i, failure] of failures.entries()) {
      embeds.always(failure);
      assert.equal((await ask(key, near, { body: { seed: i } })).cache, 'miss');
      await settled();
    }
    embeds.always([stall]);
    const busy = (await stats()).semantic.skipped['busy'] ?? 0;
    const late = await ask(key, near, { body: { seed: 100 } });
    assert.equal(late.cache, 'miss');
    assert.ok(late.tookMs >= 390 && late.tookMs < 1500, String(late.tookMs));
    assert.equal((await stats()).semantic.skipped['busy'], busy + 1);
    embeds.always(embeddings);
    const entry = await eventually('the entry of a timeout', async () =>
      (await ownEntries()).find(({ error }) => error === 'upstream_timeout'),
    );
    assert.ok(entry.cost_nusd.total > 0, 'what was sent may have been billed');
    await settled();
    assert.equal((await ask(key, near)).cache, 'semantic');
  });

  it('of another model, or of other dimensions, are never compared, and are found again afterwards', async () => {
    const { key } = await gateway.key({ team: 'five' });
    const by = (change: object) =>
      editAndWait(gateway, (config) => {
        config.cache.embedding = { type: 'provider', model: 'embedder', timeout: '400ms', ...change };
      });
    /** Prompts as near to the first as the near one; each is new, so that none is found as the same request. */
    let count = 0;
    const another = (): string => {
      const prompt = `How can I reset my password${'?'.repeat(++count)}`;
      vectors[prompt] = vectors[near]!;
      return prompt;
    };
    await teach(key, asked);
    assert.equal((await ask(key, another())).cache, 'semantic');
    for (const change of [{ model: 'other-embedder' }, { dimensions: 1536 }]) {
      await by(change);
      assert.equal((await teach(key, another())).cache, 'miss', 'found among the vectors of another model');
      const hit = await eventually('the table of this model', async () => {
        const { cache } = await ask(key, another());
        return cache === 'semantic' ? cache : undefined;
      });
      assert.ok(hit);
    }
    assert.equal((JSON.parse(embeds.requests.at(-1)!.body.toString()) as { dimensions: number }).dimensions, 1536);
    await editAndWait(gateway, (config) => {
      config.cache.embedding = { type: 'local' };
    });
    const sent = embeds.requests.length;
    assert.equal((await teach(key, another())).cache, 'miss');
    assert.equal(embeds.requests.length, sent);
    await by({});
    const back = await eventually('the first table', async () => {
      const answer = await ask(key, another());
      return answer.cache === 'semantic' ? answer : undefined;
    });
    assert.ok(back.text.includes(`The answer to: ${asked}`));
  });

  it('can be those of a model that only the provider knows, once it has a price', async () => {
    const { key } = await gateway.key({ team: 'six' });
    await editAndWait(gateway, (config) => {
      config.cache.embedding = { type: 'provider', provider: 'embeds', model: 'embed-2' };
    });
    await teach(key, asked);
    assert.equal((await ask(key, near)).cache, 'miss');
    await eventually(
      'the warning',
      () => /prompts are not embedded until it is priced/.test(gateway.output) || undefined,
    );
    const sent = embeds.requests.length;
    await editAndWait(gateway, (config) => {
      config.defaults.price = { input: 1, output: 1 };
    });
    await teach(key, asked, { body: { seed: 1 } });
    assert.equal((await ask(key, near, { body: { seed: 1 } })).cache, 'semantic');
    // One more where a machine that is busy missed the first turn: the prompt is learned later.
    assert.ok(embeds.requests.length >= sent + 2);
    assert.equal((JSON.parse(embeds.requests.at(-1)!.body.toString()) as { model: string }).model, 'embed-2');
    const [entry] = await ownEntries();
    assert.deepEqual([entry!.model, entry!.target], ['embeds/embed-2', 'embeds/embed-2']);
    // Callers cannot ask for it.
    const response = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'embeds/embed-2', input: 'x' }),
    });
    assert.equal(response.status, 404);
  });
});
