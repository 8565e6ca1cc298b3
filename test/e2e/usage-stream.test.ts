/** The ledger followed live: what any gateway enters, bounded by role and filter, gone on with after a break, and ended with the gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { ask, type MadeUser, madeUser } from '../support/people.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

interface Event {
  readonly event: string;
  readonly id: string | null;
  readonly data: { readonly request_id: string; readonly team: string | null };
}

const config = {
  providers: { sandbox: { type: 'sandbox' } },
  models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1000, output: 1000 } } },
};
const body = { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] };

/** Reads events until there are so many, and leaves. */
class Tail {
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #controller: AbortController;
  #rest = '';
  ended = false;

  private constructor(response: Response, controller: AbortController) {
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    this.#controller = controller;
  }

  static async open(url: string, token: string, query = '', last?: string): Promise<Tail> {
    const controller = new AbortController();
    const response = await fetch(`${url}/admin/v1/usage/stream${query}`, {
      headers: { authorization: `Bearer ${token}`, ...(last !== undefined && { 'last-event-id': last }) },
      signal: controller.signal,
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    return new Tail(response, controller);
  }

  /** The last place that it was told, with an event or without one. */
  place: string | null = null;

  /** Until it knows where to go on from. */
  async placed(): Promise<string> {
    while (this.place === null) await this.#block();
    return this.place;
  }

  async next(): Promise<Event | null> {
    for (;;) {
      const block = await this.#block();
      if (block === null) return null;
      if (block.data !== undefined) return { event: block.event!, id: block.id ?? null, data: JSON.parse(block.data) };
    }
  }

  /** Lines up to an empty one. */
  async #block(): Promise<Readonly<Record<string, string>> | null> {
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end === -1) {
        const { value, done } = await this.#reader.read();
        if (done) return null;
        this.#rest += value;
        continue;
      }
      const lines = this.#rest.slice(0, end).split('\n');
      this.#rest = this.#rest.slice(end + 2);
      const block = Object.fromEntries(
        lines.map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
      );
      this.place = block['id'] ?? this.place;
      return block;
    }
  }

  leave(): void {
    this.#controller.abort();
  }
}

