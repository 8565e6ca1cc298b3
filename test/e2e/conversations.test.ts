/** Conversations of the Responses API, through the `openai` client and by hand, against a real gateway and Postgres. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import pg from 'pg';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';

/** Of a key. */
const MOST = 40;
let started: ResponsesGateway;
let client: OpenAI;
let stranger: OpenAI;
let apiKey: string;

const clientOf = (key: string, url = started.gateway.url) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

before(async () => {
  started = await startResponsesGateway({ responses: { max_conversations: MOST } });
  ({ apiKey } = await started.context());
  client = clientOf(apiKey);
  stranger = clientOf((await started.context()).apiKey);
});
after(() => started?.close());

const sentLast = () => JSON.stringify(started.upstream.requests.at(-1)!.json());
const user = (content: string) => ({ type: 'message', role: 'user', content }) as const;
const isNotFound = (error: unknown) => error instanceof OpenAI.NotFoundError;
const isBad = (param: string) => (error: unknown) => error instanceof OpenAI.BadRequestError && error.param === param;
/** The words of all items of a conversation, in order. */
async function wordsOf(id: string, of = client): Promise<string[]> {
  const words: string[] = [];
  for await (const item of of.conversations.items.list(id, { order: 'asc', limit: 3 })) {
    const content = 'content' in item && Array.isArray(item.content) ? item.content : [];
    words.push(content.map((part) => ('text' in part ? part.text : '')).join('') || item.type);
  }
  return words;
}

/** Until somebody waits for what this connection has locked. */
async function locked(database: pg.Client): Promise<void> {
  const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await database.query(waits)).rowCount === 0);
}

