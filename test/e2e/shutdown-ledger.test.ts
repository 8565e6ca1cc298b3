/** A shutdown waits for the ledger: what was answered before it is in the database when the process has ended. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import pg from 'pg';
import { startGateway } from '../support/gateway.js';
import { freshDatabase } from '../support/postgres.js';
import { eventually } from '../support/reload.js';
import { startUpstream } from '../support/upstream.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const REQUESTS = 20;

test('entries that wait when the process is told to end are in the database when it has ended', async (t) => {
  const upstream = await startUpstream();
  const database = await freshDatabase();
  const gateway = await startGateway({
    database: database.url,
    config: {
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 } } },
    },
  });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.after(async () => {
    await gateway.close();
    await client.end();
    await database.drop();
    await upstream.stop();
  });
  const { key } = await gateway.key();
  const ask = async (): Promise<void> => {
    const response = await gateway.chat(key, { model: 'm', messages });
    const text = await response.text();
    assert.equal(response.status, 200, text);
  };

  // The gateway writes its first entry and is held up there; the others wait behind it.
  await client.query('begin');
  await client.query('lock table entries in access exclusive mode');
  await ask();
  await eventually('the gateway is held up at the lock', async () => {
    const held = await client.query(
      "select 1 from pg_locks where not granted and relation in (select oid from pg_class where relname like 'entries%')",
    );
    return held.rowCount! > 0 ? true : undefined;
  });
  for (let i = 1; i < REQUESTS; i++) await ask();

  const ended = gateway.stop();
  await eventually('the gateway stops listening', async () => ((await listens(gateway.url)) ? undefined : true));
  await client.query('commit');
  assert.equal(await ended, 0);
  const { rows } = await client.query('select count(*)::int as entries from entries');
  assert.deepEqual(rows, [{ entries: REQUESTS }]);
});

const listens = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
