/** The exact tier through the public surface: a real gateway, a real Postgres, an upstream that counts its calls. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, json, openaiError, pause, sse, until } from '../support/upstream-steps.js';

const price = { input: 0.15, output: 0.6 };
const target = (model: string) => ({ targets: [{ provider: 'fake', model }], price, retry: { max_attempts: 1 } });

let upstream: FakeUpstream;
let gateway: Gateway;
let prompts = 0;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: {
        cached: { ...target('m'), cache: { exact: true, ttl: '1h', share: 'team' } },
        other: { ...target('m'), cache: { exact: true, share: 'team' } },
        'by-key': { ...target('m'), cache: { share: 'key' } },
        'by-user': { ...target('m'), cache: { share: 'user' } },
        brief: { ...target('m'), cache: { ttl: '700ms' } },
        plain: target('m'),
      },
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});
beforeEach(() => upstream.always());

interface Asked {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** A prompt that nobody asked before. */
const fresh = (): string => `Question number ${++prompts}`;
const bodyOf = (prompt: string, more: object = {}) => ({
  model: 'cached',
  messages: [{ role: 'user', content: prompt }],
  ...more,
});

async function ask(key: string, body: object | string, init: Asked = {}) {
  const response = await gateway.chat(key, body, init);
  const text = await response.text();
  return {
    status: response.status,
    text,
    cache: response.headers.get('x-tollgate-cache'),
    headers: response.headers,
    requestId: response.headers.get('x-request-id')!,
  };
}

const contentOf = (text: string): string =>
  (JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;

const streamed = (text: string) =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map(
      (event) => JSON.parse(event.slice(6)) as Record<string, unknown> & { choices: { delta: { content?: string } }[] },
    );

const gate = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};
const held = (opened: Promise<unknown>) =>
  upstream.next((request) => [until(opened), ...json(200, answerTo(request.json()))]);
const answerTo = (body: Record<string, unknown>) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: body['model'],
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'shared' } }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

