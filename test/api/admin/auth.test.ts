import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { adminOf } from '../../../src/api/admin/auth.js';
import { WrongKeys } from '../../../src/api/admin/wrong-keys.js';
import { adminRows } from '../../../src/api/table.js';
import { ADMIN_KEY, type AdminServer, adminServer } from './server.js';

describe('who is the admin', () => {
  const actor = `admin:${createHash('sha256').update('secret').digest('hex').slice(0, 8)}`;

  test('whoever sends the admin key as a bearer, named by the beginning of its hash', () => {
    for (const header of ['Bearer secret', 'bearer secret', 'BEARER  secret ']) {
      assert.equal(adminOf(header, 'secret'), actor, header);
    }
  });

  test('nobody else', () => {
    const headers = [
      '',
      'secret',
      'Basic secret',
      'Bearer',
      'Bearer ',
      'Bearer secre',
      'Bearer secrets',
      'Bearer Secret',
    ];
    for (const header of [
      undefined,
      ...headers,
      'Bearer secret secret',
      'xBearer secret',
      `Bearer ${'s'.repeat(1e6)}`,
    ]) {
      assert.equal(adminOf(header, 'secret'), null, header?.slice(0, 40));
    }
  });

  test('nobody at all where no admin key is set', () => {
    for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer undefined'])
      assert.equal(adminOf(header, ''), null);
  });
});

describe('wrong admin keys', () => {
  test('of one address are slowed down more and more, after the first few, and forgotten in time', () => {
    const keys = new WrongKeys();
    const waits = Array.from({ length: 14 }, () => keys.count('1.2.3.4', 0));
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    assert.equal(keys.count('5.6.7.8', 0), 0);
    assert.equal(keys.count('1.2.3.4', 599_999), 5_000);
    assert.equal(keys.count('1.2.3.4', 599_999 + 600_000), 0);
  });

  test('have their address and request id in the log, and a try with the right one is not slowed', async () => {
    const server = await adminServer();
    try {
      for (let i = 0; i < 7; i++) {
        const headers = { authorization: 'Bearer wrong-PLANTED', 'x-request-id': `try-${i}` };
        const answer = await server.call('GET', '/keys', undefined, headers);
        assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [401, `try-${i}`]);
      }
      const started = performance.now();
      assert.equal((await server.call('GET', '/keys')).status, 200);
      assert.ok(performance.now() - started < 3_000);
      const lines = server.logged.join('');
      assert.match(lines, /"request_id":"try-6"[^\n]*"ip":"127\.0\.0\.1"/);
      assert.ok(!lines.includes('PLANTED'));
    } finally {
      await server.close();
    }
  });
});

describe('the admin API', () => {
  let server: AdminServer;
  before(async () => {
    server = await adminServer();
  });
  after(() => server.close());

  test('is closed without the admin key: 401, a problem document, and the scheme that it takes', async () => {
    for (const authorization of ['', 'Bearer wrong', `Basic ${ADMIN_KEY}`, `Bearer ${ADMIN_KEY}x`]) {
      const answer = await server.call('POST', '/keys', { name: 'k' }, { authorization });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      assert.equal(answer.body.code, 'invalid_api_key');
    }
    assert.deepEqual((await server.call('GET', '/keys')).body.data, []);
    assert.ok(!server.logged.join('').includes(ADMIN_KEY));
  });

  test('has no route that is open, but for its own description and signing in', async () => {
    assert.ok(adminRows.length >= 20);
    const publicRows = adminRows.filter(({ access }) => access === 'public');
    const open = publicRows.map(({ operationId }) => operationId);
    assert.deepEqual(open, ['getOpenApi', 'getSession', 'createSession', 'beginOidc', 'endOidc']);
    for (const { method, path: pattern, access } of adminRows) {
      if (access === 'public') continue;
      const path = pattern.replace(/\{\w+\}/g, 'x');
      const answer = await fetch(server.url + path, { method });
      assert.equal(answer.status, 401, `${method} ${path}`);
      await answer.text();
      if (publicRows.some((row) => row.path === pattern)) continue;
      const head = await fetch(server.url + path, { method: 'HEAD' });
      assert.ok([401, 404].includes(head.status), `HEAD ${path}`);
    }
  });

  test('asks for the key before it reads a body, and before it says whether a path exists', async () => {
    const authorization = 'Bearer wrong';
    assert.equal((await server.call('POST', '/keys', '{nonsense', { authorization })).status, 401);
    assert.equal((await server.call('POST', '/keys', 'x'.repeat(2_000_000), { authorization })).status, 401);
    assert.equal((await server.call('GET', '/nothing/here', undefined, { authorization })).status, 401);
    assert.equal((await server.call('PUT', '/keys', undefined, { authorization })).status, 401);
  });

  test('takes another admin key as soon as it is in force', async (t) => {
    let adminKey = 'first';
    const other = await adminServer({ adminKey: () => adminKey });
    t.after(() => other.close());
    const status = async (key: string) =>
      (await other.call('GET', '/keys', undefined, { authorization: `Bearer ${key}` })).status;
    assert.deepEqual([await status('first'), await status('second')], [200, 401]);
    adminKey = 'second';
    assert.deepEqual([await status('first'), await status('second')], [401, 200]);
    adminKey = '';
    assert.deepEqual([await status('first'), await status('second')], [401, 401]);
  });
});
