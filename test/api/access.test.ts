import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { declaresAccess } from '../../src/api/access.js';

function server() {
  const app = Fastify();
  app.addHook('onRoute', declaresAccess('key', 'public'));
  return app;
}
const handler = () => 'ok';

test('a route that does not say who may call it cannot be registered', () => {
  assert.throws(() => server().get('/x', handler), /GET \/x does not say who may call it: .*'key' or 'public'/);
  assert.throws(() => server().get('/x', { config: {} }, handler), /does not say/);
});

test('nor can one that is for somebody whom this server does not know', () => {
  assert.throws(() => server().get('/x', { config: { access: 'admin' } }, handler), /cannot be for `admin` here/);
});

test('a plugin inside the server is held to the same', async () => {
  const app = server();
  app.register(async (inner) => void inner.post('/x', handler));
  await assert.rejects(async () => app.ready(), /POST \/x does not say/);
});

test('a route that says so is served, and so is its HEAD', async () => {
  const app = server();
  app.get('/x', { config: { access: 'public' } }, handler);
  assert.equal((await app.inject({ method: 'GET', url: '/x' })).statusCode, 200);
  assert.equal((await app.inject({ method: 'HEAD', url: '/x' })).statusCode, 200);
});