describe('the exact tier', () => {
  it('answers the very same request from the cache, at no cost, and says what was saved', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const calls = upstream.requests.length;
    const first = await ask(key, body);
    assert.equal(first.cache, 'miss');
    const second = await ask(key, body);
    assert.equal(second.status, 200);
    assert.equal(second.cache, 'hit');
    assert.equal(upstream.requests.length, calls + 1);
    assert.equal(contentOf(second.text), contentOf(first.text));
    const one = JSON.parse(first.text) as Record<string, unknown>;
    const two = JSON.parse(second.text) as Record<string, unknown>;
    assert.notEqual(two['id'], one['id']);
    assert.equal(two['model'], one['model']);
    assert.deepEqual(two['usage'], one['usage']);
    assert.equal(second.headers.get('x-tollgate-cost-usd'), '0.000000000');
    assert.equal(second.headers.get('x-tollgate-attempts'), '0');
    assert.match(second.headers.get('age')!, /^\d+$/);
    assert.equal(second.headers.get('x-tollgate-cache-age'), second.headers.get('age'));
    const [paid] = await gateway.entries(first.requestId);
    const [hit] = (await gateway.entries(second.requestId)) as unknown as (typeof paid & {
      cache: string;
      saved_nusd: number;
    })[];
    assert.equal(hit!.cache, 'hit');
    assert.equal(hit!.cost_nusd['total'], 0);
    assert.equal(hit!.tokens['input'], 0);
    assert.ok(paid!.cost_nusd['total']! > 0);
    assert.equal(hit!.saved_nusd, paid!.cost_nusd['total']);
  });

  it('serves whole and streamed from one entry, both ways, in order and with fresh ids', async () => {
    const { key } = await gateway.key();
    const prompt = fresh();
    const first = await ask(key, bodyOf(prompt, { stream: true }));
    assert.equal(first.cache, 'miss');
    const said = streamed(first.text)
      .map(({ choices }) => choices[0]?.delta.content ?? '')
      .join('');
    assert.ok(said.length > 0);
    const whole = await ask(key, bodyOf(prompt));
    assert.equal(whole.cache, 'hit');
    assert.equal(contentOf(whole.text), said);
    const usage = (JSON.parse(whole.text) as { usage: { prompt_tokens: number } }).usage;
    assert.ok(usage.prompt_tokens > 0);
    const again = await ask(key, bodyOf(prompt, { stream: true, stream_options: { include_usage: true } }));
    assert.equal(again.cache, 'hit');
    const chunks = streamed(again.text);
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), said);
    assert.notEqual(chunks[0]!['id'], streamed(first.text)[0]!['id']);
    assert.deepEqual(chunks.at(-1)!['x_tollgate'], { cost_usd: '0.000000000', attempts: 0, cache: 'hit' });
    assert.ok(again.text.endsWith('data: [DONE]\n\n'));
    const bare = await ask(key, bodyOf(prompt, { stream: true }));
    assert.ok(!bare.text.includes('"usage"'));
  });

  it('is read by the openai client, streamed and not', async () => {
    const { key } = await gateway.key();
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: fresh() }];
    const first = await client.chat.completions.create({ model: 'cached', messages });
    const stream = await client.chat.completions.create({ model: 'cached', messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    assert.equal(text, first.choices[0]!.message.content);
  });

  it('finds a request however its JSON is written, and tells apart what differs', async () => {
    const { key } = await gateway.key();
    const prompt = fresh();
    await ask(key, `{"model":"cached","temperature":0,"messages":[{"role":"user","content":"${prompt}"}]}`);
    const spaced = `{ "messages" : [ { "content" : "${prompt}", "role" : "user" } ], "temperature" : 0.0, "model" : "cached", "user": "bob", "safety_identifier": "b", "prompt_cache_key": "k", "metadata": {"a": "b"} }`;
    assert.equal((await ask(key, spaced)).cache, 'hit');
    for (const more of [
      { temperature: 0.1 },
      { temperature: 0, top_p: 0.5 },
      { temperature: 0, max_tokens: 500 },
      { temperature: 0, seed: 1 },
      { temperature: 0, response_format: { type: 'json_object' } },
      { temperature: 0, x_unknown: 1 },
    ]) {
      assert.equal((await ask(key, bodyOf(prompt, more))).cache, 'miss', JSON.stringify(more));
    }
  });

  it('outlives the process, and is shared by replicas through the database', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    await ask(key, body);
    const replica = await startGateway({
      database: gateway.databaseUrl!,
      config: {
        providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
        models: { cached: { ...target('m'), cache: { ttl: '1h', share: 'team' } } },
      },
    });
    try {
      let found: string | null = 'miss';
      for (let i = 0; i < 50 && found !== 'hit'; i++) {
        found = (await replica.chat(key, body)).headers.get('x-tollgate-cache');
      }
      assert.equal(found, 'hit');
    } finally {
      await replica.close();
    }
  });

  it('keeps prompts and answers out of the database in clear', async () => {
    const { key } = await gateway.key();
    const secret = `xyzzy${Date.now()}`;
    await ask(key, bodyOf(`Repeat ${secret}`));
    const { default: pg } = await import('pg');
    const client = new pg.Client(gateway.databaseUrl);
    await client.connect();
    try {
      let rows: { text: string }[] = [];
      while (rows.length === 0) {
        ({ rows } = await client.query<{ text: string }>(
          `select encode(body, 'escape') || row_to_json(a)::text as text from cache_answers a`,
        ));
      }
      assert.ok(rows.every(({ text }) => !text.includes(secret)));
    } finally {
      await client.end();
    }
  });

  it('costs nothing where it is not configured', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh(), { model: 'plain' });
    await ask(key, body);
    assert.equal((await ask(key, body)).cache, 'off');
  });

  it('forgets after the time to live, and a hit does not prolong it', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh(), { model: 'brief' });
    const begun = performance.now();
    await ask(key, body);
    let hits = 0;
    while (performance.now() - begun < 5_000) {
      if ((await ask(key, body)).cache === 'miss') break;
      hits += 1;
    }
    assert.ok(performance.now() - begun >= 690 && performance.now() - begun < 5_000);
    assert.ok(hits > 0);
  });
});

