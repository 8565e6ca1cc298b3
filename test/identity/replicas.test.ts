/** Two gateways over one real Postgres: what one of them is told is in force on the other within a second. */
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import pg from 'pg';
import { type Authenticator, createAuthenticator } from '../../src/identity/authenticate.js';
import type { Change } from '../../src/identity/changes.js';
import { type PgChanges, pgChanges } from '../../src/identity/changes-pg.js';
import { createKeys, type Keys } from '../../src/identity/keys.js';
import { pgKeyStore } from '../../src/identity/keys-pg.js';
import { systemClock } from '../../src/lib/clock.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

interface Replica {
  keys: Keys;
  auth: Authenticator;
  changes: PgChanges;
  lines: string[];
  heard: Change[];
  close(): Promise<void>;
}

let database: FreshDatabase;
let setup: Store;
before(async () => {
  database = await freshDatabase();
  setup = openStore({ url: database.url, max: 2 });
  await migrate(setup.pool);
});
after(async () => {
  await setup.close();
  await database.drop();
});

const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function replica(url = database.url, lineUrl = url): Promise<Replica> {
  const store = openStore({ url, max: 3 });
  const lines: string[] = [];
  const heard: Change[] = [];
  const changes = pgChanges({
    connection: { url: lineUrl },
    clock: systemClock,
    beatMs: 50,
    answerWithinMs: 400,
    onLine: (state, error) => void lines.push(error instanceof Error ? `${state}: ${error.message}` : state),
  });
  changes.subscribe((change) => void heard.push(change));
  const keyStore = pgKeyStore(store.db);
  const auth = createAuthenticator({ store: keyStore, changes, clock: systemClock });
  const one: Replica = {
    keys: createKeys({ store: keyStore, changes, clock: systemClock }),
    auth,
    changes,
    lines,
    heard,
    async close() {
      auth.close();
      await changes.close();
      await store.close();
    },
  };
  open.push(one);
  return one;
}

