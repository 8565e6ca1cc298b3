import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { openStore, type Store } from '../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { cutProxy } from './cut-proxy.js';

let database: FreshDatabase;
let admin: Store;
before(async () => {
  database = await freshDatabase();
  admin = openStore({ url: database.url, applicationName: 'admin' });
});
after(async () => {
  await admin.close();
  await database.drop();
});

test('a store answers, says who it is, and closes as often as it is told', async () => {
  const store = openStore({ url: database.url });
  await store.ping();
  const { rows } = await store.pool.query('show application_name');
  assert.deepEqual(rows, [{ application_name: 'tollgate' }]);
  await Promise.all([store.close(), store.close()]);
  await store.close();
  await assert.rejects(store.ping());
});

test('a query that takes too long is cancelled by the database, and its connection serves the next', async () => {
  const store = openStore({ url: database.url, max: 1, statementTimeoutMs: 50 });
  await assert.rejects(store.pool.query('select pg_sleep(20)'), /statement timeout/);
  await store.ping();
  await store.close();
});

test('a database that is not there is an error of who asks, not a crash', async () => {
  const proxy = await cutProxy(database.url);
  await proxy.close();
  const store = openStore({ url: proxy.url });
  await assert.rejects(store.ping(), /ECONNREFUSED/);
  await store.close();
});

test('a database that takes the connection and says nothing is given up in time', async () => {
  const proxy = await cutProxy(database.url);
  proxy.stall();
  const store = openStore({ url: proxy.url, connectTimeoutMs: 50 });
  await assert.rejects(store.ping(), /timeout/);
  await store.close();
  await proxy.close();
});

test('a connection that breaks while idle is reported, and replaced when it is needed', async () => {
  const reported: Error[] = [];
  const store = openStore({
    url: database.url,
    applicationName: 'victim',
    onIdleError: (error) => reported.push(error),
  });
  await store.ping();
  const broken = once(store.pool, 'error');
  await admin.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`);
  await broken;
  assert.match(reported[0]?.message ?? '', /terminat/);
  await store.ping();
  await store.close();
});

test('no more connections are made than allowed, and everyone gets a turn', async () => {
  const store = openStore({ url: database.url, max: 2, applicationName: 'crowd' });
  await Promise.all(Array.from({ length: 30 }, () => store.pool.query('select pg_sleep(0.001)')));
  assert.ok(store.pool.totalCount <= 2);
  await store.close();
});
