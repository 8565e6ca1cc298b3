import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { consoleRows, rows } from '../../../src/api/table.js';
import { memoryKeyStore } from '../../../src/identity/keys-memory.js';
import { memoryLedgerStore } from '../../../src/ledger/ledger-memory.js';
import { entry } from '../../contract/ledger.js';
import { type AdminServer, adminServer, aModel, aProvider } from './server.js';

describe('what is shown', () => {
  let server: AdminServer;
  before(async () => {
    server = await adminServer();
  });
  after(() => server.close());

  test('usage shows what was answered before the question, newest first, filtered, in pages', async () => {
    const at = Date.parse('2026-11-24T08:00:00.123Z');
    const entries = [0, 1, 2, 3].map((i) =>
      entry({
        ...{ at: at + i, request_id: `req-${i}`, key: `key_${i % 2}`, status: i === 3 ? 499 : 200, tags: [`t${i}`] },
        ...(i === 2 && { cache: 'hit' as const, target: 'openai/other' }),
        ...(i === 3 && { error: 'client_left' }),
      }),
    );
    for (const one of entries) server.ledger.append(one);
    const all = await server.call('GET', '/usage');
    assert.equal(all.status, 200);
    assert.deepEqual(
      all.body.data.map(({ request_id }: { request_id: string }) => request_id),
      ['req-3', 'req-2', 'req-1', 'req-0'],
    );
    const { at: _, ...rest } = entries[0]!;
    assert.deepEqual(all.body.data[3], {
      ...rest,
      at: '2026-11-24T08:00:00.123Z',
      cost_usd: '0.000006900',
      key_name: null,
    });
    const first = await server.call('GET', '/usage?limit=3');
    const second = await server.call('GET', `/usage?limit=3&cursor=${first.body.next_cursor}`);
    assert.deepEqual([...first.body.data, ...second.body.data], all.body.data);
    assert.equal(second.body.next_cursor, null);
    assert.deepEqual((await server.call('GET', '/usage?limit=1000')).body, all.body);
    for (const [query, found] of [
      ['key=key_1', ['req-3', 'req-1']],
      ['status=499', ['req-3']],
      ['tag=t2', ['req-2']],
      ['target=openai%2Fother', ['req-2']],
      ['cache=hit', ['req-2']],
      ['error=client_left', ['req-3']],
      ['request_id=req-0', ['req-0']],
      ['from=2026-11-24T08:00:00.124Z&to=2026-11-24T08:00:00.126Z', ['req-2', 'req-1']],
      ['team=nobody', []],
    ] as const) {
      const { body } = await server.call('GET', `/usage?${query}`);
      assert.deepEqual(
        body.data.map(({ request_id }: { request_id: string }) => request_id),
        found,
        query,
      );
    }
  });

  test('a question about usage that cannot be understood is refused', async () => {
    for (const query of [
      'cursor=x',
      'status=abc',
      'cache=x',
      'from=yesterday',
      'to=1',
      'keys=x',
      'limit=1001',
      'key=%00',
    ]) {
      const { status, body } = await server.call('GET', `/usage?${query}`);
      assert.equal(status, 400, query);
      assert.match(body.errors[0].field, new RegExp(query.split('=')[0]!), query);
    }
  });

  test('the audit log shows who did what, in pages, filtered', async () => {
    const { body: key } = await server.call('POST', '/keys', { name: 'k', team: 't' });
    await server.call('PATCH', `/keys/${key.id}`, { tags: ['x'] });
    await server.call('PATCH', `/keys/${key.id}`, { tags: 5 });
    const { body } = await server.call('GET', `/audit?subject=${key.id}`);
    assert.deepEqual(
      body.data.map(({ id: _, ...line }: { id: string }) => line),
      [
        {
          at: '2026-11-24T08:00:00.000Z',
          actor: body.data[0].actor,
          action: 'key.update',
          subject: key.id,
          detail: { tags: ['x'] },
        },
        {
          at: '2026-11-24T08:00:00.000Z',
          actor: body.data[0].actor,
          action: 'key.create',
          subject: key.id,
          detail: { name: 'k', team: 't' },
        },
      ],
    );
    assert.match(body.data[0].actor, /^admin:[0-9a-f]{8}$/);
    const first = await server.call('GET', '/audit?limit=1');
    const second = await server.call('GET', `/audit?limit=1&cursor=${first.body.next_cursor}`);
    assert.deepEqual([first.body.data[0].action, second.body.data[0].action], ['key.update', 'key.create']);
    const teams = await server.call('GET', '/audit?action=team.create');
    assert.deepEqual(teams.body.data[0].subject, 't');
  });

  test('the configuration, models and providers are as they were handed over', async () => {
    assert.deepEqual((await server.call('GET', '/config')).body, { server: { port: 4000 } });
    const list = (one: object) => ({ data: [{ ...one, source: 'file' }], next_cursor: null, left_out: [] });
    assert.deepEqual((await server.call('GET', '/models')).body, list(aModel));
    assert.deepEqual((await server.call('GET', '/providers')).body, list(aProvider));
  });

  test('the API describes itself in OpenAPI 3.1, to anybody', async () => {
    const { status, body } = await server.call('GET', '/openapi.json', undefined, { authorization: '' });
    assert.equal(status, 200);
    assert.equal(body.openapi, '3.1.0');
    assert.equal(body.info.version, '0.1.0');
    const told = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, at: `${method.toUpperCase()} ${path}` })),
    );
    // The pages of the console, and where browsers are led while they sign in, are no part of the API.
    const expected = rows
      .filter((row) => !consoleRows.includes(row) && !row.path.includes('/session/oidc'))
      .map(({ method, path, operationId, summary, access }) => ({
        ...{ at: `${method} ${path.replace('{+', '{')}`, operationId, summary, access },
      }));
    const schemes = { admin: 'admin', key: 'key', public: undefined };
    assert.deepEqual(told.map(({ at }) => at).sort(), expected.map(({ at }) => at).sort());
    for (const { at, operationId, summary, access } of expected) {
      const operation = told.find((one) => one.at === at)!;
      assert.deepEqual([operation.operationId, operation.summary], [operationId, summary], at);
      const [first] = operation.security ?? body.security;
      assert.equal(first && Object.keys(first)[0], schemes[access], at);
      assert.ok(
        Object.keys(operation.responses).some((status) => /^20[0-2]$/.test(status)),
        at,
      );
    }
    for (const [, name] of JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      assert.ok(body.components.schemas[name!], name);
    for (const name of ['Key', 'Team', 'Entry', 'Problem', 'ChatCompletionRequest', 'OpenAiError'])
      assert.equal(body.components.schemas[name].type, 'object', name);
    const creation = body.paths['/admin/v1/keys'].post;
    const asked = creation.requestBody.content['application/json'].schema;
    assert.deepEqual(asked.anyOf[0], { $ref: '#/components/schemas/NewKey' });
    const { required, additionalProperties } = body.components.schemas.NewKey;
    assert.deepEqual({ required, additionalProperties }, { required: ['name'], additionalProperties: false });
    assert.deepEqual(creation.responses['201'].content['application/json'].schema.anyOf, [
      { $ref: '#/components/schemas/ShownKey' },
      { $ref: '#/components/schemas/ShownKeyBatch' },
    ]);
    assert.ok(creation.responses['4XX'].content['application/problem+json']);
    assert.deepEqual(body.security, [{ admin: [] }]);
    assert.equal(body.components.securitySchemes.admin.scheme, 'bearer');
    assert.equal(body.components.securitySchemes.key.scheme, 'bearer');
  });
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly object[];
  readonly responses: object;
}