describe('a conversation', () => {
  it('is made, described anew, and forgotten', async () => {
    const made = await client.conversations.create({ metadata: { topic: 'one' }, items: [user('hello')] });
    assert.match(made.id, /^conv_/);
    assert.equal(made.object, 'conversation');
    assert.ok(Math.abs(made.created_at - Date.now() / 1000) < 60);
    assert.deepEqual(await client.conversations.retrieve(made.id), made);
    const again = await client.conversations.update(made.id, { metadata: { topic: 'two' } });
    assert.deepEqual(again, { ...made, metadata: { topic: 'two' } });
    await assert.rejects(
      client.conversations.update(made.id, {} as never),
      (error) => error instanceof OpenAI.BadRequestError && error.code === 'missing_required_parameter',
    );
    assert.deepEqual(
      await client.conversations.retrieve(made.id),
      again,
      'an update that says nothing changes nothing',
    );
    assert.deepEqual((await client.conversations.update(made.id, { metadata: null })).metadata, {});
    const gone = await client.conversations.delete(made.id);
    assert.deepEqual(gone, { id: made.id, object: 'conversation.deleted', deleted: true });
    await assert.rejects(client.conversations.retrieve(made.id), isNotFound);
    assert.deepEqual((await client.conversations.create()).metadata, {});
  });

  it('has items that are added, listed in pages, asked for and deleted', async () => {
    const { id } = await client.conversations.create({ items: [user('a'), user('b')] });
    const added = await client.conversations.items.create(id, {
      items: [user('c'), { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' }],
    });
    assert.equal(added.data.length, 2);
    assert.deepEqual(await wordsOf(id), ['a', 'b', 'c', 'function_call']);
    const last = await client.conversations.items.list(id, { limit: 1 });
    assert.equal(last.data[0]!.type, 'function_call');
    assert.equal(last.has_more, true);
    const first = added.data[0]! as { id: string };
    const found = await client.conversations.items.retrieve(first.id, { conversation_id: id });
    assert.deepEqual(found, added.data[0]);
    const kept = await client.conversations.items.delete(first.id, { conversation_id: id });
    assert.equal(kept.id, id);
    await assert.rejects(client.conversations.items.retrieve(first.id, { conversation_id: id }), isNotFound);
    await assert.rejects(client.conversations.items.delete(first.id, { conversation_id: id }), isNotFound);
    assert.deepEqual(await wordsOf(id), ['a', 'b', 'function_call']);
  });

  it('is of its key alone: to another it is not there', async () => {
    const { id } = await client.conversations.create({ items: [user('secret')] });
    const { data } = await client.conversations.items.list(id);
    const item = (data[0] as { id: string }).id;
    const asked = started.upstream.requests.length;
    for (const call of [
      () => stranger.conversations.retrieve(id),
      () => stranger.conversations.update(id, { metadata: { mine: 'now' } }),
      () => stranger.conversations.delete(id),
      () => stranger.conversations.items.list(id),
      () => stranger.conversations.items.create(id, { items: [user('mine')] }),
      () => stranger.conversations.items.retrieve(item, { conversation_id: id }),
      () => stranger.conversations.items.delete(item, { conversation_id: id }),
      () => stranger.responses.create({ model: 'chat', input: 'go on', conversation: id }),
    ])
      await assert.rejects(call(), isNotFound);
    assert.equal(started.upstream.requests.length, asked);
    assert.deepEqual(await wordsOf(id), ['secret']);
  });

  it('is not there under an id that could never be one: 404, and not a store that is away', async () => {
    const { id } = await client.conversations.create();
    const asked = async (path: string, body?: object) => {
      const response = await fetch(`${started.gateway.url}/v1${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${apiKey}` },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    };
    for (const odd of ['conv_%00', '%00', '%ED%9F%BF%0A', 'x'.repeat(300), '%F0%9F%98%80', "'%20or%201=1"]) {
      for (const path of [`/conversations/${odd}`, `/conversations/${odd}/items`, `/conversations/${odd}/items/msg_1`])
        assert.equal((await asked(path)).status, 404, path);
      assert.equal((await asked(`/conversations/${id}/items/${odd}`)).status, 404, odd);
      assert.equal((await asked(`/conversations/${id}/items?after=${odd}`)).status, 400, odd);
      assert.equal((await asked(`/conversations/${odd}`, { metadata: {} })).status, 404, odd);
      assert.equal((await asked(`/conversations/${odd}/items`, { items: [user('x')] })).status, 404, odd);
      assert.equal((await asked(`/responses/${odd}`)).status, 404, odd);
      assert.equal((await asked(`/responses/${odd}/cancel`, {})).status, 404, odd);
    }
    const create = (body: object) => asked('/responses', { model: 'chat', input: 'x', ...body });
    assert.equal((await create({ conversation: 'conv_\0' })).status, 404);
    assert.match((await create({ previous_response_id: 'resp_\0' })).text, /previous_response_not_found/);
    assert.equal((await create({ input: [{ type: 'item_reference', id: 'msg_\0' }] })).status, 400);
    const items = [{ ...user('kept'), id: 'msg_\0' }];
    const kept = await create({ input: items });
    assert.equal(kept.status, 200);
    const { id: response } = JSON.parse(kept.text) as { id: string };
    assert.equal(
      (await asked(`/responses/${response}`)).status,
      200,
      'an odd id of an item does not lose its response',
    );
  });

  it('is refused once its key has as many as it may, in words; another key has its own', async () => {
    const own = clientOf((await started.context()).apiKey);
    const made = await Promise.all(Array.from({ length: 10 }, () => own.conversations.create()));
    for (let i = made.length; i < MOST; i++) await own.conversations.create({ items: [user('x')] });
    await assert.rejects(
      own.conversations.create({ items: [user('x')] }),
      (error) => error instanceof OpenAI.BadRequestError && error.message.includes('responses.max_conversations'),
    );
    await client.conversations.create();
    await own.conversations.delete(made[0]!.id);
    await own.conversations.create();
  });

  it('refuses what it cannot keep, by name', async () => {
    const { id } = await client.conversations.create();
    const items = (value: unknown) => client.conversations.items.create(id, { items: value as [] });
    await assert.rejects(items([]), isBad('items'));
    await assert.rejects(items('x'), isBad('items'));
    await assert.rejects(items(Array.from({ length: 21 }, () => user('x'))), isBad('items'));
    await assert.rejects(items(['x']), isBad('items[0]'));
    await assert.rejects(items([{ type: 'item_reference', id: 'msg_1' }]), isBad('items'));
    for (const metadata of ['x', { a: 1 }, { ['n'.repeat(65)]: 'x' }, { a: 'x'.repeat(513) }])
      await assert.rejects(client.conversations.create({ metadata: metadata as never }), isBad('metadata'));
    await assert.rejects(client.conversations.items.list(id, { limit: 0 }), isBad('limit'));
    await assert.rejects(client.conversations.items.list(id, { after: 'msg_nobody' }), isBad('after'));
    const { key } = await started.gateway.key({ endpoints: ['embeddings'] });
    await assert.rejects(clientOf(key).conversations.retrieve(id), OpenAI.PermissionDeniedError);
    await assert.rejects(clientOf('sk-nobody').conversations.create(), OpenAI.AuthenticationError);
    const raw = (method: string, path: string, body?: string) =>
      fetch(`${started.gateway.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}` },
        ...(body !== undefined && { body }),
      });
    assert.equal((await raw('POST', '/v1/conversations', '{')).status, 400);
    assert.equal((await raw('POST', '/conversations/', '')).status, 200);
    assert.equal((await raw('HEAD', `/v1/conversations/${id}`)).status, 200);
    const wrong = await raw('PUT', `/v1/conversations/${id}`, '{}');
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get('allow'), 'DELETE, GET, HEAD, POST');
  });
});

