/** What is remembered of tokens, and how often issuers are asked. What is refused is tested on routes and on the AI endpoints. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { JwtVerifier } from '../../src/jwt/verifier.js';
import { systemClock } from '../../src/lib/clock.js';
import { Questions } from '../../src/upstream/question.js';
import { ManualClock } from '../support/clock.js';
import { type Issuer, startIssuer } from '../support/issuer.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function world(): Promise<{ issuer: Issuer; clock: ManualClock; verifier: JwtVerifier; faults: unknown[] }> {
  const issuer = await startIssuer();
  closing.push(() => issuer.stop());
  const clock = new ManualClock(Date.now());
  const faults: unknown[] = [];
  const questions = new Questions(systemClock);
  closing.push(async () => questions.close());
  const verifier = new JwtVerifier(
    { issuer: issuer.issuer, audience: 'tollgate', jwks_url: issuer.jwksUrl },
    { ask: questions.callout, clock, onFault: (error) => void faults.push(error) },
  );
  return { issuer, clock, verifier, faults };
}

test('a token is verified once, and its claims are the same object until it ends', async () => {
  const { issuer, clock, verifier } = await world();
  const token = await issuer.sign({ sub: 'a' }, { expires: '1h' });
  await verifier.verify(token); // the keys are new with it, so that one is not remembered
  const first = await verifier.verify(token);
  assert.ok(first.ok);
  assert.equal(verifier.verify(token), first, 'at once, without a promise');
  clock.advance(3_600_000);
  assert.equal(verifier.verify(token), first, 'clocks may differ by a minute');
  clock.advance(61_000);
  assert.deepEqual(await verifier.verify(token), { ok: false, why: 'expired' });
});

test('one signature more or less is another token', async () => {
  const { issuer, verifier } = await world();
  const token = await issuer.sign({ sub: 'a' });
  assert.ok((await verifier.verify(token)).ok);
  const [head, body, signature] = token.split('.') as [string, string, string];
  const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'b' }));
  assert.deepEqual(await verifier.verify(`${head}.${forged.toString('base64url')}.${signature}`), {
    ok: false,
    why: 'invalid',
  });
});

test('a key that is met right after the keys were fetched is fetched at once, the next not for 30 seconds', async () => {
  const { issuer, clock, verifier } = await world();
  assert.ok((await verifier.verify(await issuer.sign({ sub: 'a' }))).ok);
  const [second, third] = [await issuer.makeKey('k2'), await issuer.makeKey('k3')];
  issuer.publish(issuer.first, second);
  const met = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => verifier.verify(await issuer.sign({ sub: 'a', i }, { key: second }))),
  );
  assert.ok(met.every(({ ok }) => ok));
  assert.equal(issuer.fetches(), 2);
  issuer.publish(issuer.first, second, third);
  const token = await issuer.sign({ sub: 'a' }, { key: third });
  for (let i = 0; i < 5; i++) assert.equal((await verifier.verify(token)).ok, false);
  assert.equal(issuer.fetches(), 2);
  clock.advance(30_000);
  assert.ok((await verifier.verify(token)).ok);
  assert.equal(issuer.fetches(), 3);
});

test('an issuer that is away is tried again after a second where there are no keys, and else its last keys are used', async () => {
  const { issuer, clock, verifier, faults } = await world();
  await issuer.stop();
  const token = await issuer.sign({ sub: 'a' }, { expires: '3h' });
  for (let i = 0; i < 5; i++) assert.deepEqual(await verifier.verify(token), { ok: false, why: 'away' });
  assert.equal(faults.length, 1);
  await issuer.start();
  clock.advance(1_000);
  assert.ok((await verifier.verify(token)).ok);
  await issuer.stop();
  clock.advance(3_600_000);
  assert.ok((await verifier.verify(await issuer.sign({ sub: 'b' }, { expires: '3h' }))).ok);
});