describe('when the database is away', () => {
  const away = (code: string) => Object.assign(new Error('connect'), { code });
  const wrapped = new Error('Failed query: select secret', { cause: away('ECONNREFUSED') });

  test('a request is 503, says that nothing was changed, and when to try again', async (t) => {
    for (const error of [
      away('ECONNREFUSED'),
      away('57P01'),
      new Error('Connection terminated unexpectedly'),
      wrapped,
    ]) {
      const fails = () => Promise.reject(error);
      const server = await adminServer({ store: { ...memoryKeyStore(), keys: fails, write: fails } });
      t.after(() => server.close());
      for (const answer of [await server.call('GET', '/keys'), await server.call('POST', '/keys', { name: 'k' })]) {
        assert.equal(answer.status, 503);
        assert.equal(answer.body.code, 'unavailable');
        assert.equal(answer.headers.get('retry-after'), '1');
        assert.doesNotMatch(JSON.stringify(answer.body), /secret|select|ECONN/);
      }
    }
  });

  test('what nobody expected is 500 in public words, and whole in the log', async (t) => {
    const fails = () => Promise.reject(new Error('the inner workings'));
    const server = await adminServer({
      store: { ...memoryKeyStore(), keys: fails },
      ledger: { query: () => memoryLedgerStore().page({}, 1, null).then(fails), flush: fails },
    });
    t.after(() => server.close());
    for (const path of ['/keys', '/usage']) {
      const answer = await server.call('GET', path);
      assert.equal(answer.status, 500);
      assert.equal(answer.body.code, 'internal_error');
      assert.doesNotMatch(JSON.stringify(answer.body), /inner/);
    }
    assert.match(server.logged.join(''), /the inner workings/);
  });
});
