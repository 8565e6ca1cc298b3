/** One attempt, against receivers that misbehave and names that lead astray. */
import assert from 'node:assert/strict';
import type { LookupAddress, lookup as nodeLookup } from 'node:dns';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { createDeliverer, type Deliverer, type DelivererOptions, type Outgoing } from '../../src/webhooks/deliver.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import {
  answer,
  drip,
  flood,
  garbage,
  hang,
  type Manner,
  type Receiver,
  reset,
  startReceiver,
} from '../support/receiver.js';

const open: (Receiver | Deliverer)[] = [];
after(async () => {
  for (const one of open) await one.close();
});

async function receiver(manner?: Manner): Promise<Receiver> {
  const started = await startReceiver(manner);
  open.push(started);
  return started;
}

function deliverer(options: Partial<DelivererOptions> = {}): Deliverer {
  const made = createDeliverer({ timeoutMs: () => 1_500, ...options });
  open.push(made);
  return made;
}

const never = new AbortController().signal;
const to = (url: string, more: Partial<Outgoing> = {}): Outgoing => ({
  ...{ url, headers: { 'webhook-id': 'msg_1' }, body: '{"type":"webhook.test"}', allowPrivate: true },
  ...more,
});

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  return { result: await work(), ms: performance.now() - start };
}

