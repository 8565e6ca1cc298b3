/**
 * Captured content over a real gateway: what was asked and told in every dialect, whole and streamed, encrypted in the database,
 * read and deleted by those who may.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { constants, deflateSync, inflateRawSync, inflateSync } from 'node:zlib';
import pg from 'pg';
import { type Dialect, dialects } from '../support/dialect-words.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import { ask, madeUser } from '../support/people.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, json, sse, until } from '../support/upstream-steps.js';
import { workerOf } from '../support/workers.js';

const PLANTED = 'Heliotrope';
const MAIL = 'jo.doe@example.com';
const price = { input: 1, output: 4 };

// biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it states by reading it
type Content = Readonly<Record<string, any>>;

let upstream: FakeUpstream;
let config: Readonly<Record<string, unknown>>;
let gateway: Gateway;
let database: pg.Client;
const keys: Record<string, { id: string; key: string }> = {};

before(async () => {
  upstream = await startUpstream();
  const to = (provider: string, model: string, more = {}) => ({ targets: [{ provider, model }], price, ...more });
  config = {
    defaults: { retry: { max_attempts: 2, base: '1ms' } },
    telemetry: { log: { level: 'trace' } },
    providers: {
      chat: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' },
      openai: { type: 'openai', base_url: `${upstream.url}/v1`, api_key: 'k' },
      claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
      gemini: { type: 'gemini', base_url: upstream.url, api_key: 'k' },
    },
    models: {
      chat: to('chat', 'm'),
      kept: to('chat', 'm', { cache: { exact: true, ttl: '1h' } }),
      secretive: to('chat', 'm', { capture: 'off' }),
      careful: to('chat', 'm', { capture: 'redacted' }),
      behind: { route: [{ use: 'secretive' }] },
      openai: to('openai', 'gpt-4o-mini'),
      claude: to('claude', 'claude-sonnet-4-5'),
      gemini: to('gemini', 'gemini-2.5-flash'),
      embed: to('chat', 'embed'),
    },
    guardrails: { mask: { kind: 'pii', entities: ['email'], action: 'redact', restore: true } },
    capture: { content: 'off', max_size: '4kb' },
    secrets_key: 'of-all-gateways-on-the-database-0123456789',
  };
  gateway = await startGateway({ config });
  await gateway.admin('POST', '/teams', { name: 'open', capture: 'on' });
  await gateway.admin('POST', '/teams', { name: 'shut', capture: 'off' });
  for (const [name, fields] of Object.entries({
    plain: {},
    on: { capture: 'on' },
    redacted: { capture: 'redacted' },
    open: { team: 'open' },
    openOff: { team: 'open', capture: 'off' },
    shut: { team: 'shut', capture: 'on' },
    masked: { capture: 'on', guards: ['mask'] },
  }))
    keys[name] = await gateway.key(fields);
  database = new pg.Client({ connectionString: gateway.databaseUrl! });
  await database.connect();
});
afterEach(() => upstream?.always());
after(async () => {
  await database?.end();
  await gateway?.close();
  await upstream?.stop();
});

let run = 0;
/** Told once something has come of an answer. */
let begins: (() => void) | undefined;
async function asked(key: string, path: string, body: object, headers: Record<string, string> = {}) {
  const id = `capture-${++run}`;
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${keys[key]!.key}`, 'content-type': 'application/json', 'x-request-id': id },
      ...headers,
    },
    body: JSON.stringify(body),
  });
  begins?.();
  return { id, status: response.status, text: await textAsFarAsItComes(response) };
}

const chat = (content: string, more: object = {}) => ({
  model: 'chat',
  messages: [{ role: 'user', content }],
  ...more,
});
const viaChat = (key: string, content: string, more: object = {}, headers: Record<string, string> = {}) =>
  asked(key, '/v1/chat/completions', chat(content, more), headers);

/** What was captured of a request, by its first entry; undefined: nothing. */
async function contentOf(requestId: string, token: string = gateway.adminKey): Promise<Content | undefined> {
  const [entry] = await gateway.entries(requestId);
  const answered = await ask(gateway, token, 'GET', `/usage/entries/${entry!.id}/content`);
  return answered.status === 200 ? answered.body : undefined;
}

const exported = async (query: string, token = gateway.adminKey): Promise<Content[]> => {
  const response = await fetch(`${gateway.url}/admin/v1/content?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Content]));
};

/** Of a whole answer: the words of it. */
function saidIn(answer: unknown): string {
  const words: string[] = [];
  const walk = (value: unknown, key: string): void => {
    if (typeof value === 'string' && ['content', 'text'].includes(key)) words.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value)) walk(one, name);
  };
  walk(answer, '');
  return words.join('');
}

