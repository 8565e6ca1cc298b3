/** Requests that wait for another's answer or read it along: real gateways, and an upstream whose answers the tests time. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, json, type Step, sse, until } from '../support/upstream-steps.js';

const target = {
  targets: [{ provider: 'fake', model: 'm' }],
  price: { input: 0.15, output: 0.6 },
  retry: { max_attempts: 1 },
};
let upstream: FakeUpstream;
let gateway: Gateway;
let asked = 0;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: { cached: { ...target, cache: { share: 'team', semantic: true } } },
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});
beforeEach(() => upstream.always());

const fresh = (): string => `Question number ${++asked}`;
const bodyOf = (content: string, more: object = {}) => ({
  model: 'cached',
  messages: [{ role: 'user', content }],
  ...more,
});
const gate = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};
const whole = (content: string) =>
  json(200, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
  });
const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finish }],
  })}\n\n`;
const usage = `data: ${JSON.stringify({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
})}\n\n`;
const DONE = 'data: [DONE]\n\n';

async function ask(key: string, body: object, headers: Record<string, string> = {}) {
  const response = await gateway.chat(key, body, { headers });
  return { status: response.status, cache: response.headers.get('x-tollgate-cache'), text: await response.text() };
}

/** Until so many requests wait for another's answer. */
async function waiting(many: number): Promise<void> {
  while ((await gateway.admin<{ waiting: number }>('GET', '/cache')).waiting < many);
}

describe('a follower says what it takes', () => {
  const kept = 'How do I reset my password?';
  const near = 'How can I reset my password?';

  it('only-exact: no answer by meaning that the first one got', async () => {
    const { key } = await gateway.key();
    upstream.always(whole('Follow the link that says so.'));
    await ask(key, bodyOf(kept, { seed: 7 }));
    const begun = Date.now();
    let probes = 0;
    while ((await ask(key, bodyOf(`${near}${'?'.repeat(++probes)}`, { seed: 7 }))).cache !== 'semantic')
      assert.ok(Date.now() - begun < 30_000, 'it is found by meaning');
    const only = { 'x-tollgate-cache': 'only-exact' };
    // All at once. Where the first one leads, the others are offered what it found by meaning.
    for (let led = 0; led === 0; ) {
      const body = bodyOf(`${near}${'?'.repeat(++probes)}`, { seed: 7 });
      const calls = upstream.requests.length;
      const all = Array.from({ length: 11 }, (_, i) => ask(key, body, i === 0 ? {} : only));
      const [first, ...others] = (await Promise.all(all)).map(({ cache }) => cache);
      assert.ok(!others.includes('semantic'));
      assert.equal(upstream.requests.length, calls + 1, 'one of them fetched');
      if (first === 'semantic') led += 1;
      assert.ok(probes < 60, 'the first one leads now and then');
    }
  });

  it('min-fresh: no answer that the first one keeps too short a time', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const { open, opened } = gate();
    upstream.next([until(opened), ...whole('short-lived')]);
    const arrival = upstream.arrival();
    const first = ask(key, body, { 'x-tollgate-cache-ttl': '5s' });
    await arrival;
    const second = ask(key, body, { 'cache-control': 'min-fresh=600' });
    const third = ask(key, body);
    await waiting(2);
    open();
    assert.equal((await first).cache, 'miss');
    assert.equal((await second).cache, 'miss');
    assert.equal((await third).cache, 'hit');
  });

  it('max-age: no older answer that the first one found in the store', async () => {
    const { key } = await gateway.key({ team: 'aged' });
    const body = bodyOf(fresh());
    await ask(key, body);
    const replica = await startGateway({
      database: gateway.databaseUrl!,
      config: {
        providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
        models: { cached: { ...target, cache: { share: 'team', semantic: true } } },
      },
    });
    try {
      const on = async (headers: Record<string, string>) =>
        (await replica.chat(key, body, { headers })).headers.get('x-tollgate-cache');
      const begun = Date.now();
      while (Date.now() - begun < 1_100) await gateway.admin('GET', '/cache'); // it is older than a second then
      const [, second] = await Promise.all([on({}), on({ 'cache-control': 'max-age=1' })]);
      assert.equal(second, 'miss');
    } finally {
      await replica.close();
    }
  });
});

