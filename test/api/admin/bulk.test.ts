/** Keys and teams that are made many at once, over memory. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AdminServer, adminServer } from './server.js';

describe('many at once', () => {
  let server: AdminServer;
  before(async () => {
    server = await adminServer();
  });
  after(() => server.close());
  const names = async (path: string): Promise<string[]> =>
    (await server.call('GET', path)).body.data.map(({ name }: { name: string }) => name).sort();

  test('keys are made from a list, or from a list in `data`, each with its secret', async () => {
    for (const body of [[{ name: 'a' }, { name: 'b', team: 't' }], { data: [{ name: 'c' }, { name: 'd' }] }]) {
      const { status, body: made } = await server.call('POST', '/keys', body);
      assert.equal(status, 201);
      assert.equal(made.data.length, 2);
      for (const { key } of made.data) assert.match(key, /^sk-tg-\w{49}$/);
      assert.equal(new Set(made.data.map(({ key }: { key: string }) => key)).size, 2);
    }
    assert.deepEqual(await names('/keys'), ['a', 'b', 'c', 'd']);
  });

  test('a field that is wrong is named with its place, and nothing is made', async () => {
    const before = await names('/keys');
    for (const [body, field] of [
      [[{ name: 'x' }, { name: 5 }], '[1].name'],
      [[{ name: 'x' }, { nam: 'y', name: 'y' }], '[1].nam'],
      [{ data: [{ name: 'x' }, { name: 'y', limits: [{ unit: 'usd', max: 1 }] }] }, 'data[1].limits[0].per'],
      [{ data: [{ name: 'x' }], more: 1 }, 'more'],
      [[], ''],
      [Array.from({ length: 201 }, (_, i) => ({ name: `n${i}` })), ''],
      [[[{ name: 'x' }]], '[0]'],
    ] as const) {
      const { status, body: problem } = await server.call('POST', '/keys', body);
      assert.equal(status, 400, JSON.stringify(problem));
      assert.equal(problem.errors[0].field, field, JSON.stringify(problem));
    }
    assert.deepEqual(await names('/keys'), before);
  });

  test('teams are all made or none: one that is there is named with its place', async () => {
    assert.equal((await server.call('POST', '/teams', { name: 'there' })).status, 201);
    const { status, body } = await server.call('POST', '/teams', [{ name: 'new' }, { name: 'there' }]);
    assert.equal(status, 409);
    assert.deepEqual(body.errors, [{ field: '[1]', message: '[1]: There is already a team named there.' }]);
    assert.ok(!(await names('/teams')).includes('new'));
    const twice = await server.call('POST', '/teams', { data: [{ name: 'twin' }, { name: 'twin' }] });
    assert.equal(twice.body.errors[0].field, 'data[1]');
  });

  test('one Idempotency-Key is for all of them, and their secrets are not kept', async () => {
    const headers = { 'idempotency-key': 'many' };
    const first = await server.call('POST', '/keys', [{ name: 'once-1' }, { name: 'once-2' }], headers);
    const again = await server.call('POST', '/keys', [{ name: 'once-1' }, { name: 'once-2' }], headers);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    const withoutKeys = first.body.data.map((key: object) => ({ ...key, key: null }));
    assert.deepEqual(again.body, { data: withoutKeys });
    assert.deepEqual(await names('/keys?q=once'), ['once-1', 'once-2']);
  });

  test('`q` finds what is within a name, in capitals or not, and a key by its id and its prefix', async () => {
    const { body: key } = await server.call('POST', '/keys', { name: 'Search 100%_prod' });
    for (const q of ['search', 'H 100%_', 'PROD', key.id, key.prefix])
      assert.deepEqual(await names(`/keys?q=${encodeURIComponent(q)}`), ['Search 100%_prod'], q);
    assert.deepEqual(await names('/keys?q=100_'), []);
    await server.call('POST', '/teams', { name: 'Research' });
    assert.deepEqual(await names('/teams?q=sear'), ['Research']);
    for (const path of ['/keys?q=', `/keys?q=${'x'.repeat(201)}`, '/teams?q=%00'])
      assert.equal((await server.call('GET', path)).status, 400, path);
  });
});
