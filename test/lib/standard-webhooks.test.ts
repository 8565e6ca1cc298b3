import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { newSigningSecret, signedHeaders } from '../../src/lib/standard-webhooks.js';
import { isSigningSecret } from '../../src/lib/webhook-spec.js';

const body = JSON.stringify({
  type: 'webhook.test',
  timestamp: '2026-11-24T08:00:00.000Z',
  data: { text: 'é 猫 "\\' },
});
const signed = (secrets: string[], id = 'msg_1') => signedHeaders(secrets, { id, atMs: Date.now(), body });

test('the reference library verifies what is signed, and nothing else', () => {
  const secret = newSigningSecret();
  assert.ok(isSigningSecret(secret));
  const headers = signed([secret]);
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  assert.throws(() => new Webhook(newSigningSecret()).verify(body, headers));
  assert.throws(() => new Webhook(secret).verify(`${body} `, headers));
  assert.throws(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'msg_2' }));
  const later = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) };
  assert.throws(() => new Webhook(secret).verify(body, later));
});

test('with two secrets a receiver may know either', () => {
  const [next, old] = [newSigningSecret(), newSigningSecret()];
  const headers = signed([next, old]);
  assert.match(headers['webhook-signature']!, /^v1,\S{44} v1,\S{44}$/);
  for (const secret of [next, old]) new Webhook(secret).verify(body, headers);
});

test('the signature is the one of the specification', () => {
  const headers = signedHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    atMs: 1_614_265_330_999,
    body: '{"test": 2432232314}',
  });
  assert.equal(headers['webhook-timestamp'], '1614265330');
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a secret is whsec_ and 24 to 64 bytes', () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  for (const good of [of(24), of(32), of(64), of(32).replace(/=+$/, '')]) assert.ok(isSigningSecret(good), good);
  for (const bad of [
    '',
    'whsec_',
    of(23),
    of(65),
    of(32).slice(6),
    `${of(32)}!`,
    `${of(24)} `,
    'whsec_x',
    `whsec_${'é'.repeat(40)}`,
  ]) {
    assert.ok(!isSigningSecret(bad), bad);
  }
});