/** What every whole answer of the dialect has, which its events have not. */
const shapes: readonly (readonly [RegExp, (answer: Content) => void])[] = [
  [/^chat/, (answer) => assert.equal(answer['object'], 'chat.completion')],
  [/^messages/, (answer) => assert.equal(answer['content'][0].type, 'text')],
  [/^responses/, (answer) => assert.equal(answer['output'].at(-1).content[0].type, 'output_text')],
  [/^completions/, (answer) => assert.equal(typeof answer['choices'][0].text, 'string')],
  [/^Google/, (answer) => assert.equal(answer['candidates'][0].content.role, 'model')],
];

const shapeOf = (name: string) => shapes.find(([pattern]) => pattern.test(name))![1];

describe('what was asked and told is captured', () => {
  const send = (dialect: Dialect, key: string, words: string, stream: boolean) =>
    asked(key, dialect.path(stream), {
      ...dialect.body(words),
      ...(stream && !('contents' in dialect.body('')) && { stream }),
    });

  for (const [name, dialect] of Object.entries(dialects))
    for (const stream of [false, true])
      it(`${name}, ${stream ? 'streamed' : 'whole'}`, async () => {
        const { id, status } = await send(dialect, 'on', `${PLANTED} one two three`, stream);
        assert.equal(status, 200);
        const content = (await contentOf(id))!;
        assert.deepEqual(
          [content['content'], content['complete'], content['stream'], content['key'], content['readable']],
          ['on', true, stream, keys['on']!.id, true],
        );
        assert.deepEqual(content['truncated'], { request: false, answer: false });
        assert.ok(JSON.stringify(content['request']).includes(`${PLANTED} one two three`));
        shapeOf(name)(content['answer']);
        assert.ok(saidIn(content['answer']).includes(PLANTED), JSON.stringify(content['answer']));
      });

  it('calls of tools in a stream are put together', async () => {
    const tools = ['f', 'g'].map((name) => ({
      type: 'function',
      function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
    }));
    const { id } = await viaChat('on', 'x', { tools, stream: true });
    const { message, finish_reason } = (await contentOf(id))!['answer'].choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.deepEqual(
      message.tool_calls.map((call: Content) => [call['type'], call['function'].name, 'index' in call]),
      [
        ['function', 'f', false],
        ['function', 'g', false],
      ],
    );
    for (const call of message.tool_calls) assert.ok('city' in JSON.parse(call.function.arguments));
  });

  it('of embeddings the texts, and no vectors', async () => {
    const { id } = await asked('on', '/v1/embeddings', { model: 'embed', input: [`${PLANTED} e`] });
    const content = (await contentOf(id))!;
    assert.deepEqual(
      [content['request'].input, content['answer'], content['complete']],
      [[`${PLANTED} e`], null, true],
    );
  });

  it('an answer from the cache', async () => {
    for (const stream of [false, true, true]) {
      const { id } = await viaChat('on', `${PLANTED} cached`, { model: 'kept', stream });
      const content = (await contentOf(id))!;
      assert.ok(saidIn(content['answer']).includes(PLANTED));
    }
  });

  it('what an upstream refused, and the request that was tried twice is there by either entry', async () => {
    upstream.next(json(503, { error: { message: 'busy' } }), json(400, { error: { message: 'no such thing' } }));
    const { id, status, text } = await viaChat('on', `${PLANTED} refused`);
    assert.equal(status, 400);
    const entries = await gateway.entries(id, 2);
    const contents = await Promise.all(
      entries.map(({ id: entry }) => gateway.admin<Content>('GET', `/usage/entries/${entry}/content`)),
    );
    assert.deepEqual(contents[0], contents[1]);
    assert.deepEqual(contents[0]!['answer'], JSON.parse(text));
    assert.ok(entries.some((entry) => entry.id === contents[0]!['entry'] && entry.attempt === 2));
  });

  it('a stream that breaks off, as far as it was told', async () => {
    const answerBegins = new Promise<void>((resolve) => {
      begins = resolve;
    });
    upstream.next(sse(contentChunk('told so far'), until(answerBegins), cut));
    const { id } = await viaChat('on', 'x', { stream: true });
    const content = (await contentOf(id))!;
    assert.equal(content['complete'], false);
    assert.equal(content['answer'].choices[0].message.content, 'told so far');
    assert.ok(content['answer'].error, 'the error that ended it');
  });

  it('only so much of each side, and media not at all', async () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5_000)}` } };
    const long = 'word '.repeat(3_000);
    const { id } = await asked('on', '/v1/chat/completions', {
      model: 'chat',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'look' }, image] },
        { role: 'user', content: long },
      ],
    });
    const content = (await contentOf(id))!;
    assert.deepEqual(content['truncated'], { request: true, answer: true });
    const [first, second] = content['request'].messages;
    assert.match(first.content[1].image_url.url, /^\[50\d\d characters\]$/);
    assert.ok(second.content.startsWith('word word') && long.startsWith(second.content));
    for (const side of ['request', 'answer']) assert.ok(JSON.stringify(content[side]).length <= 4_096 + 100);
  });
});

describe('who says whether it is captured', () => {
  const cases: readonly (readonly [key: string, model: string, captured: string | undefined])[] = [
    ['plain', 'chat', undefined],
    ['plain', 'careful', 'redacted'],
    ['on', 'chat', 'on'],
    ['on', 'careful', 'redacted'],
    ['on', 'secretive', undefined],
    ['on', 'behind', undefined],
    ['redacted', 'chat', 'redacted'],
    ['open', 'chat', 'on'],
    ['openOff', 'chat', undefined],
    ['shut', 'chat', undefined],
  ];
  it('the strictest of key, team and models, else the configuration', async () => {
    for (const [key, model, captured] of cases) {
      const { id } = await viaChat(key, 'x', { model });
      assert.equal((await contentOf(id))?.['content'], captured, `${key} ${model}`);
      const asked = { key: keys[key]!.id, request: chat('x', { model }) };
      const { capture } = await gateway.admin<{ capture: string }>('POST', '/explain', asked);
      assert.equal(capture, captured ?? 'off');
    }
  });

  it('off leaves nothing', async () => {
    const { id } = await viaChat('plain', 'x');
    await gateway.entries(id);
    const { rows } = await database.query('select from captured_content where request_id = $1', [id]);
    assert.equal(rows.length, 0);
  });
});

describe('what is taken out', () => {
  const secret = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';

  it('redacted: addresses and secrets, on both sides, also in names and what is not for the model', async () => {
    for (const stream of [false, true]) {
      const { id, text } = await viaChat('redacted', `write ${MAIL} with ${secret}`, {
        ...{ stream, user: MAIL, metadata: { mail: MAIL } },
      });
      assert.ok(stream || text.includes(MAIL), 'the caller is told what it was told');
      const content = (await contentOf(id))!;
      const written = JSON.stringify([content['request'], content['answer']]);
      assert.ok(!written.includes(MAIL) && !written.includes(secret), written);
      assert.match(content['request'].messages[0].content, /^write \[EMAIL_1\] with \[SECRET_1\]$/);
      assert.match(saidIn(content['answer']), /\[EMAIL_1\].*\[SECRET_1\]/s);
    }
  });

  it('a find is not cut in two where a text is', async () => {
    const { id } = await viaChat('redacted', `${'x'.repeat(3_990)} ${MAIL} ${'y'.repeat(20_000)}`);
    const content = (await contentOf(id))!;
    assert.ok(content['truncated'].request && !JSON.stringify(content['request']).includes('jo.'));
  });

  it('what a guard puts back into the answer is not captured', async () => {
    for (const stream of [false, true]) {
      const { id, text } = await viaChat('masked', `write ${MAIL}`, { stream });
      assert.ok(stream || text.includes(MAIL));
      const content = (await contentOf(id))!;
      assert.ok(!JSON.stringify(content).includes(MAIL), JSON.stringify(content));
      assert.match(saidIn(content['answer']), /\[EMAIL_1\]/);
    }
  });
});

/** What can be had of bytes without a key: as they are, and wherever something compressed begins in their head. */
function inClear(bytes: Buffer): string {
  const tries = Array.from({ length: 64 }, (_, at) => bytes.subarray(at));
  const expanded = [inflateSync, inflateRawSync].flatMap((expand) =>
    tries.map((part) => {
      try {
        return expand(part, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
      } catch {
        return '';
      }
    }),
  );
  return [bytes.toString('latin1'), ...expanded].join('\n');
}

describe('what is captured lies encrypted', () => {
  it('compressed or not, nothing can be read in what lies in the database', async () => {
    const unsealed = Buffer.concat([randomBytes(12), deflateSync(JSON.stringify({ words: PLANTED })), randomBytes(16)]);
    assert.ok(inClear(unsealed).includes(PLANTED), 'this look would find it');
    const { id } = await viaChat('on', `${PLANTED} ${'again and '.repeat(50)}`);
    const content = (await contentOf(id))!;
    assert.ok(JSON.stringify(content['request']).includes(PLANTED));
    const { rows } = await database.query<{ body: Buffer }>('select body from captured_content where request_id = $1', [
      id,
    ]);
    assert.equal(rows.length, 1);
    assert.doesNotMatch(inClear(rows[0]!.body), new RegExp(`${PLANTED}|again|messages`));
  });

  it('nothing that was asked or told is in the database or the log in clear', async () => {
    const { rows } = await database.query<{ name: string }>(
      `select table_schema || '.' || quote_ident(table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    );
    const hex = Buffer.from(PLANTED).toString('hex');
    for (const { name } of rows) {
      const found = await database.query(`select from ${name} t where t::text ilike any ($1) limit 1`, [
        [`%${PLANTED}%`, `%${hex}%`],
      ]);
      assert.equal(found.rows.length, 0, name);
    }
    assert.ok(!gateway.output.includes(PLANTED));
  });

  it('a row that is moved to another entry does not open', async () => {
    const ids = await Promise.all(['a', 'b'].map(async (words) => (await viaChat('on', words)).id));
    const [a, b] = await Promise.all(ids.map(async (id) => (await contentOf(id))!['entry'] as string));
    await database.query(
      'update captured_content set body = (select body from captured_content where entry_id = $1) where entry_id = $2',
      [a, b],
    );
    const moved = await gateway.admin<Content>('GET', `/usage/entries/${b}/content`);
    assert.deepEqual([moved['readable'], moved['request'], moved['answer']], [false, null, null]);
  });
});