describe('whose answers they are', () => {
  const cases = [
    { title: 'another team', model: 'cached', one: { team: 'red' }, two: { team: 'blue' } },
    { title: 'another key, shared by key', model: 'by-key', one: { team: 'red' }, two: { team: 'red' } },
    { title: 'keys without a team, shared by team', model: 'cached', one: {}, two: {} },
  ];
  for (const { title, model, one, two } of cases) {
    it(`does not answer ${title}`, async () => {
      const first = await gateway.key(one);
      const second = await gateway.key(two);
      const body = bodyOf(fresh(), { model });
      await ask(first.key, body);
      assert.equal((await ask(first.key, body)).cache, 'hit');
      assert.equal((await ask(second.key, body)).cache, 'miss');
    });
  }

  it('answers another key of the team where that is what is shared', async () => {
    const one = await gateway.key({ team: 'green' });
    const two = await gateway.key({ team: 'green' });
    const body = bodyOf(fresh());
    await ask(one.key, body);
    assert.equal((await ask(two.key, body)).cache, 'hit');
  });

  it('does not answer another end user, nor one that is not named', async () => {
    const { key } = await gateway.key({ team: 'red' });
    const body = bodyOf(fresh(), { model: 'by-user' });
    const as = (user: string) => ({ headers: { 'x-tollgate-user': user } });
    await ask(key, body, as('alice'));
    assert.equal((await ask(key, body, as('alice'))).cache, 'hit');
    assert.equal((await ask(key, body, as('bob'))).cache, 'miss');
    assert.equal((await ask(key, body)).cache, 'off');
    assert.equal((await ask(key, { ...body, user: 'alice' })).cache, 'hit');
    assert.equal((await ask(key, { ...body, user: 'carol' })).cache, 'miss');
  });

  it('cannot be talked into another scope by what is in a user name or a tag', async () => {
    const { key } = await gateway.key({ team: 'red' });
    const body = bodyOf(fresh(), { model: 'by-user' });
    await ask(key, body, { headers: { 'x-tollgate-user': 'alice' } });
    for (const user of ['alice"', 'alice","x":"', '["alice"]', 'alice ', 'ALICE', 'user:alice']) {
      const { cache } = await ask(key, body, { headers: { 'x-tollgate-user': user, 'x-tollgate-tags': 'alice' } });
      if (user.trim() !== 'alice') assert.equal(cache, 'miss', user);
    }
    for (const [name, value] of [
      ['x-tollgate-cache-scope', 'team'],
      ['x-tollgate-share', 'team'],
      ['x-cache-namespace', 'alice'],
    ] as const) {
      const { cache } = await ask(key, body, { headers: { [name]: value, 'x-tollgate-user': `eve-${name}` } });
      assert.equal(cache, 'miss', name);
    }
  });

  it('does not answer across models, system prompts, histories, tools', async () => {
    const { key } = await gateway.key({ team: 'red' });
    const prompt = fresh();
    const user = { role: 'user', content: prompt };
    const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } };
    const variants = [
      { messages: [user] },
      { messages: [user], model: 'other' },
      { messages: [{ role: 'system', content: 'Be brief.' }, user] },
      { messages: [{ role: 'system', content: 'Be long.' }, user] },
      { messages: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hello' }, user] },
      { messages: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hello!' }, user] },
      { messages: [user], tools: [tool], tool_choice: 'none' },
    ];
    for (const variant of variants) {
      assert.equal((await ask(key, { model: 'cached', ...variant })).cache, 'miss', JSON.stringify(variant));
    }
    for (const variant of variants) assert.equal((await ask(key, { model: 'cached', ...variant })).cache, 'hit');
  });

  it('does not cache JSON that two readers could understand differently', async () => {
    const { key } = await gateway.key({ team: 'red' });
    const prompt = fresh();
    const twice = `{"model":"cached","messages":[{"role":"user","content":"${prompt}","content":"evil"}]}`;
    const large = `{"model":"cached","seed":9007199254740993,"messages":[{"role":"user","content":"${prompt}"}]}`;
    for (const body of [twice, large]) {
      await ask(key, body);
      assert.equal((await ask(key, body)).cache, 'off');
    }
  });
});