for (const model of responsesModels) {
  describe(`responses of ${model} in a conversation`, () => {
    it('go on from it and become part of it, whole and streamed', async () => {
      const { id } = await client.conversations.create({ items: [user('zero')] });
      const first = await client.responses.create({ model, input: 'one', conversation: id });
      assert.deepEqual(first.conversation, { id });
      assert.ok(sentLast().includes('zero'));
      const second = await client.responses.stream({ model, input: 'two', conversation: { id } }).finalResponse();
      assert.deepEqual(second.conversation, { id });
      for (const words of ['zero', 'one', first.output_text, 'two']) assert.ok(sentLast().includes(words), words);
      assert.ok(!sentLast().includes(id));
      const third = await client.responses.create({ model, input: 'three', conversation: id, store: false });
      assert.equal(third.output_text, 'You said: three');
      const said = ['zero', 'one', first.output_text, 'two', 'You said: two', 'three', 'You said: three'];
      assert.deepEqual(await wordsOf(id), said);
      await assert.rejects(client.responses.retrieve(third.id), isNotFound);
    });

    it('carry a tool loop', async () => {
      const { id } = await client.conversations.create();
      const tools = [
        { type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: false } as const,
      ];
      const first = await client.responses.create({ model, input: 'look', tools, conversation: id });
      const call = first.output.find((item) => item.type === 'function_call')!;
      const output = { type: 'function_call_output', call_id: call.call_id, output: 'a tree' } as const;
      const second = await client.responses.create({ model, tools, conversation: id, input: [output] });
      assert.equal(second.output_text, 'The tool said: a tree');
      assert.deepEqual(await wordsOf(id), ['look', 'function_call', 'function_call_output', 'The tool said: a tree']);
    });
  });
}