/** A stream that one request fetches: its first piece is out, the rest waits for `open`. */
async function leading(key: string, body: object, rest: readonly (Step | string)[]) {
  const { open, opened } = gate();
  upstream.next(sse(chunk('first'), until(opened), ...rest));
  const leaver = new AbortController();
  const response = await gateway.chat(key, body, { signal: leaver.signal });
  const reader = response.body!.getReader();
  const begin = new TextDecoder().decode((await reader.read()).value);
  assert.match(begin, /first/);
  const text = async (): Promise<string> => {
    let said = begin;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      said += new TextDecoder().decode(piece.value);
    return said;
  };
  return { open, text, response, leave: () => leaver.abort() };
}

async function following(key: string, body: object) {
  const response = await gateway.chat(key, body);
  const reader = response.body!.getReader();
  const begin = new TextDecoder().decode((await reader.read()).value);
  const text = async (): Promise<string> => {
    let said = begin;
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        said += new TextDecoder().decode(piece.value);
    } catch {
      said += '<broken off>';
    }
    return said;
  };
  return { begin, text, cache: response.headers.get('x-tollgate-cache'), id: response.headers.get('x-request-id')! };
}

describe('a follower of a stream', () => {
  const streamed = (more: object = {}) => bodyOf(fresh(), { stream: true, ...more });

  it('gets it as it comes, and is a hit that costs nothing', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const calls = upstream.requests.length;
    const leader = await leading(key, body, [chunk(' and last', 'stop'), usage, DONE]);
    const followers = [await following(key, body), await following(key, body)];
    for (const { begin, cache } of followers) {
      assert.match(begin, /first/, 'before the upstream has said more');
      assert.equal(cache, 'hit');
    }
    leader.open();
    const told = await leader.text();
    for (const { text } of followers) assert.equal(await text(), told);
    assert.equal(upstream.requests.length, calls + 1);
    const [entry] = await gateway.entries(followers[0]!.id);
    assert.equal(entry!.cost_nusd['total'], 0);
    assert.equal(entry!.status, 200);
    const [paid] = await gateway.entries(leader.response.headers.get('x-request-id')!);
    assert.ok(paid!.cost_nusd['total']! > 0);
    assert.equal((await ask(key, body)).cache, 'hit', 'and it is kept');
  });

  it('is told of itself in the last chunk, not of the one that fetched', async () => {
    const { key } = await gateway.key();
    const body = streamed({ stream_options: { include_usage: true } });
    const leader = await leading(key, body, [chunk(' and last', 'stop'), usage, DONE]);
    const follower = await following(key, body);
    leader.open();
    assert.match(await leader.text(), /"x_tollgate":\{"cost_usd":"0\.0000\d+","attempts":1,"cache":"miss"\}/);
    assert.match(await follower.text(), /"x_tollgate":\{"cost_usd":"0\.000000000","attempts":0,"cache":"hit"\}/);
  });

  it('waits for the whole answer where it wants that told in another way', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const leader = await leading(key, body, [chunk(' and last', 'stop'), usage, DONE]);
    const others = [
      { ...body, stream: false },
      { ...body, stream_options: { include_usage: true } },
    ].map((other) => ask(key, other));
    await waiting(2);
    leader.open();
    for (const { cache, text } of await Promise.all(others)) {
      assert.equal(cache, 'hit');
      assert.match(text, /first and last|and last/);
    }
  });

  it('does not pay a second time for an answer that cannot be kept', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const calls = upstream.requests.length;
    const leader = await leading(key, body, [chunk(' and cut', 'length'), usage, DONE]);
    const follower = await following(key, body);
    leader.open();
    assert.equal(await follower.text(), await leader.text());
    assert.equal(upstream.requests.length, calls + 1);
    const [entry] = await gateway.entries(follower.id);
    assert.equal(entry!.cost_nusd['total'], 0);
    assert.equal((await ask(key, { ...body, stream: false })).cache, 'miss', 'it is not kept');
  });

  it('is broken off where the upstream breaks off, with an error that says so', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const leader = await leading(key, body, [cut]);
    const follower = await following(key, body);
    leader.open();
    const [text] = await Promise.all([follower.text(), leader.text().catch(() => {})]);
    assert.match(text, /"code":"upstream_error"/);
    assert.doesNotMatch(text, /\[DONE\]/);
    const [entry] = await gateway.entries(follower.id);
    assert.equal(entry!.status, 502);
    assert.equal(entry!.cost_nusd['total'], 0);
  });

  it('gets all of it though the one that fetched leaves, which pays for it', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const calls = upstream.requests.length;
    const leader = await leading(key, body, [chunk(' and last', 'stop'), usage, DONE]);
    const follower = await following(key, body);
    const response = await gateway.chat(key, body);
    await response.body!.cancel(); // one that leaves early takes nothing away
    leader.leave();
    leader.open();
    const text = await follower.text();
    assert.match(text, /and last/);
    assert.ok(text.endsWith(DONE));
    assert.equal(upstream.requests.length, calls + 1);
    const [paid] = await gateway.entries(leader.response.headers.get('x-request-id')!);
    assert.equal(paid!.tokens['output'], 3);
    assert.equal((await ask(key, body)).cache, 'hit');
  });

  it('ends with the last who reads it: then the upstream is left', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const leader = await leading(key, body, []);
    const gone = new AbortController();
    const follower = await gateway.chat(key, body, { signal: gone.signal });
    await follower.body!.getReader().read();
    leader.leave();
    const exchange = upstream.requests.at(-1)!;
    gone.abort();
    await exchange.over;
    assert.notEqual(exchange.abortedAt, undefined);
  });

  it('says how long it waits, and is told when that is over', async () => {
    const { key } = await gateway.key();
    const body = streamed();
    const leader = await leading(key, body, [chunk(' and last', 'stop'), usage, DONE]);
    const response = await gateway.chat(key, body, { headers: { 'x-tollgate-timeout': '400ms' } });
    assert.match(await textAsFarAsItComes(response), /first[\s\S]*"code":"upstream_timeout"/);
    leader.open();
    assert.match(await leader.text(), /and last/);
  });
});