describe('what is kept', () => {
  const notKept: [string, () => void, object?][] = [
    ['an error', () => upstream.always(openaiError(500, { message: 'broken' }))],
    [
      'an answer that was cut at its length',
      () => upstream.always(() => json(200, completion({ finish_reason: 'length' }))),
    ],
    ['a filtered answer', () => upstream.always(() => json(200, completion({ finish_reason: 'content_filter' })))],
    ['a refusal', () => upstream.always(() => json(200, completion({}, { content: null, refusal: 'No.' })))],
    ['an empty answer', () => upstream.always(() => json(200, completion({}, { content: '' })))],
    ['several choices', () => {}, { n: 2 }],
    [
      'a call of a tool',
      () => {},
      { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }] },
    ],
    ['a completion that the provider was asked to store', () => {}, { store: true }],
  ];
  for (const [title, arrange, more] of notKept) {
    for (const stream of [false, true]) {
      it(`is not ${title}${stream ? ', streamed' : ''}`, async () => {
        const { key } = await gateway.key();
        arrange();
        const body = bodyOf(fresh(), { ...more, stream });
        await ask(key, body).catch(() => {});
        const calls = upstream.requests.length;
        const { cache } = await ask(key, body).catch(() => ({ cache: 'miss' }));
        assert.notEqual(cache, 'hit');
        assert.equal(upstream.requests.length, calls + 1);
      });
    }
  }

  it('is not a stream that broke off', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh(), { stream: true });
    upstream.next([...sse(`data: ${JSON.stringify(chunk('half'))}\n\n`).slice(0, 2), cut]);
    await ask(key, body).catch(() => {});
    assert.equal((await ask(key, body)).cache, 'miss');
  });

  const completion = (choice: object, message: object = {}) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [
      {
        index: 0,
        finish_reason: 'stop',
        logprobs: null,
        message: { role: 'assistant', content: 'x', ...message },
        ...choice,
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
  const chunk = (content: string) => ({
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }],
  });
});

