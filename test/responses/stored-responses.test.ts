/** The stores of responses, and what keeps responses in them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSeal } from '../../src/lib/seal.js';
import { memoryResponseStore } from '../../src/responses/responses-memory.js';
import { pgResponseStore } from '../../src/responses/responses-pg.js';
import type { ResponseStore, StoredResponse } from '../../src/responses/stored-response.js';
import { StoredResponses, type StoredResponsesDeps } from '../../src/responses/stored-responses.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { responseStoreContract } from '../contract/response-store.js';
import { ManualClock } from '../support/clock.js';
import { freshDatabase } from '../support/postgres.js';

describe('in memory', () => responseStoreContract(async () => memoryResponseStore()));

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
  responseStoreContract(async () => {
    await store.pool.query('truncate stored_responses');
    return pgResponseStore(store.pool);
  });

  it('sweeps what belongs to a revoked key', async () => {
    await store.pool.query('truncate stored_responses');
    const responses = pgResponseStore(store.pool);
    await store.pool.query(
      `insert into keys (id, hash, name, prefix, revoked_at) values ('key_r', decode(repeat('ab', 32), 'hex'), 'r', 'p', now())`,
    );
    for (const keyId of ['key_r', 'key_other'])
      await responses.put({
        ...{ id: `resp_${keyId}`, keyId, status: 'completed', background: false, itemIds: [], body: Buffer.from('x') },
        ...{ createdAtMs: 1_000, expiresAtMs: 9_000, runningUntilMs: null },
      });
    assert.equal(await responses.sweep(2_000, 10), 1);
    assert.ok(await responses.get('resp_key_other', 'key_other', 2_000));
  });
});

describe('kept responses', () => {
  const stored = (id: string, more: Partial<StoredResponse> = {}): StoredResponse => ({
    id,
    keyId: 'key_a',
    status: 'completed',
    background: false,
    createdAtMs: 1_000,
    runningUntilMs: null,
    before: [],
    input: [
      { type: 'message', id: 'msg_in', role: 'user', content: [{ type: 'input_text', text: 'a secret phrase' }] },
    ],
    response: { id, output: [{ type: 'message', id: 'msg_out', role: 'assistant', content: [] }] },
    ...more,
  });

  function keeper(more: Partial<StoredResponsesDeps> = {}) {
    const errors: unknown[] = [];
    const deps: StoredResponsesDeps = {
      store: memoryResponseStore(),
      seal: createSeal('secret', 'test'),
      clock: new ManualClock(2_000),
      settings: () => ({ store: true, retention: 10_000, max_size: 10_000 }),
      looksAgainAfterMs: [],
      wait: async () => {},
      onError: (error) => void errors.push(error),
      ...more,
    };
    return { responses: new StoredResponses(deps), deps, errors };
  }

  it('are found while they are being written, and after, by their key alone', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const inner = memoryResponseStore();
    const store: ResponseStore = { ...inner, put: (row) => held.then(() => inner.put(row)) };
    const { responses } = keeper({ store });
    responses.keep(stored('resp_1'));
    assert.equal((await responses.find('resp_1', 'key_a'))!.id, 'resp_1');
    assert.equal(await responses.find('resp_1', 'key_b'), undefined);
    assert.ok((await responses.items(['msg_out'], 'key_a')).has('msg_out'));
    assert.equal((await responses.items(['msg_out'], 'key_b')).size, 0);
    release();
    await responses.close();
    assert.deepEqual(await responses.find('resp_1', 'key_a'), stored('resp_1'));
    assert.deepEqual([...(await responses.items(['msg_in', 'msg_out', 'msg_none'], 'key_a')).keys()].sort(), [
      'msg_in',
      'msg_out',
    ]);
  });

  it('lie encrypted, and do not open with another secret or under another key', async () => {
    const { responses, deps, errors } = keeper();
    await responses.write(stored('resp_1'));
    const row = (await deps.store.get('resp_1', 'key_a', 2_000))!;
    assert.ok(!row.body.includes('secret phrase'));
    const other = keeper({ store: deps.store, seal: createSeal('another', 'test') });
    assert.equal(await other.responses.find('resp_1', 'key_a'), undefined);
    assert.equal(other.errors.length, 1);
    await deps.store.put({ ...row, id: 'resp_moved' });
    assert.equal(await responses.find('resp_moved', 'key_a'), undefined);
    assert.equal(errors.length, 1);
  });

  it('are not kept where they are too large, or their store is away: somebody is told', async () => {
    const large = keeper({ settings: () => ({ store: true, retention: 1, max_size: 100 }) });
    large.responses.keep(stored('resp_1'));
    await assert.rejects(large.responses.write(stored('resp_2')), /max_size/);
    assert.equal(large.errors.length, 1);
    const gone = keeper({ store: { ...memoryResponseStore(), put: () => Promise.reject(new Error('away')) } });
    gone.responses.keep(stored('resp_1'));
    await gone.responses.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(gone.errors.length, 1);
  });

  it('leave the events of a stream out where these are too much', async () => {
    const { responses } = keeper({ settings: () => ({ store: true, retention: 10_000, max_size: 600 }) });
    await responses.write(stored('resp_1', { events: ['x'.repeat(1_000)] }));
    const found = await responses.find('resp_1', 'key_a');
    assert.equal(found!.events, undefined);
    assert.equal(found!.input.length, 1);
  });

  it('that another gateway is still writing are looked for again', async () => {
    const store = memoryResponseStore();
    const writer = keeper({ store });
    const waits: number[] = [];
    const reader = keeper({
      store,
      looksAgainAfterMs: [30, 100],
      wait: async (ms) => {
        waits.push(ms);
        if (waits.length === 2) await writer.responses.write(stored('resp_1'));
      },
    });
    assert.equal((await reader.responses.find('resp_1', 'key_a'))!.id, 'resp_1');
    assert.deepEqual(waits, [30, 100]);
  });

  it('expire', async () => {
    const clock = new ManualClock(2_000);
    const { responses } = keeper({ clock });
    await responses.write(stored('resp_1'));
    clock.advance(10_000);
    assert.equal(await responses.find('resp_1', 'key_a'), undefined);
    await responses.sweep();
  });
});
