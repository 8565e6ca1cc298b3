/** Bad input, over a real Postgres: each gets its problem document for little work, and the next request is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { pgKeyStore } from '../../../src/identity/keys-pg.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore, type Store } from '../../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { ADMIN_KEY, type AdminServer, type Answer, adminServer } from './server.js';

let database: FreshDatabase;
let store: Store;
let server: AdminServer;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
  server = await adminServer({ store: pgKeyStore(store.db) });
});
after(async () => {
  await server.close();
  await store.close();
  await database.drop();
});
afterEach(async () => {
  assert.equal((await server.call('GET', '/keys')).status, 200, 'the next request is served');
  const errors = server.logged.filter((line) => JSON.parse(line).level >= 50);
  assert.deepEqual(errors, [], 'nothing of this is a fault of ours');
});

function isProblem(answer: Answer, status: number, code: string): void {
  const said = JSON.stringify(answer.body);
  assert.equal(answer.status, status, said);
  assert.equal(answer.body.code, code, said);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.ok(said.length < 5_000, 'however much is wrong');
}

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

test('what is not JSON', async () => {
  const bodies = ['{', 'nonsense', '{"name": "k",}', "{'name': 'k'}", '\u0000', '[[[', '{"name": "k"} {}', 'NaN'];
  for (const body of bodies) isProblem(await server.call('POST', '/keys', body), 400, 'invalid_json');
  const notUtf8 = Buffer.from([...Buffer.from('{"name":"'), 0xff, 0xfe, ...Buffer.from('"}')]);
  isProblem(await server.call('POST', '/keys', notUtf8), 400, 'invalid_json');
  isProblem(await server.call('POST', '/keys', '{"name":"k","__proto__":{"x":1}}'), 400, 'invalid_json');
  isProblem(
    await server.call('POST', '/keys', '{"name":"k","metadata":{"constructor":{"prototype":1}}}'),
    400,
    'invalid_json',
  );
});

test('JSON that is not an object', async () => {
  for (const body of ['null', '[]', '1', '"x"', 'true']) {
    isProblem(await server.call('POST', '/keys', body), 400, 'invalid_value');
  }
  isProblem(await server.call('POST', '/keys', ''), 400, 'invalid_value');
  isProblem(await server.call('POST', '/keys'), 400, 'invalid_value');
});

test('bodies that are nested 10,000 deep, where anything and where nothing may be', async () => {
  const start = process.cpuUsage();
  for (const deep of [nested(10_000, '[', ']'), nested(9_000, '{"a":', '}').replace('}', '1}')]) {
    isProblem(await server.call('POST', '/keys', deep), 400, 'invalid_value');
    for (const field of ['metadata', 'name', 'limits', 'unknown']) {
      const answer = await server.call('POST', '/keys', `{"name":"k","${field}":${deep}}`);
      isProblem(answer, 400, field === 'unknown' ? 'unsupported_parameter' : 'invalid_value');
    }
    const inside = await server.call('POST', '/keys', `{"name":"k","metadata":{"a":${deep}}}`);
    isProblem(inside, 400, 'invalid_value');
    assert.match(inside.body.detail, /deeper than 10 levels/);
  }
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 3_000_000, `${user + system} us of this process, however busy the machine is`);
});

test('text that the database cannot hold, in every place where there is text', async () => {
  for (const bad of ['\\u0000', 'a\\u0000b', '\\ud800', '\\udfff\\ud800']) {
    const bodies = [
      `{"name":"${bad}"}`,
      `{"name":"k","team":"${bad}"}`,
      `{"name":"k","models":["${bad}"]}`,
      `{"name":"k","tags":["${bad}"]}`,
      `{"name":"k","allowed_ips":["${bad}"]}`,
      `{"name":"k","endpoints":["${bad}"]}`,
      `{"name":"k","expires_at":"${bad}"}`,
      `{"name":"k","limits":[{"unit":"requests","max":1,"per":"day","model":"${bad}"}]}`,
      `{"name":"k","limits":[{"unit":"requests","max":1,"per":"day","timezone":"${bad}"}]}`,
      `{"name":"k","metadata":{"${bad}":1}}`,
      `{"name":"k","metadata":{"a":[{"b":"${bad}"}]}}`,
    ];
    for (const body of bodies) isProblem(await server.call('POST', '/keys', body), 400, 'invalid_value');
    isProblem(await server.call('POST', '/teams', `{"name":"${bad}"}`), 400, 'invalid_value');
  }
  for (const path of ['/keys/%00', '/teams/a%00', '/keys?name=%00', '/audit?subject=%00', '/teams?cursor=AA']) {
    isProblem(await server.call('GET', path), 400, 'invalid_value');
  }
  isProblem(await server.call('DELETE', '/teams/%00'), 400, 'invalid_value');
});

test('all that text which can be stored comes back as it was sent', async () => {
  for (const good of [
    '\u{1F600}',
    'ä\u00a0ß',
    '\u2028',
    '\ufeff',
    "'; drop table keys; --",
    '\\',
    '{"a":1}',
    '%s%n',
    '\uffff',
  ]) {
    const sent = { name: good, team: good, models: [good], tags: [good], metadata: { [good]: `\n${good}` } };
    const { status, body } = await server.call('POST', '/keys', sent);
    assert.equal(status, 201, JSON.stringify([good, body]));
    const shown = (await server.call('GET', `/keys/${body.id}`)).body;
    const { name, team, models, tags, metadata } = shown;
    assert.deepEqual({ name, team, models, tags, metadata }, sent);
  }
});

test('what is too large', async () => {
  isProblem(await server.call('POST', '/keys', { name: 'x'.repeat(1_100_000) }), 413, 'request_too_large');
  isProblem(await server.call('POST', '/keys', { name: 'x'.repeat(900_000) }), 400, 'invalid_value');
  isProblem(await server.call('POST', '/keys', { name: 'k', models: Array(100_000).fill('m') }), 400, 'invalid_value');
  isProblem(await server.call('POST', '/keys', { name: 'k', tags: Array(100_000).fill(1) }), 400, 'invalid_value');
  isProblem(
    await server.call('POST', '/keys', { name: 'k', metadata: { a: 'x'.repeat(20_000) } }),
    400,
    'invalid_value',
  );
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, i]));
  isProblem(await server.call('POST', '/keys', { name: 'k', ...many }), 400, 'unsupported_parameter');
  isProblem(await server.call('POST', '/keys', { name: 'k', ['y'.repeat(500_000)]: 1 }), 400, 'unsupported_parameter');
  isProblem(await server.call('GET', `/keys?name=${'x'.repeat(5_000)}`), 400, 'invalid_value');
  isProblem(await server.call('GET', `/keys/${'x'.repeat(1_000)}`), 400, 'invalid_value');
});

test('numbers and times at the edges', async () => {
  const limit = (max: string) => `{"name":"k","limits":[{"unit":"requests","per":"day","max":${max}}]}`;
  for (const max of ['1e400', '-1', '1.5', '1e17', '"1e3"', '"９"', 'null', '[]', 'true']) {
    isProblem(await server.call('POST', '/keys', limit(max)), 400, 'invalid_value');
  }
  for (const expires_at of [
    '0000-00-00T00:00:00Z',
    '2027-02-30T00:00:00Z',
    '+275760-09-14T00:00:00Z',
    '2027-01-01T25:00:00Z',
  ]) {
    isProblem(await server.call('POST', '/keys', { name: 'k', expires_at }), 400, 'invalid_value');
  }
  for (const expires_at of ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '2027-01-01T00:00:00.123456+05:30']) {
    const made = await server.call('POST', '/keys', { name: 'k', expires_at });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.equal(Date.parse(made.body.expires_at), Date.parse(expires_at));
  }
  const cursor = Buffer.from('99999999999999999999').toString('base64url');
  isProblem(await server.call('GET', `/audit?cursor=${cursor}`), 400, 'invalid_value');
});

test('wrong paths, methods and kinds of body', async () => {
  isProblem(await server.call('GET', '/nothing'), 404, 'not_found');
  isProblem(await server.call('GET', '/keys/x/rotate/y'), 404, 'not_found');
  const put = await server.call('PUT', '/keys/x', {});
  isProblem(put, 405, 'method_not_allowed');
  assert.deepEqual(put.headers.get('allow')?.split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'PATCH']);
  isProblem(await server.call('DELETE', '/keys'), 405, 'method_not_allowed');
  isProblem(await server.call('GET', '/keys/x/rotate'), 405, 'method_not_allowed');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
    isProblem(await server.call('POST', '/keys', 'name=k', { 'content-type': type }), 415, 'unsupported_media_type');
  }
});

test('a client that leaves in the middle of a body', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\n` +
      'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"name":',
  );
  await new Promise((done) => setImmediate(done));
  socket.destroy();
  await once(socket, 'close');
});