describe('what a caller says about it', () => {
  it('off and no-store neither read nor write', async () => {
    const { key } = await gateway.key();
    for (const headers of [{ 'x-tollgate-cache': 'off' }, { 'cache-control': 'no-store' }] as Record<
      string,
      string
    >[]) {
      const body = bodyOf(fresh());
      assert.equal((await ask(key, body, { headers })).cache, 'off');
      assert.equal((await ask(key, body)).cache, 'miss');
      assert.equal((await ask(key, body, { headers })).cache, 'off');
    }
  });

  it('refresh and no-cache do not read, and write', async () => {
    const { key } = await gateway.key();
    for (const headers of [{ 'x-tollgate-cache': 'refresh' }, { 'cache-control': 'no-cache' }] as Record<
      string,
      string
    >[]) {
      const body = bodyOf(fresh());
      await ask(key, body);
      const refreshed = await ask(key, body, { headers });
      assert.equal(refreshed.cache, 'miss');
      const after = await ask(key, body);
      assert.equal(after.cache, 'hit');
    }
  });

  it('only-if-cached is a hit or 504, and never an upstream call', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const headers = { 'cache-control': 'only-if-cached' };
    const calls = upstream.requests.length;
    const none = await ask(key, body, { headers });
    assert.equal(none.status, 504);
    assert.equal((JSON.parse(none.text) as { error: { code: string } }).error.code, 'not_cached');
    assert.equal(upstream.requests.length, calls);
    await ask(key, body);
    assert.equal((await ask(key, body, { headers })).cache, 'hit');
    // A large answer is read after it was given, before it is kept.
    for (const stream of [false, true]) {
      const long = { ...bodyOf(fresh()), stream };
      const content = 'lorem "ipsum" '.repeat(stream ? 10_000 : 60_000);
      const chunk = (delta: object, finish_reason: string | null = null) =>
        `data: ${JSON.stringify({ ...answerTo(long), object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
      const pieces = content.match(/.{1,50}/g)!.map((piece) => chunk({ content: piece }));
      const whole = {
        ...answerTo(long),
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
      };
      upstream.next(stream ? sse(pieces.join(''), chunk({}, 'stop'), 'data: [DONE]\n\n') : json(200, whole));
      await ask(key, long);
      const again = await ask(key, { ...long, stream: false }, { headers });
      assert.deepEqual([again.status, again.cache, contentOf(again.text) === content], [200, 'hit', true]);
    }
  });

  it('max-age and min-fresh bound what may answer', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    await ask(key, body);
    assert.equal((await ask(key, body, { headers: { 'cache-control': 'max-age=60' } })).cache, 'hit');
    assert.equal((await ask(key, body, { headers: { 'cache-control': 'min-fresh=60' } })).cache, 'hit');
    assert.equal((await ask(key, body, { headers: { 'cache-control': 'min-fresh=7200' } })).cache, 'miss');
  });

  it('a shorter time to live is kept to; a longer one than configured is not given', async () => {
    const { key } = await gateway.key();
    const short = bodyOf(fresh());
    await ask(key, short, { headers: { 'x-tollgate-cache-ttl': '1ms' } });
    let found: string | null = 'hit';
    for (let i = 0; i < 100 && found === 'hit'; i++) found = (await ask(key, short)).cache;
    assert.equal(found, 'miss');
    const long = bodyOf(fresh(), { model: 'brief' });
    await ask(key, long, { headers: { 'x-tollgate-cache-ttl': '1h' } });
    assert.equal((await ask(key, long, { headers: { 'cache-control': 'min-fresh=2' } })).cache, 'miss');
  });

  it('what cannot be understood is refused by name', async () => {
    const { key } = await gateway.key();
    for (const [name, value] of [
      ['x-tollgate-cache', 'sometimes'],
      ['x-tollgate-cache-ttl', 'soon'],
    ] as const) {
      const { status, text } = await ask(key, bodyOf(fresh()), { headers: { [name]: value } });
      assert.equal(status, 400);
      assert.equal((JSON.parse(text) as { error: { param: string } }).error.param, name);
    }
  });
});

describe('purges', () => {
  const purges: [string, (id: string, entry: string) => object][] = [
    ['all', () => ({ all: true })],
    ['its model', () => ({ model: 'cached' })],
    ['its team', () => ({ team: 'purged' })],
    ['its key', (id) => ({ key: id })],
    ['a tag of the request', () => ({ tag: 'doc-7' })],
    ['a tag of the key', () => ({ tag: 'prod' })],
    ['the entry', (_, entry) => ({ entry })],
  ];
  for (const [title, what] of purges) {
    it(`by ${title} make it a miss at once, and leave others alone`, async () => {
      const { key, id } = await gateway.key({ team: 'purged', tags: ['prod'] });
      const other = await gateway.key({ team: 'kept' });
      const body = bodyOf(fresh());
      const headers = { 'x-tollgate-tags': 'doc-7, doc-8' };
      const elsewhere = { ...body, model: 'other' };
      await ask(key, body, { headers });
      await ask(other.key, elsewhere);
      const hit = await ask(key, body);
      assert.equal(hit.cache, 'hit');
      const entry = hit.headers.get('x-tollgate-cache-id')!;
      const { entries } = await gateway.admin<{ entries: number }>('POST', '/cache/purge', what(id, entry));
      // Of earlier cases there is what they stored after their purge.
      const ofThis = title === 'its key' || title === 'the entry';
      assert.ok(ofThis ? entries === 1 : entries >= 1, `${entries}`);
      assert.equal((await ask(key, body)).cache, 'miss');
      assert.equal((await ask(key, body)).cache, 'hit', 'what is stored afterwards is good');
      if (title !== 'all') assert.equal((await ask(other.key, elsewhere)).cache, 'hit');
    });
  }

  it('reach answers that were being fetched meanwhile', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const { open, opened } = gate();
    held(opened);
    const arrival = upstream.arrival();
    const first = ask(key, body);
    await arrival;
    await gateway.admin('POST', '/cache/purge', { model: 'cached' });
    open();
    await first;
    assert.equal((await ask(key, body)).cache, 'miss');
  });

  it('are recorded, and refused where they name nothing or too much', async () => {
    for (const body of [{}, { model: 'a', team: 'b' }, { all: false }, { what: 'x' }]) {
      await assert.rejects(gateway.admin('POST', '/cache/purge', body), /answered 4\d\d/, JSON.stringify(body));
    }
    for (const [kind, name] of Object.entries({ model: 'none', team: 'none', key: 'key_none', entry: 'cch_none' })) {
      const refused = gateway.admin('POST', '/cache/purge', { [kind]: name });
      await assert.rejects(refused, new RegExp(`answered 404: .*There is no ${kind} '${name}'`), kind);
    }
    for (const body of [{ model: 'cached' }, { team: 'gone-by' }]) {
      await gateway.key({ team: 'gone-by' });
      await gateway.admin('POST', '/cache/purge', body);
      const none = await gateway.admin<{ entries: number }>('POST', '/cache/purge', body);
      assert.equal(none.entries, 0, 'it is known, and there is nothing left');
    }
    await gateway.admin('POST', '/cache/purge', { tag: 'audited' });
    const { data } = await gateway.admin<{ data: { action: string; subject: string }[] }>('GET', '/audit');
    assert.deepEqual(
      data.filter(({ action }) => action === 'cache.purge').map(({ subject }) => subject)[0],
      'tag:audited',
    );
  });

  it('come with a team that is deleted: its answers leave the database', async () => {
    const { key, id } = await gateway.key({ team: 'leaving' });
    await ask(key, bodyOf(fresh()));
    const { default: pg } = await import('pg');
    const client = new pg.Client(gateway.databaseUrl);
    await client.connect();
    const count = async () =>
      Number((await client.query(`select count(*) from cache_answers where team = 'leaving'`)).rows[0].count);
    try {
      while ((await count()) === 0);
      await gateway.admin('DELETE', `/keys/${id}`);
      await gateway.admin('DELETE', '/teams/leaving');
      assert.equal(await count(), 0);
    } finally {
      await client.end();
    }
  });
});

describe('identical requests at once', () => {
  it('share one upstream call, whole and streamed alike', async () => {
    const { key } = await gateway.key();
    const prompt = fresh();
    const { open, opened } = gate();
    held(opened);
    const arrival = upstream.arrival();
    const calls = upstream.requests.length;
    const all = Array.from({ length: 30 }, (_, i) => ask(key, bodyOf(prompt, { stream: i % 2 === 1 })));
    await arrival;
    open();
    const answers = await Promise.all(all);
    assert.equal(upstream.requests.length, calls + 1);
    assert.equal(answers.filter(({ cache }) => cache === 'miss').length, 1);
    assert.equal(answers.filter(({ cache }) => cache === 'hit').length, 29);
    assert.ok(answers.every(({ text }) => text.includes('shared')));
    assert.equal(new Set(answers.map(({ text }) => /"id":"([^"]+)"/.exec(text)![1])).size, 30);
  });

  it('do not fail with the one that fetched', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    upstream.next([pause(200), ...openaiError(500, { message: 'only once' })]);
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(key, body)));
    assert.equal(answers.filter(({ status }) => status === 500).length, 1);
    assert.equal(answers.filter(({ status }) => status === 200).length, 4);
  });

  it('go on where the one that fetched leaves: one of the others fetches', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const leaver = new AbortController();
    const { open, opened } = gate();
    held(opened);
    const arrival = upstream.arrival();
    const first = ask(key, body, { signal: leaver.signal });
    await arrival;
    const calls = upstream.requests.length;
    const rest = Promise.all(Array.from({ length: 4 }, () => ask(key, body)));
    await waiting(4);
    leaver.abort();
    await assert.rejects(first);
    const answers = await rest;
    open();
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(upstream.requests.length, calls + 1);
    assert.equal(answers.filter(({ cache }) => cache === 'hit').length, 3);
  });

  it('wait no longer than they said, and leave when they like', async () => {
    const { key } = await gateway.key();
    const body = bodyOf(fresh());
    const { open, opened } = gate();
    held(opened);
    const arrival = upstream.arrival();
    const first = ask(key, body);
    await arrival;
    const leaver = new AbortController();
    const gone = ask(key, body, { signal: leaver.signal });
    const hasty = ask(key, body, { headers: { 'x-tollgate-timeout': '300ms' } });
    assert.equal((await hasty).status, 504);
    leaver.abort();
    await assert.rejects(gone);
    open();
    assert.equal((await first).cache, 'miss');
  });

  async function waiting(many: number): Promise<void> {
    for (;;) {
      const stats = await gateway.admin<{ waiting: number }>('GET', '/cache');
      if (stats.waiting >= many) return;
    }
  }
});

describe('limits', () => {
  it('a hit counts as a request, and not as tokens or money', async () => {
    const limits = [
      { unit: 'requests', max: 3, per: 'hour' },
      { unit: 'tokens', max: 100_000, per: 'day' },
      { unit: 'usd', max: 5, per: 'month' },
    ];
    const { key, id } = await gateway.key({ limits });
    const body = bodyOf(fresh(), { max_tokens: 50 });
    const spent = async () => {
      const { data } = await gateway.admin<{ data: { unit: string; spent: string | number; held: string | number }[] }>(
        'GET',
        `/limits?key=${id}`,
      );
      return Object.fromEntries(data.map(({ unit, spent, held }) => [unit, [Number(spent), Number(held)]]));
    };
    assert.equal((await ask(key, body)).cache, 'miss');
    const before = await spent();
    assert.ok(before['tokens']![0]! > 0);
    assert.equal((await ask(key, body)).cache, 'hit');
    assert.equal((await ask(key, { ...body, stream: true })).cache, 'hit');
    const after = await spent();
    assert.deepEqual(after['tokens'], before['tokens']);
    assert.deepEqual(after['usd'], before['usd']);
    assert.equal(after['requests']![0], 3);
    const refused = await ask(key, body);
    assert.equal(refused.status, 429);
  });
});
