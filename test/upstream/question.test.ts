/** Questions to other services: what is asked and read, and services that take the connection and never answer, asked by many at once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { JwtVerifier } from '../../src/jwt/verifier.js';
import { systemClock } from '../../src/lib/clock.js';
import { OidcClient } from '../../src/oidc/oidc-client.js';
import { Questions } from '../../src/upstream/question.js';
import { ManualClock } from '../support/clock.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Service {
  readonly url: string;
  readonly server: Server;
  readonly asked: IncomingMessage[];
}

async function service(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Service> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, asked };
}

function questions(clock: ManualClock | typeof systemClock = systemClock): Questions {
  const made = new Questions(clock);
  closing.push(() => made.close());
  return made;
}

const timeouts = { connect: 5_000, idle: 5_000, total: 5_000 };
const hang = (): void => {};

test('the answer is a value, whatever its status, with all of its headers; no redirect is followed', async () => {
  const there = await service((request, response) => {
    response.writeHead(302, { location: '/elsewhere', 'set-cookie': ['a=1', 'b=2'] });
    request.pipe(response);
  });
  const answer = await questions().ask(new URL(`${there.url}/a?b=c`), {
    ...{ method: 'POST', body: 'é', headers: { 'x-own': 'yes' }, timeouts, mostBytes: 100 },
  });
  assert.ok(answer.kind === 'answered');
  assert.deepEqual([answer.status, answer.body.toString()], [302, 'é']);
  assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2']);
  assert.equal(there.asked.length, 1);
  assert.deepEqual([there.asked[0]!.url, there.asked[0]!.headers['x-own']], ['/a?b=c', 'yes']);
});

test('an answer that is too long is given up, and so is its connection', async () => {
  const there = await service((_request, response) => {
    response.on('error', () => {});
    const pour = (): void => {
      while (response.write('x'.repeat(64 * 1024)));
    };
    response.on('drain', pour);
    pour();
  });
  const asked = questions();
  const answer = await asked.ask(new URL(there.url), { timeouts, mostBytes: 1_000_000 });
  assert.equal(answer.kind, 'too_long');
  await assert.rejects(asked.callout(there.url, { timeoutMs: 5_000 }), /too large/);
  await quiet(there.server);
});

test('nobody there is an answer that says so, with the way that it failed', async () => {
  const there = await service(hang);
  await new Promise((resolve) => there.server.close(resolve));
  const answer = await questions().ask(new URL(there.url), { timeouts, mostBytes: 1 });
  assert.ok(answer.kind === 'failed' && answer.failure.kind === 'connect');
});

test('an issuer of tokens that never answers is asked once for all who wait, and they wait no longer than its time', async () => {
  const there = await service(hang);
  const clock = new ManualClock(Date.now());
  const faults: unknown[] = [];
  const verifier = new JwtVerifier(
    { issuer: there.url, audience: 'a', jwks_url: `${there.url}/keys` },
    { ask: questions(clock).callout, clock, onFault: (error) => void faults.push(error) },
  );
  const token = [{ alg: 'RS256' }, { sub: 'a' }, 'x'].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  for (let round = 1; round <= 2; round++) {
    const arrival = once(there.server, 'request');
    const waiting = Array.from({ length: 300 }, () => verifier.verify(token.join('.')));
    await arrival;
    await passing(clock, Promise.all(waiting));
    for (const verified of await Promise.all(waiting)) assert.deepEqual(verified, { ok: false, why: 'away' });
    assert.deepEqual([there.asked.length, faults.length], [round, round]);
    await quiet(there.server);
    clock.advance(1_000);
  }
});

test('an issuer at which people sign in that never answers is asked once for all of them, and they are told in time', async () => {
  const there = await service(hang);
  const clock = new ManualClock(Date.now());
  const asked = questions(clock);
  const settings = { issuer: there.url, client_id: 'a', client_secret: 'b', scopes: [], wanted: [] };
  const fetch = async (address: string): Promise<Response> => {
    const answer = await asked.ask(new URL(address), { timeouts, mostBytes: 1 });
    throw new Error(answer.kind);
  };
  const client = new OidcClient(settings, { fetch, monotonicMs: () => clock.monotonic() });
  const arrival = once(there.server, 'request');
  const binding = { redirectUri: 'https://a.example/back', state: 's', nonce: 'n', verifier: 'v'.repeat(43) };
  const waiting = Promise.allSettled(Array.from({ length: 300 }, () => client.authorizationUrl(binding)));
  await arrival;
  await passing(clock, waiting);
  assert.deepEqual([...new Set((await waiting).map(({ status }) => status))], ['rejected']);
  assert.equal(there.asked.length, 1);
  await quiet(there.server);
});

/** Time passes until it is over: a deadline is timed by the tick after it began. */
async function passing(clock: ManualClock, over: Promise<unknown>): Promise<void> {
  let done = false;
  void over.finally(() => {
    done = true;
  });
  while (!done) {
    clock.advance(1_000);
    await sleep(10);
  }
}

/** No connection is left. */
async function quiet(server: Server): Promise<void> {
  while ((await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))) > 0)
    await sleep(10);
}
