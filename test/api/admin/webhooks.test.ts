/** `/admin/v1/webhooks`, over a real Postgres, with a real receiver. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pgKeyStore } from '../../../src/identity/keys-pg.js';
import { newSigningSecret } from '../../../src/lib/standard-webhooks.js';
import { answer, type Receiver, startReceiver } from '../../support/receiver.js';
import { type Database, openPostgres, type World, world } from '../../webhooks/world.js';
import { type AdminServer, adminServer } from './server.js';

let database: Database;
let there: Receiver;
let hooks: World;
let server: AdminServer;
before(async () => {
  database = await openPostgres();
  there = await startReceiver();
  hooks = await world(database);
  server = await adminServer({ store: pgKeyStore(database.store.db), webhooks: hooks.webhooks });
});
after(async () => {
  await server?.close();
  await hooks?.close();
  await there?.close();
  await database?.close();
});

const create = (more: object = {}) => server.call('POST', '/webhooks', { url: there.url, ...more });

describe('endpoints', () => {
  it('are made, and show their secret once', async () => {
    const made = await create({ events: ['budget.*', 'usage.recorded', 'budget.*'], description: 'billing' });
    assert.equal(made.status, 201);
    assert.match(made.body.secret, /^whsec_/);
    const { secret, ...shown } = made.body;
    assert.deepEqual(shown.events, ['budget.*', 'usage.recorded']);
    assert.equal(made.headers.get('location'), `/admin/v1/webhooks/${shown.id}`);
    assert.equal(shown.source, 'api');
    assert.equal(shown.disabled, false);
    const one = await server.call('GET', `/webhooks/${shown.id}`);
    assert.deepEqual(one.body, shown);
    const list = await server.call('GET', '/webhooks');
    assert.deepEqual(list.body.data[0], shown);
    for (const answer of [one, list, await server.call('GET', '/audit')]) {
      assert.ok(!JSON.stringify(answer.body).includes(secret.slice(6)));
    }
    assert.ok(!server.logged.join('').includes(secret.slice(6)));
  });

  it('get everything where nothing is said, and take a secret of their own', async () => {
    const secret = newSigningSecret();
    const made = await create({ secret });
    assert.deepEqual([made.body.events, made.body.secret], [['*'], secret]);
  });

  it('are changed, disabled and deleted', async () => {
    const { id } = (await create()).body;
    const changed = await server.call('PATCH', `/webhooks/${id}`, {
      events: ['key.*'],
      description: 'x',
      disabled: true,
    });
    assert.equal(changed.status, 200);
    assert.deepEqual([changed.body.events, changed.body.description, changed.body.disabled], [['key.*'], 'x', true]);
    assert.equal((await server.call('POST', `/webhooks/${id}/test`)).status, 409);
    const enabled = await server.call('PATCH', `/webhooks/${id}`, { disabled: false, description: null });
    assert.deepEqual([enabled.body.disabled, enabled.body.disabled_at, enabled.body.description], [false, null, '']);
    assert.equal((await server.call('DELETE', `/webhooks/${id}`)).status, 200);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/rotate'],
      ['GET', '/deliveries'],
    ] as const) {
      assert.equal((await server.call(method, `/webhooks/${id}${path}`)).status, 404, method + path);
    }
    assert.equal((await server.call('PATCH', `/webhooks/${id}`, {})).status, 404);
  });

  it('are paged, newest first', async () => {
    for (let i = 0; i < 5; i++) await create();
    const all = (await server.call('GET', '/webhooks?limit=200')).body.data.map(({ id }: { id: string }) => id);
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await server.call('GET', `/webhooks?limit=2${cursor && `&cursor=${cursor}`}`);
      paged.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor;
    }
    assert.deepEqual(paged, all);
    assert.deepEqual([...all].sort().reverse(), all);
  });

  it('are refused where they cannot be', async () => {
    for (const [body, field] of [
      [{}, 'url'],
      [{ url: 'hooks.example.com' }, 'url'],
      [{ url: 'https://user:pw@hooks.example.com/' }, 'url'],
      [{ url: 'http://169.254.169.254/latest/meta-data/' }, 'url'],
      [{ url: 'ftp://hooks.example.com/' }, 'url'],
      [{ url: there.url, events: [] }, 'events'],
      [{ url: there.url, events: ['budget.nothing'] }, 'events[0]'],
      [{ url: there.url, events: ['*.created'] }, 'events[0]'],
      [{ url: there.url, secret: 'whsec_short' }, 'secret'],
      [{ url: there.url, description: 'a\u0000b' }, 'description'],
      [{ url: there.url, allow_private: true }, 'allow_private'],
    ] as const) {
      const refused = await server.call('POST', '/webhooks', body);
      assert.equal(refused.status, 400, JSON.stringify(body));
      assert.equal(refused.body.errors[0].field, field);
    }
  });

  it('in private networks are refused unless the configuration allows them', async () => {
    const strict = await world(database, { settings: { allow_private: false } });
    const other = await adminServer({ store: pgKeyStore(database.store.db), webhooks: strict.webhooks });
    const { id } = (await create()).body;
    for (const url of [there.url, 'https://localhost/x', 'https://127.0.0.1/', 'https://[::1]/', 'https://10.1.2.3/']) {
      assert.equal((await other.call('POST', '/webhooks', { url })).status, 400, url);
      assert.equal((await other.call('PATCH', `/webhooks/${id}`, { url })).status, 400, url);
    }
    await other.close();
    await strict.close();
  });

  it('of the configuration are shown, and changed only there', async () => {
    const configured = await world(database, {
      endpoints: [
        {
          id: 'wh_configured',
          url: there.url,
          events: ['*'],
          description: 'c',
          secrets: [newSigningSecret()],
          allowPrivate: true,
        },
      ],
    });
    const other = await adminServer({ store: pgKeyStore(database.store.db), webhooks: configured.webhooks });
    assert.equal((await other.call('GET', '/webhooks/wh_configured')).body.source, 'config');
    assert.equal((await other.call('PATCH', '/webhooks/wh_configured', { events: ['key.*'] })).status, 409);
    assert.equal((await other.call('DELETE', '/webhooks/wh_configured')).status, 409);
    assert.equal((await other.call('POST', '/webhooks/wh_configured/rotate')).status, 409);
    assert.equal((await other.call('PATCH', '/webhooks/wh_configured', { disabled: true })).body.disabled, true);
    await other.close();
    configured.webhooks.configure({ allow_private: true, timeout: 1_500, keep: 1, keep_dead: 1 }, []);
    await configured.close();
  });
});

describe('a write', () => {
  it('with an Idempotency-Key is made once, and its secret is not told twice', async () => {
    const body = { url: there.url, description: 'once' };
    const header = { 'idempotency-key': 'webhook-1' };
    const first = await server.call('POST', '/webhooks', body, header);
    const again = await server.call('POST', '/webhooks', body, header);
    assert.deepEqual(again.body, { ...first.body, secret: null });
    const list = await server.call('GET', '/webhooks?limit=200');
    assert.equal(list.body.data.filter(({ description }: { description: string }) => description === 'once').length, 1);
    const { rows } = await database.store.pool.query<{ body: string }>('select body::text from idempotency');
    assert.ok(rows.every((row) => !row.body.includes(first.body.secret)));
  });

  it('is in the audit log', async () => {
    const { id } = (await create()).body;
    await server.call('PATCH', `/webhooks/${id}`, { events: ['key.*'] });
    await server.call('POST', `/webhooks/${id}/rotate`, { overlap: '1h' });
    await server.call('POST', `/webhooks/${id}/test`);
    await server.call('DELETE', `/webhooks/${id}`);
    const { body } = await server.call('GET', `/audit?subject=${id}`);
    assert.deepEqual(
      body.data.map(({ action }: { action: string }) => action),
      ['webhook.delete', 'webhook.test', 'webhook.rotate', 'webhook.update', 'webhook.create'],
    );
  });

  it('needs the admin key', async () => {
    for (const [method, path] of [
      ['GET', '/webhooks'],
      ['POST', '/webhooks'],
      ['GET', '/webhooks/deliveries'],
      ['POST', '/webhooks/deliveries/dlv_1/redeliver'],
    ] as const) {
      const { status } = await server.call(method, path, undefined, { authorization: 'Bearer sk-tg-wrong' });
      assert.equal(status, 401);
    }
  });
});

describe('deliveries', () => {
  it('of a test are told, with what was sent and what came back', async () => {
    const { id } = (await create({ events: ['budget.*'] })).body;
    there.manner = answer(200, {}, 'thanks');
    const tested = await server.call('POST', `/webhooks/${id}/test`);
    assert.equal(tested.status, 202);
    assert.equal(tested.body.type, 'webhook.test');
    await hooks.webhooks.idle();
    const list = await server.call('GET', `/webhooks/${id}/deliveries`);
    assert.equal(list.body.data.length, 1);
    assert.equal(list.body.data[0].state, 'delivered');
    assert.equal(list.body.data[0].id, tested.body.id);
    for (const path of [`/webhooks/deliveries/${tested.body.id}`, `/webhooks/${id}/deliveries/${tested.body.id}`]) {
      const { body, status } = await server.call('GET', path);
      assert.equal(status, 200);
      assert.equal(body.log[0].status, 200);
      assert.equal(body.log[0].response, 'thanks');
      assert.equal(body.body.type, 'webhook.test');
      assert.equal(body.message, there.received.at(-1)!.id);
    }
    assert.equal((await server.call('GET', `/webhooks/wh_another/deliveries/${tested.body.id}`)).status, 404);
  });

  it('are sent again when told to, on both paths', async () => {
    const { id } = (await create()).body;
    const { body } = await server.call('POST', `/webhooks/${id}/test`);
    await hooks.webhooks.idle();
    for (const path of [`/webhooks/deliveries/${body.id}`, `/webhooks/${id}/deliveries/${body.id}`]) {
      const seen = there.received.length;
      const again = await server.call('POST', `${path}/redeliver`);
      assert.equal(again.status, 202);
      assert.equal(again.body.state, 'pending');
      await hooks.webhooks.idle();
      assert.equal(there.received.length, seen + 1);
      assert.equal(there.received.at(-1)!.id, body.message);
    }
    const { body: after } = await server.call('GET', `/webhooks/deliveries/${body.id}`);
    assert.deepEqual([after.attempts, after.log.length, after.state], [3, 3, 'delivered']);
  });

  it('are listed by state, type, message and endpoint, and paged', async () => {
    const { id } = (await create({ events: ['target.*'] })).body;
    there.manner = answer(500);
    for (let n = 0; n < 5; n++) hooks.webhooks.emit(n % 2 === 0 ? 'target.opened' : 'target.closed', { n });
    await hooks.webhooks.idle();
    const list = async (query: string) =>
      (await server.call('GET', `/webhooks/deliveries?endpoint=${id}&${query}`)).body;
    assert.equal((await list('')).data.length, 5);
    assert.equal((await list('type=target.closed')).data.length, 2);
    assert.equal((await list('state=pending')).data.length, 5);
    assert.equal((await list('state=dead')).data.length, 0);
    const first = await list('limit=2');
    const second = await list(`limit=2&cursor=${first.next_cursor}`);
    const third = await list(`limit=2&cursor=${second.next_cursor}`);
    assert.equal(third.next_cursor, null);
    const numbers = [first, second, third].flatMap(({ data }) =>
      data.map((one: { id: string }) => Number(one.id.slice(4))),
    );
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => b - a),
    );
    assert.equal(numbers.length, 5);
    assert.equal((await list(`message=${first.data[0].message}`)).data.length, 1);
    for (const bad of ['state=lost', 'type=x', 'cursor=!!', 'limit=0', 'nothing=1']) {
      assert.equal((await server.call('GET', `/webhooks/deliveries?${bad}`)).status, 400, bad);
    }
    for (const bad of ['dlv_0', 'dlv_99999999999999999999', "dlv_1'--", '1']) {
      assert.equal((await server.call('GET', `/webhooks/deliveries/${encodeURIComponent(bad)}`)).status, 400, bad);
    }
    assert.equal((await server.call('GET', '/webhooks/deliveries/dlv_999999999999')).status, 404);
    assert.equal((await server.call('POST', '/webhooks/deliveries/dlv_999999999999/redeliver')).status, 404);
  });
});

it('all of it is in the OpenAPI document', async () => {
  const { body } = await server.call('GET', '/openapi.json');
  for (const path of [
    '',
    '/{id}',
    '/{id}/test',
    '/{id}/rotate',
    '/{id}/deliveries',
    '/deliveries',
    '/deliveries/{delivery}/redeliver',
  ]) {
    assert.ok(body.paths[`/admin/v1/webhooks${path}`], path);
  }
});
