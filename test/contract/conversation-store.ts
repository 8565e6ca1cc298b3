/** What every store of conversations does, whatever it is made of. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConversationStore, ItemRow } from '../../src/responses/conversation-store.js';

const at = { id: 'conv_1', keyId: 'key_a' };
const others = { id: 'conv_1', keyId: 'key_b' };
const row = { ...at, body: Buffer.from('body'), createdAtMs: 1_000, expiresAtMs: 10_000 };
const item = (id: string, size = 10): ItemRow => ({ id, body: Buffer.from(`item ${id}`), size });
const append = { nowMs: 2_000, expiresAtMs: 10_000, mostBytes: 1_000, mostItems: 100 };
const page = { order: 'asc', limit: 10 } as const;

export function conversationStoreContract(open: () => Promise<ConversationStore>): void {
  const begun = async (): Promise<ConversationStore> => {
    const store = await open();
    await store.create(row, [], 10);
    return store;
  };
  const bare = ({ seq: _seq, ...row }: ItemRow & { seq: number }): ItemRow => row;
  const ids = async (store: ConversationStore, more: object = {}, nowMs = 2_000): Promise<string[]> =>
    (await store.items(at, nowMs, { ...page, ...more })).map(({ id }) => id);

  it('gives a conversation back as it was, to its key alone', async () => {
    const store = await begun();
    assert.deepEqual(await store.get(at, 2_000), row);
    assert.equal(await store.get(others, 2_000), undefined);
    assert.equal(await store.update(others, 2_000, Buffer.from('theirs')), false);
    assert.equal(await store.update(at, 2_000, Buffer.from('new')), true);
    assert.deepEqual(await store.get(at, 2_000), { ...row, body: Buffer.from('new') });
  });

  it('keeps items in the order in which they were added, and gives them in pages both ways', async () => {
    const store = await begun();
    assert.equal(await store.append(at, [item('z'), item('a')], append), 'appended');
    assert.equal(await store.append(at, [item('m')], append), 'appended');
    const all = await store.items(at, 2_000, page);
    assert.deepEqual(all.map(bare), [item('z'), item('a'), item('m')]);
    const [, a, m] = all;
    assert.deepEqual(await ids(store, { limit: 2 }), ['z', 'a']);
    assert.deepEqual(await ids(store, { afterSeq: a!.seq }), ['m']);
    assert.deepEqual(await ids(store, { order: 'desc', afterSeq: m!.seq, limit: 1 }), ['a']);
    assert.deepEqual(await ids(store, { afterSeq: m!.seq }), []);
    assert.deepEqual(await store.item(at, 2_000, 'a'), a);
    await store.removeItem(at, 2_000, 'a');
    assert.deepEqual(await ids(store, { afterSeq: a!.seq }), ['m'], 'what is removed meanwhile cuts nothing off');
    assert.equal(await store.item(at, 2_000, 'b'), undefined);
  });

  it('lets nobody else read, add or remove items', async () => {
    const store = await begun();
    await store.append(at, [item('a')], append);
    assert.equal(await store.append(others, [item('b')], append), 'unknown');
    assert.deepEqual(await store.items(others, 2_000, page), []);
    assert.equal(await store.item(others, 2_000, 'a'), undefined);
    assert.equal(await store.removeItem(others, 2_000, 'a'), false);
    assert.equal(await store.remove(others), false);
    assert.deepEqual(await ids(store), ['a']);
  });

  it('adds nothing where an id is taken, and says which', async () => {
    const store = await begun();
    await store.append(at, [item('a'), item('b')], append);
    assert.deepEqual(await store.append(at, [item('a', 99), item('c')], append), { taken: ['a'] });
    assert.deepEqual((await store.items(at, 2_000, page)).map(bare), [item('a'), item('b')]);
    const both = await Promise.all([store.append(at, [item('d')], append), store.append(at, [item('d')], append)]);
    assert.equal(both.filter((one) => one === 'appended').length, 1);
    assert.deepEqual(await ids(store), ['a', 'b', 'd']);
  });

  it('adds all or none where there is no room, and has room again once something is removed', async () => {
    const store = await begun();
    const most = { ...append, mostBytes: 30 };
    assert.equal(await store.append(at, [item('a'), item('b')], most), 'appended');
    assert.equal(await store.append(at, [item('c'), item('d')], most), 'too_large');
    assert.deepEqual(await ids(store), ['a', 'b']);
    assert.equal(await store.removeItem(at, 2_000, 'a'), true);
    assert.equal(await store.removeItem(at, 2_000, 'a'), false);
    assert.equal(await store.append(at, [item('c'), item('d')], most), 'appended');
    assert.deepEqual(await ids(store), ['b', 'c', 'd']);
  });

  it('adds all or none where there would be too many, and counts what is removed', async () => {
    const store = await begun();
    const most = { ...append, mostItems: 2 };
    assert.equal(await store.append(at, [item('a')], most), 'appended');
    assert.equal(await store.append(at, [item('b'), item('c')], most), 'too_many');
    assert.equal(await store.append(at, [item('b')], most), 'appended');
    assert.equal(await store.append(at, [item('c')], most), 'too_many');
    assert.equal(await store.removeItem(at, 2_000, 'a'), true);
    assert.equal(await store.append(at, [item('c')], most), 'appended');
    assert.deepEqual(await ids(store), ['b', 'c']);
  });

  it('keeps a conversation no longer where nothing was added', async () => {
    const store = await begun();
    const longer = { ...append, expiresAtMs: 20_000 };
    await store.append(at, [item('a')], append);
    assert.equal(await store.append(at, [item('b')], { ...longer, mostBytes: 1 }), 'too_large');
    assert.equal(await store.append(at, [item('b')], { ...longer, mostItems: 1 }), 'too_many');
    assert.deepEqual(await store.append(at, [item('a')], longer), { taken: ['a'] });
    assert.equal((await store.get(at, 2_000))!.expiresAtMs, 10_000);
  });

  it('makes a conversation with its first items, and counts them', async () => {
    const store = await open();
    assert.equal(await store.create(row, [item('b'), item('a')], 10), true);
    assert.deepEqual(await ids(store), ['b', 'a']);
    assert.equal(await store.append(at, [item('c')], { ...append, mostItems: 2 }), 'too_many');
    assert.equal(await store.append(at, [item('c')], { ...append, mostBytes: 29 }), 'too_large');
    assert.equal(await store.append(at, [item('c')], { ...append, mostItems: 3, mostBytes: 30 }), 'appended');
  });

  it('makes no more conversations of a key than it may have; what is over does not count', async () => {
    const store = await begun();
    const second = { ...row, id: 'conv_2' };
    assert.equal(await store.create(second, [item('a')], 1), false);
    assert.equal(await store.get(second, 2_000), undefined);
    assert.equal(await store.create({ ...second, keyId: 'key_b' }, [], 1), true);
    assert.equal(await store.create({ ...row, id: 'conv_3', createdAtMs: 10_000, expiresAtMs: 20_000 }, [], 1), true);
  });

  it('adds what comes at once one after the other', async () => {
    const store = await begun();
    const pairs = Array.from({ length: 20 }, (_, i) => [item(`in_${i}`), item(`out_${i}`)]);
    await Promise.all(pairs.map((pair) => store.append(at, pair, append)));
    const found = await ids(store, { limit: 100 });
    assert.equal(found.length, 40);
    for (let i = 0; i < 40; i += 2) assert.equal(found[i]!.replace('in', 'out'), found[i + 1]);
  });

  it('keeps a conversation from its last turn on, then gives nothing of it, and sweeps it', async () => {
    const store = await begun();
    await store.append(at, [item('a')], { ...append, expiresAtMs: 20_000 });
    assert.deepEqual(await ids(store, {}, 19_999), ['a']);
    assert.equal(await store.get(at, 20_000), undefined);
    assert.deepEqual(await ids(store, {}, 20_000), []);
    assert.equal(await store.append(at, [item('b')], { ...append, nowMs: 20_000 }), 'unknown');
    assert.equal(await store.sweep(19_999, 10), 0);
    assert.equal(await store.sweep(20_000, 10), 1);
  });

  it('forgets a conversation with its items, once', async () => {
    const store = await begun();
    await store.append(at, [item('a')], append);
    assert.equal(await store.remove(at), true);
    assert.equal(await store.remove(at), false);
    await store.create(row, [], 10);
    assert.deepEqual(await ids(store), []);
  });
}
