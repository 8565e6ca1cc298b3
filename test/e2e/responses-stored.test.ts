/** Stored responses and responses in the background, through the `openai` client and by hand, against a real gateway and Postgres. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import pg from 'pg';
import { responseEvents, responseTo } from '../support/openai-responses-answers.js';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';
import { head, pause, sse, until, write } from '../support/upstream-steps.js';

let started: ResponsesGateway;
let client: OpenAI;
let stranger: OpenAI;
let apiKey: string;

const clientOf = (key: string) => new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });

before(async () => {
  started = await startResponsesGateway();
  ({ apiKey } = await started.context());
  client = clientOf(apiKey);
  stranger = clientOf((await started.context()).apiKey);
});
after(() => started?.close());

const sentLast = () => started.upstream.requests.at(-1)!.json();
const isNotFound = (error: unknown) => error instanceof OpenAI.NotFoundError;

for (const model of responsesModels) {
  describe(`stored responses of ${model}`, () => {
    it('can be asked for again, with their input', async () => {
      const made = await client.responses.create({ model, input: 'remember me', metadata: { run: 'one' } });
      assert.equal((made as { store?: boolean }).store, true);
      const found = await client.responses.retrieve(made.id);
      assert.deepEqual(found.output, made.output);
      assert.equal(found.status, 'completed');
      assert.deepEqual(found.metadata, { run: 'one' });
      const { data } = await client.responses.inputItems.list(made.id);
      assert.deepEqual(
        data.map((item) => ('content' in item ? item.content : undefined)),
        [[{ type: 'input_text', text: 'remember me' }]],
      );
    });

    it('are gone on from, over three turns, streamed and not, without their instructions', async () => {
      const first = await client.responses.create({ model, input: 'one', instructions: 'Only once.' });
      const second = await client.responses
        .stream({ model, input: 'two', previous_response_id: first.id })
        .finalResponse();
      assert.equal(second.previous_response_id, first.id);
      const third = await client.responses.create({ model, input: 'three', previous_response_id: second.id });
      assert.equal(third.output_text, 'You said: three');
      const sent = JSON.stringify(sentLast());
      for (const words of ['one', 'You said: one', 'two', 'You said: two', 'three'])
        assert.ok(sent.includes(words), words);
      assert.ok(!sent.includes('Only once.'));
      assert.ok(!sent.includes('previous_response_id'));
    });

    it('go on where an ancestor was deleted', async () => {
      const first = await client.responses.create({ model, input: 'root' });
      const second = await client.responses.create({ model, input: 'child', previous_response_id: first.id });
      await client.responses.delete(first.id);
      await assert.rejects(client.responses.retrieve(first.id), isNotFound);
      await client.responses.create({ model, input: 'grandchild', previous_response_id: second.id });
      assert.ok(JSON.stringify(sentLast()).includes('root'));
    });

    it('carry a tool loop', async () => {
      const tools = [
        { type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: false } as const,
      ];
      const first = await client.responses.create({ model, input: 'look', tools });
      const call = first.output.find((item) => item.type === 'function_call')!;
      const second = await client.responses.create({
        model,
        tools,
        previous_response_id: first.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: 'a tree' }],
      });
      assert.equal(second.output_text, 'The tool said: a tree');
    });
  });
}

describe('stored responses', () => {
  it('are of their key alone: to another they are not there', async () => {
    const made = await client.responses.create({ model: 'chat', input: 'secret' });
    await client.responses.retrieve(made.id);
    await assert.rejects(stranger.responses.retrieve(made.id), isNotFound);
    await assert.rejects(stranger.responses.cancel(made.id), isNotFound);
    await assert.rejects(stranger.responses.delete(made.id), isNotFound);
    await assert.rejects(stranger.responses.inputItems.list(made.id), isNotFound);
    const asked = started.upstream.requests.length;
    await assert.rejects(
      stranger.responses.create({ model: 'native', input: 'go on', previous_response_id: made.id }),
      (error: unknown) => error instanceof OpenAI.BadRequestError && error.code === 'previous_response_not_found',
    );
    const item = made.output[0]!.id!;
    await assert.rejects(
      stranger.responses.create({ model: 'native', input: [{ type: 'item_reference', id: item }] }),
      OpenAI.BadRequestError,
    );
    assert.equal(started.upstream.requests.length, asked);
    await client.responses.retrieve(made.id);
  });

  it('are not for a key that may not be used from here, or not for chat', async () => {
    const { id, key } = await started.gateway.key();
    const made = await clientOf(key).responses.create({ model: 'chat', input: 'mine' });
    await clientOf(key).responses.retrieve(made.id);
    for (const change of [{ allowed_ips: ['10.9.8.7'] }, { allowed_ips: null, endpoints: ['embeddings'] }]) {
      await started.gateway.admin('PATCH', `/keys/${id}`, change);
      await assert.rejects(clientOf(key).responses.retrieve(made.id), OpenAI.PermissionDeniedError);
    }
  });

  it('resolve references to items of earlier turns', async () => {
    const first = await client.responses.create({ model: 'chat', input: 'alpha' });
    const id = first.output[0]!.id!;
    await client.responses.create({
      model: 'native',
      input: [
        { role: 'user', content: 'before' },
        { type: 'item_reference', id },
        { role: 'user', content: 'beta' },
      ],
    });
    const { input } = sentLast();
    assert.deepEqual(
      (input as { content: unknown }[])[1]!.content,
      first.output[0]!.type === 'message' && first.output[0].content,
    );
    assert.ok(!JSON.stringify(input).includes(id));
  });

  it('are not kept with store: false, and are then not gone on from', async () => {
    const made = await client.responses.create({ model: 'chat', input: 'nothing', store: false });
    assert.equal((made as { store?: boolean }).store, false);
    await assert.rejects(client.responses.retrieve(made.id), isNotFound);
    const next = client.responses.create({ model: 'chat', input: 'more', previous_response_id: made.id });
    await assert.rejects(
      next,
      (error: unknown) => error instanceof OpenAI.BadRequestError && error.param === 'previous_response_id',
    );
  });

  it('lie encrypted in the database', async () => {
    const made = await client.responses.create({ model: 'chat', input: 'a phrase that nobody else writes' });
    await client.responses.retrieve(made.id);
    const database = new pg.Client({ connectionString: started.gateway.databaseUrl });
    await database.connect();
    try {
      // The write may still be under way: the response was found in memory.
      for (let rows: unknown[] = []; rows.length === 0; ) {
        ({ rows } = await database.query('select body from stored_responses where id = $1', [made.id]));
        const [row] = rows as { body: Buffer }[];
        if (row) assert.ok(!row.body.includes('phrase'));
      }
    } finally {
      await database.end();
    }
  });

  it('list their input in pages, both ways', async () => {
    const input = ['a', 'b', 'c', 'd', 'e'].map((content) => ({ role: 'user', content }) as const);
    const made = await client.responses.create({ model: 'chat', input });
    const said: string[] = [];
    for await (const item of client.responses.inputItems.list(made.id, { order: 'asc', limit: 2 }))
      said.push(JSON.stringify('content' in item ? item.content : null));
    assert.deepEqual(
      said.map((one) => /"text":"(.)"/.exec(one)![1]),
      ['a', 'b', 'c', 'd', 'e'],
    );
    const { data, has_more } = await client.responses.inputItems.list(made.id, { limit: 3 });
    assert.match(JSON.stringify(data[0]), /"text":"e"/);
    assert.equal(has_more, true);
    await assert.rejects(client.responses.inputItems.list(made.id, { limit: 101 }), OpenAI.BadRequestError);
    await assert.rejects(client.responses.inputItems.list(made.id, { after: 'msg_nobody' }), OpenAI.BadRequestError);
  });

  it('ask OpenAI to keep nothing, and for what it thought', async () => {
    const made = await client.responses.create({ model: 'reasoner', input: 'think', reasoning: { effort: 'low' } });
    const sent = sentLast();
    assert.equal(sent['store'], false);
    assert.deepEqual(sent['include'], ['reasoning.encrypted_content']);
    await client.responses.create({ model: 'reasoner', input: 'more', previous_response_id: made.id });
    const [, reasoning] = sentLast()['input'] as { type: string; encrypted_content?: string; id?: string }[];
    assert.equal(reasoning!.type, 'reasoning');
    assert.equal(reasoning!.encrypted_content, 'gAAAA-upstream');
    assert.equal(reasoning!.id, undefined);
  });

  it('are there at another gateway, which can also stop what runs at the first', async () => {
    const made = await client.responses.create({ model: 'chat', input: 'shared' });
    const replica = await started.replica();
    try {
      const there = new OpenAI({ baseURL: `${replica.url}/v1`, apiKey, maxRetries: 0 });
      assert.deepEqual((await there.responses.retrieve(made.id)).output, made.output);
      await there.responses.create({ model: 'chat', input: 'more', previous_response_id: made.id });
      assert.ok(JSON.stringify(sentLast()).includes('shared'));
      const arrival = started.upstream.arrival();
      started.upstream.next([head(200), until(new Promise(() => {}))]);
      const slow = await client.responses.create({ model: 'chat', input: 'never', background: true });
      const received = await arrival;
      assert.equal((await there.responses.cancel(slow.id)).status, 'cancelled');
      await received.over;
      assert.equal((await client.responses.retrieve(slow.id)).status, 'cancelled');
    } finally {
      await replica.close();
    }
  });
});

describe('responses in the background', () => {
  const finished = async (id: string) => {
    for (;;) {
      const response = await client.responses.retrieve(id);
      if (response.status !== 'queued' && response.status !== 'in_progress') return response;
    }
  };

  for (const model of responsesModels) {
    it(`are answered at once and polled: ${model}`, async () => {
      const made = await client.responses.create({ model, input: 'slowly', background: true });
      assert.equal(made.status, 'queued');
      const response = await finished(made.id);
      assert.equal(response.id, made.id);
      assert.equal(response.status, 'completed');
      assert.equal(response.background, true);
      assert.match(JSON.stringify(response.output), /You said: slowly/);
    });
  }

  it('go on when their client has left, and are entered in the ledger once', async () => {
    const headers = { 'x-request-id': 'background-1' };
    const made = await client.responses.create({ model: 'chat', input: 'alone', background: true }, { headers });
    await finished(made.id);
    const [entry, ...others] = await started.gateway.entries('background-1');
    assert.equal(entry!.status, 200);
    assert.equal(others.length, 0);
  });

  it('are cancelled, twice, and their upstream is let go of', async () => {
    const arrival = started.upstream.arrival();
    started.upstream.next([head(200), until(new Promise(() => {}))]);
    const made = await client.responses.create({ model: 'chat', input: 'never', background: true });
    const received = await arrival;
    const cancelled = await client.responses.cancel(made.id);
    assert.equal(cancelled.status, 'cancelled');
    await received.over;
    assert.equal((await client.responses.cancel(made.id)).status, 'cancelled');
    assert.equal((await client.responses.retrieve(made.id)).status, 'cancelled');
  });

  it('that fail say why', async () => {
    started.upstream.next([
      head(500, { 'content-type': 'application/json' }),
      write('{"error":{"message":"It broke."}}'),
    ]);
    const made = await client.responses.create({ model: 'chat', input: 'breaks', background: true });
    const response = await finished(made.id);
    assert.equal(response.status, 'failed');
    assert.match(response.error!.message, /It broke/);
  });

  it('are refused at once where they may not be made', async () => {
    const asked = client.responses.create({ model: 'nobody', input: 'x', background: true });
    await assert.rejects(asked, isNotFound);
    const unkept = client.responses.create({ model: 'chat', input: 'x', background: true, store: false });
    await assert.rejects(unkept, OpenAI.BadRequestError);
  });

  it('that are not in the background cannot be cancelled', async () => {
    const made = await client.responses.create({ model: 'chat', input: 'done' });
    await assert.rejects(client.responses.cancel(made.id), OpenAI.BadRequestError);
  });

  it('are streamed, and taken up again after any event', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const body = { model: 'gpt-4o', input: 'one two three four' };
    const events = responseEvents(responseTo(body));
    started.upstream.next(sse(...events.slice(0, 6), until(held), ...events.slice(6), pause(0)));
    const stream = await client.responses.create({ ...body, model: 'native', background: true, stream: true });
    const numbers: number[] = [];
    let id = '';
    for await (const event of stream) {
      numbers.push(event.sequence_number);
      if (event.type === 'response.created') id = event.response.id;
      if (numbers.length === 5) break; // the client leaves
    }
    assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
    assert.equal((await client.responses.retrieve(id)).status, 'in_progress');
    release();
    const rest = await client.responses.retrieve(id, { stream: true, starting_after: 4 });
    let last: OpenAI.Responses.ResponseStreamEvent | undefined;
    for await (const event of rest) {
      numbers.push(event.sequence_number);
      last = event;
    }
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
    assert.equal(last!.type, 'response.completed');
    assert.equal(last!.type === 'response.completed' && last!.response.id, id);
    // And once more from what is stored.
    const again: number[] = [];
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 2 }))
      again.push(event.sequence_number);
    assert.deepEqual(again, numbers.slice(3));
  });
});

describe('a WebSocket', () => {
  it('is refused with 426, so that clients fall back to POST at once', async () => {
    const { request } = await import('node:http');
    const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'eA==',
      };
      request(`${started.gateway.url}/v1/responses`, { headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          body += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode, body }));
      })
        .on('upgrade', () => reject(new Error('it was upgraded')))
        .on('error', reject)
        .end();
    });
    assert.equal(answer.status, 426);
    assert.match(answer.body, /send a POST/);
    assert.equal((await fetch(`${started.gateway.url}/v1/responses`)).status, 405);
  });
});
