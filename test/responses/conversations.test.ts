/** The stores of conversations, and what keeps conversations in them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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

  it('sweeps what belongs to a revoked key', async () => {
    const conversations = await empty();
    await store.pool.query(
      `insert into keys (id, hash, name, prefix, revoked_at) values ('key_r', decode(repeat('ab', 32), 'hex'), 'r', 'p', now())`,
    );
    for (const keyId of ['key_r', 'key_other'])
      await conversations.create({
        ...{ id: `conv_${keyId}`, keyId, body: Buffer.from('x'), createdAtMs: 1_000, expiresAtMs: 9_000 },
      });
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
      settings: () => ({ store: true, retention: 10_000, max_size: 1_000 }),
      onError: (error) => void errors.push(String(error)),
      ...more,
    });
    return { conversations, store, errors };
  }
  const said = (id: string, text = 'a secret phrase') => ({ id, type: 'message', role: 'user', content: text });

  it('lie encrypted, and open at their place alone', async () => {
    const { conversations, store, errors } = keeper();
    const { id } = await conversations.create('key_a', { topic: 'a secret topic' });
    const at = { id, keyId: 'key_a' };
    await conversations.append(at, [said('msg_1')]);
    const row = (await store.get(at, 2_000))!;
    const [item] = await store.items(at, 2_000, { order: 'asc', limit: 1 });
    for (const { body } of [row, item!]) assert.ok(!body.includes('secret'));
    assert.deepEqual(await conversations.all(at), [said('msg_1')]);
    await store.append(at, [{ ...item!, id: 'msg_moved' }], { nowMs: 2_000, expiresAtMs: 9_000, mostBytes: 1_000 });
    assert.equal(await conversations.item(at, 'msg_moved'), undefined);
    assert.equal(errors.length, 1);
    const other = keeper({ store, seal: createSeal('another', 'test') });
    assert.equal(await other.conversations.find(at), undefined);
  });

  it('are read whole, in their order, however many items they have', async () => {
    const { conversations } = keeper({ settings: () => ({ store: true, retention: 10_000, max_size: 1_000_000 }) });
    const { id } = await conversations.create('key_a', {});
    const at = { id, keyId: 'key_a' };
    const items = Array.from({ length: 250 }, (_, i) => said(`msg_${i}`, `${i}`));
    await conversations.append(at, items);
    assert.deepEqual(await conversations.all(at), items);
  });

  it('give an item another id whose own is taken', async () => {
    const { conversations } = keeper();
    const { id } = await conversations.create('key_a', {});
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
    const { conversations } = keeper();
    const { id } = await conversations.create('key_a', {});
    const at = { id, keyId: 'key_a' };
    const adding = conversations.appendTurn(at, [said('msg_1')]);
    const more = conversations.appendTurn(at, [said('msg_2')]);
    assert.deepEqual(await conversations.all(at), [said('msg_1'), said('msg_2')]);
    await Promise.all([adding, more]);
  });

  it('that have no room, are gone, or whose store is away: the turn goes on and somebody is told', async () => {
    const { conversations, errors } = keeper();
    const { id } = await conversations.create('key_a', {});
    await conversations.appendTurn({ id, keyId: 'key_a' }, [said('msg_1', 'x'.repeat(2_000))]);
    assert.match(errors[0]!, /max_size/);
    await conversations.appendTurn({ id: 'conv_gone', keyId: 'key_a' }, [said('msg_1')]);
    assert.match(errors[1]!, /deleted/);
    const gone = keeper({ store: { ...memoryConversationStore(), append: () => Promise.reject(new Error('away')) } });
    await gone.conversations.appendTurn({ id, keyId: 'key_a' }, [said('msg_1')]);
    assert.match(gone.errors[0]!, /away/);
  });
});