describe('who may read and delete it', () => {
  it('admins; team admins what is of their teams; nobody else', async () => {
    const own = await viaChat('open', `${PLANTED} team`, {}, { 'x-tollgate-user': 'ada' });
    const other = await viaChat('on', 'x');
    const people = {
      viewer: await madeUser(gateway, { role: 'viewer' }),
      member: await madeUser(gateway, { role: 'member', teams: ['open'] }),
      lead: await madeUser(gateway, { role: 'team_admin', teams: ['open'] }),
      stranger: await madeUser(gateway, { role: 'team_admin', teams: ['shut'] }),
    };
    const entryOf = async (id: string) => (await gateway.entries(id))[0]!.id;
    const [mine, theirs] = [await entryOf(own.id), await entryOf(other.id)];
    const status = async (who: keyof typeof people, method: string, path: string) =>
      (await ask(gateway, people[who].token, method, path)).status;
    const path = (entry: string) => `/usage/entries/${entry}/content`;
    for (const who of ['viewer', 'member'] as const)
      for (const [method, at] of [
        ['GET', path(mine)],
        ['DELETE', path(mine)],
        ['GET', '/content'],
        ['DELETE', '/content?key=x'],
      ] as const)
        assert.equal(await status(who, method, at), 403, `${who} ${method} ${at}`);
    assert.equal(await status('lead', 'GET', path(mine)), 200);
    assert.equal(await status('lead', 'GET', path(theirs)), 404);
    assert.equal(await status('stranger', 'GET', path(mine)), 404);
    assert.equal(await status('stranger', 'DELETE', path(mine)), 404);
    const seen = await exported('', people.lead.token);
    assert.ok(seen.length > 0 && seen.every(({ team }) => team === 'open'));
    assert.deepEqual(await exported('team=open', people.stranger.token), []);
    const gone = await ask(gateway, people.stranger.token, 'DELETE', '/content?user=ada');
    assert.deepEqual(gone.body, { deleted: 0 });
    assert.equal((await exported('user=ada')).length, 1);
    const { data } = await gateway.admin<{ data: Content[] }>('GET', `/audit?subject=${mine}`);
    assert.ok(data.some(({ action, actor }) => action === 'content.read' && String(actor).includes(people.lead.id)));
  });

  it('a team admin may have less captured, and not more', async () => {
    const lead = await madeUser(gateway, { role: 'team_admin', teams: ['open'] });
    const made = await ask(gateway, lead.token, 'POST', '/keys', { name: 'k', team: 'open', capture: 'on' });
    assert.deepEqual([made.status, made.body.code], [403, 'insufficient_scope']);
    const patch = (capture: unknown) =>
      ask(gateway, lead.token, 'PATCH', `/keys/${keys['open']!.id}`, { capture }).then(({ status }) => status);
    assert.deepEqual([await patch('off'), await patch(null), await patch('redacted')], [200, 403, 403]);
    await gateway.admin('PATCH', `/keys/${keys['open']!.id}`, { capture: null });
  });

  it('deletion by entry, request, user, team and key, each in the audit log', async () => {
    const ids: string[] = [];
    for (const user of ['u1', 'u1', 'u2', 'u3'])
      ids.push((await viaChat('open', 'x', {}, { 'x-tollgate-user': user })).id);
    const left = async () => (await exported(`key=${keys['open']!.id}`)).map(({ request_id }) => request_id as string);
    assert.deepEqual((await left()).slice(-4), ids);
    const entry = (await gateway.entries(ids[3]!))[0]!.id;
    const remove = (query: string) => gateway.admin<{ deleted: number }>('DELETE', query);
    assert.equal((await remove(`/usage/entries/${entry}/content`)).deleted, 1);
    assert.equal((await remove(`/content?request_id=${ids[2]}`)).deleted, 1);
    assert.equal((await remove('/content?user=u1&team=shut')).deleted, 0);
    assert.equal((await remove('/content?user=u1')).deleted, 2);
    assert.ok((await remove('/content?team=open')).deleted >= 1);
    assert.deepEqual(await left(), []);
    assert.ok((await remove(`/content?key=${keys['on']!.id}`)).deleted > 10);
    assert.equal((await ask(gateway, gateway.adminKey, 'DELETE', '/content')).status, 400);
    const { data } = await gateway.admin<{ data: Content[] }>('GET', '/audit?action=content.delete');
    assert.ok(data.length >= 6);
  });

  it('a team that is deleted leaves nothing for one that takes its name', async () => {
    const { id: key, key: secret } = await gateway.key({ team: 'brief', capture: 'on' });
    keys['brief'] = { id: key, key: secret };
    const { id } = await viaChat('brief', 'x');
    assert.ok(await contentOf(id));
    await gateway.admin('DELETE', `/keys/${key}`);
    assert.ok(await contentOf(id), 'a revoked key leaves what it captured');
    await gateway.admin('DELETE', '/teams/brief');
    await gateway.admin('POST', '/teams', { name: 'brief' });
    assert.equal(await contentOf(id), undefined);
    assert.deepEqual(await exported('team=brief'), []);
  });

  it('filters of an export, and what is wrong with one', async () => {
    const begun = new Date().toISOString();
    const { id } = await viaChat('on', 'x');
    await contentOf(id);
    const one = await exported(`key=${keys['on']!.id}&model=chat&from=${begun}&request_id=${id}`);
    assert.deepEqual(
      one.map(({ request_id }) => request_id),
      [id],
    );
    assert.deepEqual(await exported(`request_id=${id}&model=other`), []);
    assert.deepEqual(await exported(`request_id=${id}&to=${begun}`), []);
    for (const query of ['nonsense=1', 'from=yesterday'])
      assert.equal((await ask(gateway, gateway.adminKey, 'GET', `/content?${query}`)).status, 400, query);
  });
});