describe('the live tail of the ledger', { timeout: 60_000 }, () => {
  let database: FreshDatabase;
  let one: Gateway;
  let two: Gateway;
  let search: NewKey;
  let ads: NewKey;
  let people: MadeUser;
  before(async () => {
    database = await freshDatabase();
    one = await startGateway({ database: database.url, config });
    two = await startGateway({ database: database.url, config });
    search = await one.key({ name: 'search', team: 'search' });
    ads = await one.key({ name: 'ads', team: 'ads' });
    people = await madeUser(one, { role: 'team_admin', teams: ['search'] });
  });
  after(async () => {
    await one?.close();
    await two?.close();
    await database?.drop();
  });

  const send = async (gateway: Gateway, key: NewKey, id: string): Promise<void> => {
    const response = await gateway.chat(key.key, body, { headers: { 'x-request-id': id } });
    assert.equal(response.status, 200);
    await response.arrayBuffer();
  };

  it('tells what any gateway enters, what the filter asks for, and of a team to its people', async () => {
    const all = await Tail.open(one.url, one.adminKey);
    const filtered = await Tail.open(one.url, one.adminKey, '?team=ads');
    const named = await Tail.open(one.url, one.adminKey, '?key_name=EAR&min_cost_usd=0.001&max_cost_usd=1');
    const own = await Tail.open(two.url, people.token);
    await send(one, ads, 'tail-1');
    await send(two, search, 'tail-2');
    assert.deepEqual([(await all.next())?.data.request_id, (await all.next())?.data.request_id], ['tail-1', 'tail-2']);
    const [first] = await one.entries('tail-1');
    const told = await filtered.next();
    assert.equal(told?.event, 'entry');
    assert.deepEqual({ ...told?.data, key_name: 'ads' }, first);
    assert.equal((await own.next())?.data.request_id, 'tail-2');
    assert.equal((await named.next())?.data.request_id, 'tail-2');
    const { body: listed } = await ask(one, people.token, 'GET', '/usage');
    assert.deepEqual(
      listed.data.map((entry: { request_id: string }) => entry.request_id),
      ['tail-2'],
    );
    for (const tail of [all, filtered, named, own]) tail.leave();
  });

  it('goes on at another gateway where it broke off, with nothing missing', async () => {
    const tail = await Tail.open(one.url, one.adminKey);
    await send(one, ads, 'break-1');
    const event = await tail.next();
    assert.equal(event?.data.request_id, 'break-1');
    tail.leave();
    for (const i of [2, 3, 4]) await send(i === 3 ? two : one, search, `break-${i}`);
    await Promise.all([2, 3, 4].map((i) => one.entries(`break-${i}`)));
    const again = await Tail.open(two.url, one.adminKey, '', event!.id!);
    await send(two, ads, 'break-5');
    const got = new Set<string>();
    while (!got.has('break-5')) {
      const next = await again.next();
      assert.equal(next?.event, 'entry');
      got.add(next!.data.request_id);
    }
    assert.deepEqual([...got].filter((id) => id !== 'break-1').sort(), ['break-2', 'break-3', 'break-4', 'break-5']);
    again.leave();
  });

  it('goes on from where it began, though nothing came', async () => {
    const tail = await Tail.open(one.url, one.adminKey);
    const place = await tail.placed();
    tail.leave();
    await send(two, search, 'quiet-1');
    await one.entries('quiet-1');
    const again = await Tail.open(two.url, one.adminKey, '', place);
    for (;;) {
      const next = await again.next();
      assert.equal(next?.event, 'entry');
      if (next!.data.request_id === 'quiet-1') break;
    }
    again.leave();
  });

  it('tells who missed more than is kept for one reader that something is missing, and goes on', async () => {
    const tail = await Tail.open(one.url, one.adminKey);
    await send(one, ads, 'many-1');
    const { id } = (await tail.next())!;
    tail.leave();
    const padded = { headers: { 'x-tollgate-metadata': JSON.stringify({ pad: 'x'.repeat(3_000) }) } };
    for (let n = 0; n < 400; n += 40)
      await Promise.all(Array.from({ length: 40 }, () => one.chat(ads.key, body, padded).then((sent) => sent.text())));
    await send(one, ads, 'many-2');
    await one.entries('many-2');
    const again = await Tail.open(one.url, one.adminKey, '', id!);
    let count = 0;
    let last = await again.next();
    for (; last?.event === 'entry'; last = await again.next()) count += 1;
    assert.equal(last?.event, 'gap', `after ${count}`);
    await send(one, ads, 'many-3');
    assert.equal((await again.next())?.data.request_id, 'many-3');
    again.leave();
  });

  it('says so where it cannot know what was missed', async () => {
    for (const last of ['nonsense', '0-0', '999999999999999999-1', `1-${Date.now()}`]) {
      const tail = await Tail.open(one.url, one.adminKey, '', last);
      assert.equal((await tail.next())?.event, 'gap', last);
      tail.leave();
    }
  });

  it('refuses what is no filter, and whoever may not read', async () => {
    assert.equal((await ask(one, one.adminKey, 'GET', '/usage/stream?cursor=x')).status, 400);
    assert.equal((await ask(one, one.adminKey, 'GET', '/usage/stream?status=9')).status, 400);
    assert.equal((await ask(one, one.adminKey, 'GET', '/usage/stream?min_cost_usd=1e3')).status, 400);
    assert.equal((await ask(one, undefined, 'GET', '/usage/stream')).status, 401);
  });

  it('ends when its gateway does, which does not wait for it', async () => {
    const tail = await Tail.open(two.url, one.adminKey);
    const at = Date.now();
    await two.stop();
    assert.equal(await tail.next(), null);
    assert.ok(Date.now() - at < 10_000);
  });
});
