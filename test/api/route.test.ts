import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { holdToTable, routeOf } from '../../src/api/route.js';
import { healthRows } from '../../src/api/table.js';

const handler = () => 'ok';

function server() {
  const app = Fastify();
  holdToTable(app, healthRows);
  return app;
}

const complete = () => {
  const app = server();
  for (const { operationId } of healthRows) app.route({ ...routeOf(operationId), handler });
  return app;
};

test('a route that is in no row cannot be registered, and so none that does not say who may call it', () => {
  assert.throws(() => server().get('/x', handler), /GET \/x is not in the table of addresses/);
  assert.throws(() => server().get('/healthz', { config: {} }, handler), /GET \/healthz is not in the table/);
  assert.throws(() => server().get('/x', { config: { access: 'public' } }, handler), /GET \/x is not in the table/);
});

test('nor one of a row that is not for this server', () => {
  assert.throws(() => server().route({ ...routeOf('listModels'), handler }), /GET \/v1\/models is not in the table/);
});

test('nor one that differs from its row: in its method, its path, or in who may call it', () => {
  const { config } = routeOf('getHealth');
  assert.throws(() => server().post('/healthz', { config }, handler), /POST \/healthz is not what the table says/);
  assert.throws(() => server().get('/health', { config }, handler), /GET \/health is not what the table says/);
  assert.throws(
    () => server().get('/healthz', { config: { ...config, access: 'admin' } }, handler),
    /GET \/healthz is not what the table says of getHealth/,
  );
});

test('a plugin inside the server is held to the same', async () => {
  const app = server();
  app.register(async (inner) => void inner.post('/x', handler));
  await assert.rejects(async () => app.ready(), /POST \/x is not in the table/);
});

test('a server that lacks the handler of a row does not start', async () => {
  const app = server();
  app.route({ ...routeOf('getHealth'), handler });
  await assert.rejects(async () => app.ready(), /rows without a handler: getReadiness, getMetrics/);
});

test('a server that has them all serves them, and the HEAD of each', async () => {
  const app = complete();
  for (const { path } of healthRows) {
    assert.equal((await app.inject({ method: 'GET', url: path })).statusCode, 200);
    assert.equal((await app.inject({ method: 'HEAD', url: path })).statusCode, 200);
  }
});
