// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../src/config/describe.js';
import { explainConfig } from '../../src/config/explain.js';
import { bad, good } from './support.js';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const other = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const one = (more: string) =>
  `webhooks: [{ url: "https://hooks.example.com/t", events: ["*"], secret: ${secret}, ${more} }]`;

test('an endpoint has its secret, its events and an id that stays', (t) => {
  const config = good(t, one('previous_secret: { file: old }'), {}, { old: `${other}\n` });
  const [webhook] = config.webhooks;
  assert.deepEqual(webhook!.secrets, [secret, other]);
  assert.match(webhook!.id, /^wh_[0-9a-f]{26}$/);
  assert.equal(webhook!.id, good(t, one('allow_private: true')).webhooks[0]!.id);
  const named = good(t, one('name: billing')).webhooks[0]!.id;
  assert.equal(named, good(t, one('name: billing').replace('/t', '/u')).webhooks[0]!.id);
  assert.notEqual(named, webhook!.id);
  const { allow_private, timeout, keep, keep_dead, expiring_before } = config.webhook_delivery;
  assert.deepEqual(
    [allow_private, timeout, keep, keep_dead, expiring_before],
    [false, 15_000, 3 * 864e5, 14 * 864e5, 7 * 864e5],
  );
});

test('a secret may come from the environment, and is nowhere shown', (t) => {
  const config = good(t, `secrets_key: "\${K}"\n${one('').replace(secret, '"${S}"')}`, {
    S: secret,
    K: 'k'.repeat(40),
  });
  assert.equal(config.webhooks[0]!.secrets[0], secret);
  const shown = JSON.stringify(describeConfig(config)) + explainConfig(config).join('\n');
  assert.ok(!shown.includes(secret) && !shown.includes('kkkk'));
  assert.match(shown, /hooks\.example\.com/);
});

test('what cannot work is refused at its place', (t) => {
  for (const [text, expected] of [
    [one('').replace('https:', 'http:'), /webhooks\[0\]\.url: only https is allowed here/],
    [
      one('').replace('hooks.example.com', '127.0.0.1'),
      /webhooks\[0\]\.url: the address 127\.0\.0\.1 is not allowed; see `allow_private`/,
    ],
    [one('').replace('hooks.example.com', 'localhost'), /the name localhost is private/],
    [one('').replace('hooks.example.com', 'u:p@hooks.example.com'), /credentials do not belong/],
    [one('').replace('["*"]', '[budget.many]'), /webhooks\[0\]\.events\[0\]: expected an event/],
    [one('').replace('["*"]', '[]'), /an endpoint needs an event/],
    [one('').replace(secret, 'whsec_short'), /webhooks\[0\]\.secret: expected whsec_/],
    [one('previous_secret: x'), /webhooks\[0\]\.previous_secret: expected whsec_/],
    [one('retries: 3'), /retries/],
    [`${one('')}\nsecrets_key: short`, /secrets_key: expected at least 32/],
    [
      `webhooks: [{ url: "https://a.example/", events: ["*"], secret: ${secret} }, { url: "https://a.example/", events: ["*"], secret: ${secret} }]`,
      /there twice/,
    ],
    ['webhooks: [{ url: "https://a.example/", events: ["*"] }]', /secret/],
  ] as const) {
    assert.match(bad(t, text).join('\n'), expected);
  }
});

test('private networks are allowed one by one or all at once, metadata services never', (t) => {
  for (const url of ['http://127.0.0.1:9000/', 'http://localhost/', 'https://10.0.0.1/']) {
    good(t, one('allow_private: true').replace('https://hooks.example.com/t', url));
    good(t, `webhook_delivery: { allow_private: true }\n${one('').replace('https://hooks.example.com/t', url)}`);
  }
  const metadata = one('allow_private: true').replace('https://hooks.example.com/t', 'http://169.254.169.254/');
  assert.match(bad(t, metadata).join(), /not allowed/);
});