describe('a gateway of several processes', () => {
  it('captures in each of them, and what is written when it is killed is whole and readable to others', {
    timeout: 60_000,
  }, async () => {
    const other = await startGateway({ config: { ...config, server: { workers: 2 } }, database: gateway.databaseUrl! });
    try {
      const { id, key } = await other.key({ capture: 'on' });
      const send = async (requestId: string): Promise<string> => {
        await (await other.chat(key, chat('x'), { headers: { 'x-request-id': requestId } })).text();
        return requestId;
      };
      const many = (name: string, count: number) => Array.from({ length: count }, (_, i) => send(`${name}-${i}`));
      const written: string[] = [];
      // A worker may serve later than the gateway is ready.
      for (const workers = new Set<number>(); workers.size < 2; ) {
        const more = await Promise.all(many(`written-${written.length}`, 12));
        for (const one of more) workers.add(await workerOf(other, one));
        written.push(...more);
      }
      const response = await fetch(`${other.url}/admin/v1/content?key=${id}`, {
        headers: { authorization: `Bearer ${other.adminKey}` },
      });
      assert.equal((await response.text()).trimEnd().split('\n').length, written.length);
      const cutOff = many('cut-off', 30);
      await Promise.race(cutOff);
      await other.kill9();
      await Promise.allSettled(cutOff);
      const left = await exported(`key=${id}`);
      const ids = left.map((content) => String(content['request_id']));
      assert.deepEqual(ids.filter((one) => one.startsWith('written-')).sort(), [...written].sort());
      assert.equal(new Set(ids).size, ids.length);
      for (const content of left)
        assert.deepEqual([content['readable'], content['complete'], content['request'].model], [true, true, 'chat']);
    } finally {
      await other.close();
    }
  });
});
