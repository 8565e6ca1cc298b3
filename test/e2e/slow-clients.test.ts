/** Clients that drip, at the gateway's own endpoints, over raw sockets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { chatBytes, parseAnswer, type RawAnswer, rawRequest } from '../support/raw-http.js';
import { editAndWait } from '../support/reload.js';

let gateway: Gateway;

before(async () => {
  gateway = await startGateway({
    config: {
      server: { timeout: { headers: '1s', body: '1s' } },
      providers: { sandbox: { type: 'sandbox' } },
      models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
    },
  });
});
after(() => gateway?.close());

/** A piece now and then, for as long as anybody takes it. */
function drip(client: RawAnswer, text: string): void {
  const timer = setInterval(() => client.socket.write(text), 100);
  client.socket.once('close', () => clearInterval(timer));
}

const body = { model: 'sandbox', messages: [{ role: 'user', content: 'x'.repeat(10_000) }], max_tokens: 2 };
/** All but the end of the request. */
const begun = (key: string): Buffer => chatBytes(key, body).subarray(0, -9_000);

test('headers that drip, and a connection that says nothing, are answered with 408 and closed', async () => {
  const client = rawRequest(gateway.url, 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-a: ');
  drip(client, 'a');
  assert.match(await client.until(/\r\n\r\n/, 5_000), /^HTTP\/1\.1 408 /);
  await client.closed;
  const silent = rawRequest(gateway.url, '');
  await silent.closed;
});

test('a body that drips is 408 in the dialect of the endpoint, and the connection is closed', async () => {
  const { key } = await gateway.key();
  const client = rawRequest(gateway.url, begun(key));
  drip(client, 'x');
  await client.until(/\r\n\r\n.+\}\}/s, 8_000);
  const answer = parseAnswer(client.bytes());
  assert.equal(answer.status, 408);
  const { error } = JSON.parse(answer.body.toString());
  assert.deepEqual([error.type, error.code], ['invalid_request_error', 'request_timeout']);
  assert.match(error.message, /server\.timeout\.body/);
  await client.closed;
});

test('a body that goes on after a refusal cannot keep the connection', async () => {
  const client = rawRequest(gateway.url, begun('sk-tg-nobody'));
  drip(client, 'x');
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 401 /);
  await client.closed;
});

test('nor can one of the admin API', async () => {
  const client = rawRequest(
    gateway.url,
    `POST /admin/v1/keys HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${gateway.adminKey}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
  );
  drip(client, ' ');
  await client.closed;
});

test('a slow answer is not a slow client, and a connection is used again', async () => {
  const { key } = await gateway.key();
  const slow = { ...body, messages: [{ role: 'user', content: '[delay=3s] Hello' }] };
  const client = rawRequest(gateway.url, chatBytes(key, slow));
  assert.match(await client.until(/"usage"/, 10_000), /^HTTP\/1\.1 200 /);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  client.socket.write(chatBytes(key, body));
  await client.until(/"usage".*"usage"/s);
  client.socket.destroy();
});

test('a reload changes how long is waited', async () => {
  const { key } = await gateway.key();
  await editAndWait(gateway, (config) => {
    config.server.timeout.body = '30s';
  });
  const bytes = chatBytes(key, body);
  const client = rawRequest(gateway.url, bytes.subarray(0, -9_000));
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  client.socket.write(bytes.subarray(-9_000));
  assert.match(await client.until(/"usage"/), /^HTTP\/1\.1 200 /);
  client.socket.destroy();
});