describe('an attempt to deliver', () => {
  it('posts the body with its headers, and 2xx is delivered', async () => {
    for (const status of [200, 201, 202, 204, 299]) {
      const there = await receiver(answer(status));
      const { error, status: told } = await deliverer().deliver(to(`${there.url}?a=b`), never);
      assert.deepEqual([error, told], [null, status]);
      const [got] = there.received;
      assert.equal(got!.path, '/hook?a=b');
      assert.equal(got!.id, 'msg_1');
      assert.equal(got!.headers['content-type'], 'application/json');
      assert.equal(got!.body, '{"type":"webhook.test"}');
    }
  });

  it('anything else is not, and tells why', async () => {
    for (const [manner, expected] of [
      [answer(500, {}, 'oops'), /^answered 500$/],
      [answer(404), /^answered 404$/],
      [answer(410), /^answered 410$/],
      [answer(302, { location: 'http://127.0.0.1/' }), /redirects are not followed/],
      [reset, /no answer \(ECONNRESET|UND_ERR_SOCKET\)/],
      [garbage, /no answer \((HPE_|HTTPParserError)/],
      [hang, /^no answer within 1500 ms$/],
    ] as const) {
      const there = await receiver(manner);
      const { error } = await deliverer().deliver(to(there.url), never);
      assert.match(error ?? 'delivered', expected);
    }
    const { error } = await deliverer().deliver(to('http://127.0.0.1:1/'), never);
    assert.match(error!, /no answer \(ECONNREFUSED\)/);
  });

  it('does not follow a redirect to another receiver', async () => {
    const other = await receiver();
    for (const status of [301, 302, 303, 307, 308]) {
      const there = await receiver(answer(status, { location: other.url }));
      await deliverer().deliver(to(there.url), never);
    }
    assert.equal(other.received.length, 0);
  });

  it('is over in time, whatever the receiver does, and leaves no connection behind', async () => {
    for (const manner of [hang, drip, flood]) {
      const there = await receiver(manner);
      const { ms } = await timed(() => deliverer({ timeoutMs: () => 1_000 }).deliver(to(there.url), never));
      assert.ok(ms < 5_000, `${ms} ms`);
      for (let i = 0; i < 100 && there.connections > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(there.connections, 0);
    }
  });

  it('is over in time where headers drip', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\n');
      const dripping = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(dripping));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { result, ms } = await timed(() => deliverer().deliver(to(`http://127.0.0.1:${port}/`), never));
    assert.match(result.error!, /no answer/);
    assert.ok(ms < 6_000, `${ms} ms`);
    await new Promise((resolve) => server.close(resolve));
  });

  it('waits for no other one to the same host', async () => {
    const there = await receiver(hang);
    const deliver = deliverer({ timeoutMs: () => 60_000 });
    const stop = new AbortController();
    const hung = Array.from({ length: 40 }, (_, n) => deliver.deliver(to(`${there.url}?${n}`), stop.signal));
    await there.until(40);
    there.manner = answer(204);
    assert.equal((await deliver.deliver(to(there.url), never)).status, 204);
    stop.abort();
    await Promise.all(hung);
  });

  it('keeps the beginning of the answer, safe to store and to show', async () => {
    const there = await receiver(answer(500, {}, `a\0b\u001b[31m${'é'.repeat(10_000)}`));
    const { response } = await deliverer().deliver(to(there.url), never);
    assert.ok(response.startsWith('a b [31mé'));
    assert.ok(response.length <= 500);
  });

  it('reads how long the receiver wants to be left alone', async () => {
    const asked = async (header: string) => {
      const there = await receiver(answer(429, { 'retry-after': header }));
      return (await deliverer().deliver(to(there.url), never)).retryAfterMs;
    };
    assert.equal(await asked('7'), 7_000);
    assert.ok(Math.abs((await asked(new Date(Date.now() + 60_000).toUTCString()))! - 60_000) < 5_000);
    for (const header of ['0', '-5', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT']) assert.equal(await asked(header), null);
  });

  it('ends when the gateway stops', async () => {
    const there = await receiver(hang);
    const stop = new AbortController();
    const result = deliverer({ timeoutMs: () => 60_000 }).deliver(to(there.url), stop.signal);
    await there.until(1);
    stop.abort();
    assert.match((await result).error!, /stopped/);
  });
});

/** A resolver that answers each question with the next list. */
function resolver(...answers: string[][]): typeof nodeLookup {
  let asked = 0;
  const look = (_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void): void => {
    const found = answers[Math.min(asked++, answers.length - 1)]!;
    setImmediate(() =>
      done(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
  };
  return look as typeof nodeLookup;
}

describe('addresses that may not be sent to', () => {
  it('are refused as such, in every way of writing them', async () => {
    const there = await receiver();
    for (const host of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '[::ffff:127.0.0.1]',
      '[::1]',
      '0.0.0.0',
      '169.254.169.254',
    ]) {
      const { error, status } = await deliverer().deliver(
        to(`http://${host}:${there.port}/`, { allowPrivate: false }),
        never,
      );
      assert.equal(status, null);
      assert.match(error!, /is not allowed$/, host);
    }
    assert.equal(there.received.length, 0);
    assert.equal(there.connections, 0);
  });

  it('are refused where a name leads to one, or to one among others', async () => {
    const there = await receiver();
    for (const found of [['127.0.0.1'], ['::1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:127.0.0.1'], []]) {
      const { error } = await deliverer({ lookUp: resolver(found) }).deliver(
        to(`http://hooks.example.com:${there.port}/`, { allowPrivate: false }),
        never,
      );
      assert.match(error!, /is not allowed$/, found.join());
    }
    assert.equal(there.received.length, 0);
  });

  it('are refused where a name leads elsewhere the second time', async () => {
    const there = await receiver();
    const made = deliverer({ lookUp: resolver(['93.184.216.34'], ['127.0.0.1']) });
    const url = `http://rebound.example.com:${there.port}/`;
    assert.equal(await made.nameProblem(url, false), null);
    const { error } = await made.deliver(to(url, { allowPrivate: false }), never);
    assert.match(error!, /the address 127\.0\.0\.1 is not allowed/);
    assert.equal(there.received.length, 0);
  });

  it('are told when an endpoint is made', async () => {
    const made = deliverer({ lookUp: resolver(['10.0.0.7']) });
    assert.match((await made.nameProblem('https://hooks.example.com/', false))!, /leads to 10\.0\.0\.7/);
    assert.equal(await made.nameProblem('https://hooks.example.com/', true), null);
  });

  it('and some not even in private networks', async () => {
    const { error } = await deliverer({ lookUp: resolver(['169.254.169.254']) }).deliver(
      to('http://metadata.example.com/'),
      never,
    );
    assert.match(error!, /169\.254\.169\.254 is not allowed/);
  });

  it('a connection of one that may is not lent to one that may not', async () => {
    const there = await receiver();
    const made = deliverer();
    assert.equal((await made.deliver(to(there.url), never)).error, null);
    assert.match((await made.deliver(to(there.url, { allowPrivate: false }), never)).error!, /is not allowed/);
  });
});

it('a look-up that hangs does not hold up what goes through a proxy, which looks names up itself', async () => {
  const there = await receiver();
  const proxy = await startConnectProxy();
  const rules = { http: `http://127.0.0.1:${proxy.port}`, https: null, except: '' };
  const made = deliverer({
    lookUp: (() => {}) as unknown as typeof nodeLookup,
    proxies: () => rules,
    timeoutMs: () => 20_000,
  });
  const { error } = await made.deliver(to(`http://hooks.example.com:${there.port}/`), never);
  await proxy.stop();
  assert.equal(error, null);
  assert.equal(there.received.length, 1);
});

it('look-ups that hang hold up few threads', async () => {
  let running = 0;
  let most = 0;
  const free: (() => void)[] = [];
  const look = ((_host: string, _options: object, done: (error: Error, found: never[]) => void) => {
    most = Math.max(most, ++running);
    free.push(() => {
      running--;
      done(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
    });
  }) as unknown as typeof nodeLookup;
  const made = deliverer({ lookUp: look });
  const all = Promise.all(Array.from({ length: 10 }, (_, i) => made.deliver(to(`http://n${i}.example.com/`), never)));
  const freeing = setInterval(() => free.shift()?.(), 10);
  const results = await all;
  clearInterval(freeing);
  assert.equal(most, 2);
  assert.ok(results.every(({ error }) => error?.includes('ENOTFOUND')));
});