describe('responses in a conversation', () => {
  it('are gone on from by their id as well, and the conversation is not changed by that', async () => {
    const { id } = await client.conversations.create({ items: [user('root')] });
    const first = await client.responses.create({ model: 'chat', input: 'one', conversation: id });
    await client.responses.create({ model: 'chat', input: 'aside', previous_response_id: first.id });
    for (const words of ['root', 'one', 'You said: one', 'aside']) assert.ok(sentLast().includes(words), words);
    assert.deepEqual(await wordsOf(id), ['root', 'one', 'You said: one']);
  });

  it('need no input of their own where something was said, and may refer to what was', async () => {
    const { id } = await client.conversations.create({ items: [user('say it')] });
    const made = await client.responses.create({ model: 'chat', conversation: id });
    assert.equal(made.output_text, 'You said: say it');
    const { data } = await client.conversations.items.list(id, { order: 'asc' });
    const reference = { type: 'item_reference', id: (data[0] as { id: string }).id } as const;
    await client.responses.create({ model: 'chat', conversation: id, input: [reference, user('more')] });
    assert.equal(sentLast().split('"say it"').length, 2, 'it is sent once');
    assert.deepEqual(await wordsOf(id), ['say it', 'You said: say it', 'more', 'You said: more']);
    const empty = await client.conversations.create();
    await assert.rejects(client.responses.create({ model: 'chat', conversation: empty.id }), isBad('input'));
  });

  it('in the background become part of it', async () => {
    const { id } = await client.conversations.create();
    let made = await client.responses.create({ model: 'chat', input: 'later', conversation: id, background: true });
    while (made.status === 'queued' || made.status === 'in_progress') made = await client.responses.retrieve(made.id);
    const next = await client.responses.create({ model: 'chat', input: 'now', conversation: id });
    assert.equal(next.output_text, 'You said: now');
    assert.deepEqual(await wordsOf(id), ['later', 'You said: later', 'now', 'You said: now']);
  });

  it('in the background are told as over, here and elsewhere, only once they are part of it', async () => {
    const replica = await started.replica();
    const database = new pg.Client({ connectionString: started.gateway.databaseUrl });
    await database.connect();
    after(async () => {
      await database.end();
      await replica.close();
    });
    const there = clientOf(apiKey, replica.url);
    const { id } = await client.conversations.create();
    await database.query('begin');
    await database.query('select 1 from conversations where id = $1 for update', [id]);
    const asked = { model: 'chat', input: 'later', conversation: id, background: true, stream: true } as const;
    const stream = await client.responses.create(asked);
    const told: string[] = [];
    const followed = (async () => {
      for await (const event of stream) told.push(event.type);
    })();
    await locked(database);
    const made = (await database.query(`select id from stored_responses where background and status = 'queued'`)).rows;
    const response = made[0]!.id as string;
    for (const one of [client, there])
      assert.match((await one.responses.retrieve(response)).status!, /^(queued|in_progress)$/);
    assert.ok(!told.includes('response.completed'));
    await database.query('commit');
    await followed;
    assert.equal(told.at(-1), 'response.completed');
    let found = await there.responses.retrieve(response);
    while (found.status !== 'completed') found = await there.responses.retrieve(response);
    assert.deepEqual(await wordsOf(id, there), ['later', 'You said: later']);
  });

  it('in the background that are deleted as they end stay deleted', async () => {
    const database = new pg.Client({ connectionString: started.gateway.databaseUrl });
    await database.connect();
    after(() => database.end());
    const { id } = await client.conversations.create();
    await database.query('begin');
    await database.query('select 1 from conversations where id = $1 for update', [id]);
    const made = await client.responses.create({ model: 'chat', input: 'x', conversation: id, background: true });
    await locked(database);
    const deleted = client.responses.delete(made.id);
    const cancelled = client.responses.cancel(made.id);
    await client.responses.retrieve(made.id);
    await database.query('commit');
    await deleted;
    assert.match((await cancelled).status!, /^completed$/);
    await assert.rejects(client.responses.retrieve(made.id), isNotFound);
  });

  it('that are refused or fail leave it as it is', async () => {
    const { id } = await client.conversations.create({ items: [user('before')] });
    await assert.rejects(client.responses.create({ model: 'nobody', input: 'x', conversation: id }));
    await assert.rejects(
      client.responses.create({ model: 'chat', input: 'x', conversation: id, previous_response_id: 'resp_1' }),
      isBad('conversation'),
    );
    for (const conversation of [5, '', {}, { id: 5 }, []])
      await assert.rejects(
        client.responses.create({ model: 'chat', input: 'x', conversation: conversation as string }),
        isBad('conversation'),
        JSON.stringify(conversation),
      );
    assert.deepEqual(await wordsOf(id), ['before']);
  });

  it('are seen at another gateway as soon as they were answered', async () => {
    const replica = await started.replica();
    after(() => replica.close());
    const there = clientOf(apiKey, replica.url);
    const { id } = await client.conversations.create();
    for (let turn = 0; turn < 6; turn++)
      await (turn % 2 ? there : client).responses.create({ model: 'chat', input: `turn ${turn}`, conversation: id });
    const said = await wordsOf(id, there);
    assert.deepEqual(
      said.filter((words) => words.startsWith('turn')),
      ['turn 0', 'turn 1', 'turn 2', 'turn 3', 'turn 4', 'turn 5'],
    );
    assert.equal(said.length, 12);
  });
});