/** Tries until it is so; fails after five seconds. Answers how long it took, in milliseconds. */
async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<number> {
  const start = performance.now();
  while (!(await isSo())) {
    if (performance.now() - start > 5_000) assert.fail(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
  return performance.now() - start;
}

const isUp = (one: Replica) => until(() => one.changes.up, 'the line is up');

async function code(one: Replica, secret: string): Promise<string> {
  const result = await one.auth.authenticate(secret);
  return result.ok ? 'ok' : result.refusal.code;
}

async function newKey(one: Replica, team?: string) {
  const made = await one.keys.write('test', (w) => w.createKey({ name: 'k', team }));
  assert.ok(made.ok);
  return { id: made.value.key.id, secret: made.value.secret };
}

let marks = 0;

/** Makes it know the key, once it has heard of all that was changed before. */
async function learn(one: Replica, secret: string): Promise<void> {
  const mark = `mark-${marks++}`;
  await setup.pool.query('select pg_notify($1, $2)', ['tollgate_keys', `team:${mark}`]);
  await until(() => one.heard.some((change) => change.kind === 'team' && change.team === mark), 'the mark is heard');
  assert.equal(await code(one, secret), 'ok');
  assert.ok(!(one.auth.authenticate(secret) instanceof Promise));
}

test('a revocation on one is in force on the other within a second, with no look-ups in between', async () => {
  const [here, there] = [await replica(), await replica()];
  await Promise.all([isUp(here), isUp(there)]);
  const { id, secret } = await newKey(here);
  await learn(there, secret);
  await new Promise((done) => setTimeout(done, 900)); // longer than anything would be believed without the line
  assert.ok(!(there.auth.authenticate(secret) instanceof Promise));
  await here.keys.write('test', (w) => w.revokeKey(id));
  assert.equal(await code(here, secret), 'invalid_api_key', 'here at once');
  const tookMs = await until(async () => (await code(there, secret)) === 'invalid_api_key', 'revoked there');
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
});

test('a team that is blocked here is blocked there, and a key that is made here is known there', async () => {
  const [here, there] = [await replica(), await replica()];
  await Promise.all([isUp(here), isUp(there)]);
  const { secret } = await newKey(here, 'blocked-team');
  await learn(there, secret);
  await here.keys.write('test', (w) => w.blockTeam('blocked-team'));
  const blockedMs = await until(async () => (await code(there, secret)) === 'team_blocked', 'blocked there');
  assert.ok(blockedMs < 1_000, `${blockedMs} ms`);
});

test('a revoked key is revoked there under the old secret of a rotation too', async () => {
  const [here, there] = [await replica(), await replica()];
  await Promise.all([isUp(here), isUp(there)]);
  const { id, secret: old } = await newKey(here);
  const rotated = await here.keys.write('test', (w) => w.rotateKey(id, 3_600_000));
  assert.ok(rotated.ok);
  const both = [old, rotated.value.secret];
  for (const secret of both) await learn(there, secret);
  await here.keys.write('test', (w) => w.revokeKey(id));
  for (const secret of both) {
    const tookMs = await until(async () => (await code(there, secret)) === 'invalid_api_key', 'revoked there');
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
  }
});

test('a revocation is in force within a second though the line was cut just before it', async () => {
  const [here, there] = [await replica(), await replica()];
  await Promise.all([isUp(here), isUp(there)]);
  const { id, secret } = await newKey(here);
  await learn(there, secret);
  await killLines();
  await here.keys.write('test', (w) => w.revokeKey(id));
  const tookMs = await until(async () => (await code(there, secret)) === 'invalid_api_key', 'revoked there');
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
});

test('a revocation is in force within a second though there is no line at all', async () => {
  const [here, there] = [await replica(), await replica(database.url, 'postgres://postgres@127.0.0.1:1/none')];
  const { id, secret } = await newKey(here);
  assert.equal(await code(there, secret), 'ok');
  await here.keys.write('test', (w) => w.revokeKey(id));
  const tookMs = await until(async () => (await code(there, secret)) === 'invalid_api_key', 'revoked there');
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
});

test('a revocation is in force within a second though the line fell silent without an end', async () => {
  const proxy = await lineProxy();
  const [here, there] = [await replica(), await replica(database.url, proxy.url)];
  await Promise.all([isUp(here), isUp(there)]);
  const { id, secret } = await newKey(here);
  await learn(there, secret);
  const heardAt = there.changes.heardAt();
  await until(() => there.changes.heardAt() > heardAt, 'it was up for a while');
  proxy.mode = 'silent';
  await here.keys.write('test', (w) => w.revokeKey(id));
  const tookMs = await until(async () => (await code(there, secret)) === 'invalid_api_key', 'revoked there');
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
  await until(() => there.lines.length > 1, 'noticed');
  assert.match(there.lines[1]!, /^down: Query read timeout/);
});

test('a line on which no announcements arrive, as behind some poolers, is never taken for one that is up', async () => {
  const proxy = await lineProxy();
  proxy.mode = 'deaf';
  const there = await replica(database.url, proxy.url);
  await until(() => there.lines.length > 0, 'told');
  assert.deepEqual(there.lines, [
    'down: announcements do not arrive on this connection: is a transaction pooler in between?',
  ]);
  assert.equal(there.changes.heardAt(), Number.NEGATIVE_INFINITY);
});

test('a line that was cut comes back by itself, tells that changes may be missed, and works again', async () => {
  const [here, there] = [await replica(), await replica()];
  await Promise.all([isUp(here), isUp(there)]);
  there.heard.length = 0;
  await killLines();
  await until(() => there.lines.length >= 3, 'down and up again');
  assert.deepEqual(
    there.lines.slice(0, 3).map((line) => line.split(':')[0]),
    ['up', 'down', 'up'],
  );
  assert.deepEqual(there.heard[0], { kind: 'all' });
  const { id, secret } = await newKey(here);
  assert.equal(await code(there, secret), 'ok');
  await here.keys.write('test', (w) => w.blockKey(id));
  await until(async () => (await code(there, secret)) === 'key_blocked', 'blocked there');
});

test('what was heard grows while the line is up and stands still while it is not', async () => {
  const one = await replica();
  assert.equal(one.changes.heardAt(), Number.NEGATIVE_INFINITY);
  await isUp(one);
  const first = one.changes.heardAt();
  assert.ok(first <= systemClock.monotonic());
  await until(() => one.changes.heardAt() > first, 'it grows');
  await one.changes.close();
  const last = one.changes.heardAt();
  await new Promise((done) => setTimeout(done, 150));
  assert.equal(one.changes.heardAt(), last);
});

test('with no database there is no line, that is told once, and closing waits for nothing', async () => {
  const one = await replica('postgres://postgres@127.0.0.1:1/none');
  await until(() => one.lines.length > 0, 'told');
  await new Promise((done) => setTimeout(done, 200));
  assert.equal(one.lines.length, 1);
  assert.match(one.lines[0]!, /^down: connect ECONNREFUSED/);
  const start = performance.now();
  await one.changes.close();
  assert.ok(performance.now() - start < 500);
  assert.equal(await code(one, (await newKey(await replica())).secret), 'unavailable');
});

test('an announcement of a kind that is not known yet is taken to mean anything', async () => {
  const one = await replica();
  await isUp(one);
  one.heard.length = 0;
  await setup.pool.query(`select pg_notify('tollgate_keys', 'project:x')`);
  await until(() => one.heard.length > 0, 'heard');
  assert.deepEqual(one.heard, [{ kind: 'all' }]);
});

async function killLines(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rowCount } = await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'tollgate-keys' and datname = current_database()`,
  );
  assert.ok(rowCount && rowCount > 0);
  await client.end();
}

/** Stands before the database: passes all on, or drops announcements (`deaf`), or passes nothing on (`silent`). */
async function lineProxy() {
  const target = new URL(database.url);
  const sockets = new Set<Socket>();
  const proxy = { mode: 'open' as 'open' | 'deaf' | 'silent', url: '', close: () => {} };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => proxy.mode !== 'silent' && upstream.write(bytes));
    let rest = Buffer.alloc(0);
    upstream.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      // A message of the server is a letter, the length of what follows, and that; A is an announcement.
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const end = rest.readUInt32BE(1) + 1;
        const drop = proxy.mode === 'silent' || (proxy.mode === 'deaf' && rest[0] === 'A'.charCodeAt(0));
        if (!drop) client.write(rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = new URL(database.url);
  const address = server.address();
  url.host = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  proxy.url = url.href;
  proxy.close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  open.push(proxy);
  return proxy;
}
