/** The stores of conversations, and what keeps conversations in them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/lib/json.js';
import { createSeal } from '../../src/lib/seal.js';
import { Conversations } from '../../src/responses/conversations.js';
import { memoryConversationStore } from '../../src/responses/conversations-memory.js';
import { pgConversationStore } from '../../src/responses/conversations-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { conversationStoreContract } from '../contract/conversation-store.js';
import { ManualClock } from '../support/clock.js';
import { freshDatabase } from '../support/postgres.js';

describe('in memory', () => conversationStoreContract(async () => memoryConversationStore()));

describe('in Postgres', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let store: Store;
  before(async () => {
    database = await freshDatabase();
    store = openStore({ url: database.url, max: 4 });
    await migrate(store.pool);
  });
  after(async () => {
    await store.close();
    await database.drop();
  });
  const empty = async () => {
    await store.pool.query('truncate conversations, conversation_items');
    return pgConversationStore(store.pool);
  };
  conversationStoreContract(empty);

  it('removes an item and a whole conversation at once: neither waits for the other for ever', async () => {
    const conversations = await empty();
    const at = { id: 'conv_1', keyId: 'key_a' };
    const item = { id: 'msg_1', body: Buffer.from('x'), size: 1 };
    await conversations.create({ ...at, body: item.body, createdAtMs: 1_000, expiresAtMs: 9_000 }, [item], 10);
    const client = await store.pool.connect();
    try {
      await client.query('begin');
      await client.query(`select 1 from conversations where id = 'conv_1' for update`);
      const removing = conversations.removeItem(at, 2_000, 'msg_1');
      const isWaiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      while ((await store.pool.query(isWaiting)).rowCount === 0);
      await client.query(`delete from conversations where id = 'conv_1'`);
      await client.query('commit');
      assert.equal(await removing, false);
    } finally {
      client.release();
    }
  });

  it('sweeps what belongs to a revoked key', async () => {
    const conversations = await empty();
    await store.pool.query(
      `insert into keys (id, hash, name, prefix, revoked_at) values ('key_r', decode(repeat('ab', 32), 'hex'), 'r', 'p', now())`,
    );
    for (const keyId of ['key_r', 'key_other'])
      await conversations.create(
        { id: `conv_${keyId}`, keyId, body: Buffer.from('x'), createdAtMs: 1_000, expiresAtMs: 9_000 },
        [],
        10,
      );
    assert.equal(await conversations.sweep(2_000, 10), 1);
    assert.ok(await conversations.get({ id: 'conv_key_other', keyId: 'key_other' }, 2_000));
  });
});

describe('kept conversations', () => {
  function keeper(more: object = {}) {
    const errors: string[] = [];
    const store = memoryConversationStore();
    const conversations = new Conversations({
      store,
      seal: createSeal('secret', 'test'),
      clock: new ManualClock(2_000),
      settings: () => ({ store: true, retention: 10_000, max_size: 1_000, max_conversations: 3 }),
      wait: () => new Promise(() => {}),
      onError: (error) => void errors.push(String(error)),
      ...more,
    });
    /** Its id, of the key `key_a`. */
    const made = async (metadata: Json = {}): Promise<string> => {
      const found = await conversations.create('key_a', metadata);
      assert.ok(typeof found !== 'string');
      return found.id;
    };
    return { conversations, store, errors, made };
  }
  const said = (id: string, text = 'a secret phrase') => ({ id, type: 'message', role: 'user', content: text });

  it('lie encrypted, and open at their place alone', async () => {
    const { conversations, store, errors, made } = keeper();
    const id = await made({ topic: 'a secret topic' });
    const at = { id, keyId: 'key_a' };
    await conversations.append(at, [said('msg_1')]);
    const row = (await store.get(at, 2_000))!;
    const [item] = await store.items(at, 2_000, { order: 'asc', limit: 1 });
    for (const { body } of [row, item!]) assert.ok(!body.includes('secret'));
    assert.deepEqual(await conversations.all(at), [said('msg_1')]);
    await store.append(at, [{ ...item!, id: 'msg_moved' }], {
      ...{ nowMs: 2_000, expiresAtMs: 9_000, mostBytes: 1_000, mostItems: 10 },
    });
    assert.equal(await conversations.item(at, 'msg_moved'), undefined);
    assert.equal(errors.length, 1);
    const other = keeper({ store, seal: createSeal('another', 'test') });
    assert.equal(await other.conversations.find(at), undefined);
  });

  it('are read whole, in their order, however many items they have', async () => {
    const { conversations, made } = keeper({
      settings: () => ({ store: true, retention: 10_000, max_size: 1_000_000, max_conversations: 3 }),
    });
    const id = await made();
    const at = { id, keyId: 'key_a' };
    const items = Array.from({ length: 250 }, (_, i) => said(`msg_${i}`, `${i}`));
    await conversations.append(at, items);
    assert.deepEqual(await conversations.all(at), items);
  });

  it('give an item another id whose own is taken', async () => {
    const { conversations, made } = keeper();
    const id = await made();
    const at = { id, keyId: 'key_a' };
    await conversations.append(at, [said('msg_0', 'one')]);
    const added = await conversations.append(at, [said('msg_1', 'two'), said('msg_0', 'three'), said('msg_1', 'four')]);
    const all = await conversations.all(at);
    assert.deepEqual(all!.slice(1), added);
    assert.deepEqual(
      all!.map(({ content }) => content),
      ['one', 'two', 'three', 'four'],
    );
    assert.equal(new Set(all!.map((item) => item['id'])).size, 4);
  });

  it('are read with what is still being added', async () => {
    const { conversations, made } = keeper();
    const id = await made();
    const at = { id, keyId: 'key_a' };
    const adding = conversations.appendTurn(at, [said('msg_1')]);
    const more = conversations.appendTurn(at, [said('msg_2')]);
    assert.deepEqual(await conversations.all(at), [said('msg_1'), said('msg_2')]);
    await Promise.all([adding, more]);
  });

  it('are read whole where an item is removed between two pages', async () => {
    const store = memoryConversationStore();
    const at = { id: '', keyId: 'key_a' };
    let pages = 0;
    const removing = {
      ...store,
      items: async (...asked: Parameters<typeof store.items>) => {
        const page = await store.items(...asked);
        if (++pages === 1) await store.removeItem(at, 2_000, page.at(-1)!.id);
        return page;
      },
    };
    const settings = () => ({ store: true, retention: 10_000, max_size: 1_000_000, max_conversations: 3 });
    const { conversations, made } = keeper({ settings, store: removing });
    at.id = await made();
    const items = Array.from({ length: 250 }, (_, i) => said(`msg_${i}`, `${i}`));
    await conversations.append(at, items);
    assert.deepEqual(await conversations.all(at), items);
  });

  it('are not there where one of their items cannot be read: what the model is sent is never cut silently', async () => {
    const { conversations, store, errors, made } = keeper();
    const at = { id: await made(), keyId: 'key_a' };
    await conversations.append(at, [said('msg_1'), said('msg_2')]);
    const opened = keeper({
      store: {
        ...store,
        items: async (...asked: Parameters<typeof store.items>) =>
          (await store.items(...asked)).map((row, i) => (i === 0 ? { ...row, id: 'msg_other' } : row)),
      },
    });
    assert.equal(await opened.conversations.all(at), undefined);
    assert.deepEqual(errors, []);
    assert.equal(opened.errors.length, 1);
  });

  it('have a bound for a key and for their size, and each is told as what it is', async () => {
    const { conversations, made } = keeper();
    const large = [said('msg_1', 'x'.repeat(2_000))];
    assert.equal(await conversations.create('key_a', {}, large), 'too_large');
    for (let i = 0; i < 3; i++) await made();
    assert.equal(await conversations.create('key_a', {}), 'too_many_of_key');
    assert.equal(typeof (await conversations.create('key_b', {}, [said('msg_1'), said('msg_1')])), 'object');
  });

  it('whose ids could never be one are not there, and no store is asked', async () => {
    const never = new Proxy(memoryConversationStore(), { get: () => assert.fail('the store is asked') });
    const { conversations } = keeper({ store: never });
    for (const id of ['', 'conv_\0', 'x'.repeat(257), '\ud800', 'a\nb']) {
      const at = { id, keyId: 'key_a' };
      assert.equal(await conversations.find(at), undefined);
      assert.equal(await conversations.describe(at, {}), undefined);
      assert.equal(await conversations.all(at), undefined);
      assert.equal(await conversations.append(at, [said('msg_1')]), 'unknown');
      assert.equal(await conversations.page(at, { order: 'asc', limit: 1 }), 'unknown');
      assert.equal(await conversations.item({ ...at, id: 'conv_1' }, id), undefined);
      assert.equal(await conversations.removeItem({ ...at, id: 'conv_1' }, id), false);
      assert.equal(await conversations.remove(at), false);
    }
  });

  it('whose store never answers hold an answer back for a while only, and somebody is told', async () => {
    let pass = (): void => {};
    const waited: number[] = [];
    const hanging = keeper({
      store: { ...memoryConversationStore(), append: () => new Promise(() => {}) },
      wait: (ms: number) => {
        waited.push(ms);
        return new Promise<void>((resolve) => {
          pass = resolve;
        });
      },
    });
    const turn = hanging.conversations.appendTurn({ id: 'conv_1', keyId: 'key_a' }, [said('msg_1')]);
    assert.deepEqual(hanging.errors, []);
    pass();
    await turn;
    assert.ok(waited[0]! > 0 && waited[0]! <= 5_000);
    assert.match(hanging.errors[0]!, /within/);
  });

  it('that have no room, are gone, or whose store is away: the turn goes on and somebody is told', async () => {
    const { conversations, errors, made } = keeper();
    const id = await made();
    await conversations.appendTurn({ id, keyId: 'key_a' }, [said('msg_1', 'x'.repeat(2_000))]);
    assert.match(errors[0]!, /max_size/);
    await conversations.appendTurn({ id: 'conv_gone', keyId: 'key_a' }, [said('msg_1')]);
    assert.match(errors[1]!, /deleted/);
    const gone = keeper({ store: { ...memoryConversationStore(), append: () => Promise.reject(new Error('away')) } });
    await gone.conversations.appendTurn({ id, keyId: 'key_a' }, [said('msg_1')]);
    assert.match(gone.errors[0]!, /away/);
  });
});