describe('where the budget is used up', () => {
  it('a hit is given all the same, and nothing else', async () => {
    const limits = [{ unit: 'usd', max: '0.00003', per: 'month', on_exhausted: 'reject' }];
    const { key } = await gateway.key({ limits });
    const body = bodyOf(fresh(), { max_tokens: 20 });
    assert.equal((await ask(key, body)).cache, 'miss');
    let other = await ask(key, bodyOf(fresh(), { max_tokens: 20 }));
    while (other.status === 200) other = await ask(key, bodyOf(fresh(), { max_tokens: 20 }));
    assert.equal(other.status, 429);
    for (const stream of [false, true]) {
      const again = await ask(key, { ...body, stream });
      assert.equal(again.status, 200, again.text);
      assert.equal(again.cache, 'hit');
    }
    assert.equal((await ask(key, body, { 'x-tollgate-cache': 'refresh' })).status, 429);
    assert.equal((await ask(key, body, { 'x-tollgate-cache': 'off' })).status, 429);
  });

  it('a hit counts as a request, of which there may be none left', async () => {
    const limits = [
      { unit: 'usd', max: '0.00003', per: 'month', on_exhausted: 'reject' },
      { unit: 'requests', max: 6, per: 'day' },
    ];
    const { key } = await gateway.key({ limits });
    const body = bodyOf(fresh(), { max_tokens: 20 });
    await ask(key, body);
    const states: (string | number | null)[] = [];
    for (let i = 0; i < 8; i++) {
      const { status, cache } = await ask(key, body);
      states.push(status === 200 ? cache : status);
    }
    assert.deepEqual(states, ['hit', 'hit', 'hit', 'hit', 'hit', 429, 429, 429]);
  });
});
