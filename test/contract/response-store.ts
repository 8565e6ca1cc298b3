/** What every store of responses does, whatever it is made of. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ResponseRow, ResponseStore } from '../../src/responses/stored-response.js';

const row = (id: string, more: Partial<ResponseRow> = {}): ResponseRow => ({
  id,
  keyId: 'key_a',
  status: 'completed',
  background: false,
  itemIds: [`msg_${id}`],
  body: Buffer.from(`body of ${id}`),
  createdAtMs: 1_000,
  expiresAtMs: 10_000,
  runningUntilMs: null,
  ...more,
});

export function responseStoreContract(open: () => Promise<ResponseStore>): void {
  it('gives a row back as it was, to its key alone', async () => {
    const store = await open();
    const written = row('resp_1', { background: true, runningUntilMs: 5_000 });
    assert.equal(await store.put(written), true);
    assert.deepEqual(await store.get('resp_1', 'key_a', 2_000), written);
    assert.equal(await store.get('resp_1', 'key_b', 2_000), undefined);
    assert.equal(await store.get('resp_2', 'key_a', 2_000), undefined);
  });

  it('replaces a row for its key, and for no other', async () => {
    const store = await open();
    await store.put(row('resp_1', { status: 'queued', runningUntilMs: 5_000 }));
    assert.equal(await store.put(row('resp_1', { body: Buffer.from('later') })), true);
    assert.equal(await store.put(row('resp_1', { keyId: 'key_b', body: Buffer.from('not his') })), false);
    const found = await store.get('resp_1', 'key_a', 2_000);
    assert.equal(found!.body.toString(), 'later');
    assert.equal(found!.status, 'completed');
    assert.equal(found!.runningUntilMs, null);
  });

  it('does not give what has expired, and sweeps it', async () => {
    const store = await open();
    await store.put(row('resp_1'));
    await store.put(row('resp_2', { expiresAtMs: 20_000 }));
    assert.equal(await store.get('resp_1', 'key_a', 10_000), undefined);
    assert.equal((await store.holding(['msg_resp_1'], 'key_a', 10_000, 10)).length, 0);
    assert.equal(await store.sweep(10_000, 100), 1);
    assert.ok(await store.get('resp_2', 'key_a', 10_000));
  });

  it('removes a row for its key alone, once', async () => {
    const store = await open();
    await store.put(row('resp_1'));
    assert.equal(await store.remove('resp_1', 'key_b'), false);
    assert.equal(await store.remove('resp_1', 'key_a'), true);
    assert.equal(await store.remove('resp_1', 'key_a'), false);
  });

  it('finds rows by their items, the newest first, for their key alone', async () => {
    const store = await open();
    await store.put(row('resp_1', { itemIds: ['a', 'b'] }));
    await store.put(row('resp_2', { itemIds: ['b'], createdAtMs: 2_000 }));
    await store.put(row('resp_3', { itemIds: ['b'], keyId: 'key_b' }));
    const found = async (ids: string[], most = 10) =>
      (await store.holding(ids, 'key_a', 3_000, most)).map(({ id }) => id);
    assert.deepEqual(await found(['b']), ['resp_2', 'resp_1']);
    assert.deepEqual(await found(['a', 'x']), ['resp_1']);
    assert.deepEqual(await found(['b'], 1), ['resp_2']);
    assert.deepEqual(await found(['x']), []);
  });

  it('keeps a cancelled row as it is, whoever ends it later', async () => {
    const store = await open();
    await store.put(row('resp_1', { status: 'in_progress' }));
    await store.cancel('resp_1', 'key_b');
    assert.deepEqual(await store.cancelled(['resp_1', 'resp_2']), []);
    await store.cancel('resp_1', 'key_a');
    assert.deepEqual(await store.cancelled(['resp_1', 'resp_2']), ['resp_1']);
    assert.equal(await store.put(row('resp_1', { status: 'cancelled' })), true);
    assert.equal(await store.put(row('resp_1', { status: 'completed' })), false);
    assert.equal((await store.get('resp_1', 'key_a', 2_000))!.status, 'cancelled');
  });
}
