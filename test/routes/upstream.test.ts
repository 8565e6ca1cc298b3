/** Targets of a route: whose turn it is, retries, time-outs, breaker, health. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../support/clock.js';
import { freePort } from '../support/free-port.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import type { TestRoutes } from '../support/routes.js';
import { closing, failing, serving, target, until } from './targets.js';

describe('turns', () => {
  const many = async (gateway: TestRoutes, count: number, init: (i: number) => RequestInit = () => ({})) => {
    for (let i = 0; i < count; i++) await (await fetch(`${gateway.url}/x`, init(i))).arrayBuffer();
  };

  it('round robin goes by weight, and does not bunch', async () => {
    const [a, b] = [await target(), await target()];
    const order: string[] = [];
    a.handler = (_seen, response) => void response.end(String(order.push('a')));
    b.handler = (_seen, response) => void response.end(String(order.push('b')));
    const gateway = await serving({ targets: [{ url: a.url, weight: 2 }, { url: b.url }] });
    await many(gateway, 9);
    assert.equal(order.join(''), 'abaabaaba');
  });

  it('a target of no weight gets nothing', async () => {
    const [a, b] = [await target(), await target()];
    const gateway = await serving({ targets: [{ url: a.url, weight: 0 }, { url: b.url }] });
    await many(gateway, 4);
    assert.deepEqual([a.seen.length, b.seen.length], [0, 4]);
  });

  it('least requests avoids the target that is busy', async () => {
    const held: (() => void)[] = [];
    const [slow, quick] = [await target(), await target()];
    slow.handler = (_seen, response) => void held.push(() => response.end());
    const gateway = await serving({ targets: [{ url: slow.url }, { url: quick.url }], balance: 'least_requests' });
    const first = fetch(`${gateway.url}/x`);
    while (slow.seen.length + quick.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await many(gateway, 5);
    assert.ok(slow.seen.length <= 1);
    for (const release of held) release();
    await (await first).arrayBuffer();
  });

  it('latency prefers the target that answers sooner', async () => {
    const [slow, quick] = [await target(), await target()];
    slow.handler = (_seen, response) => void setTimeout(() => response.end(), 40);
    const gateway = await serving({ targets: [{ url: slow.url }, { url: quick.url }], balance: 'latency' });
    await many(gateway, 30);
    assert.ok(quick.seen.length > 20, `${quick.seen.length} of 30`);
  });

  it('a hash sends the same value to the same target, and only moves what must move', async () => {
    const targets = [await target(), await target(), await target()];
    const balance = { hash: { header: 'x-user' } };
    const gateway = await serving({ targets: targets.map(({ url }) => ({ url })), balance });
    const where = async (user: number): Promise<number> => {
      const counts = targets.map(({ seen }) => seen.length);
      await (await fetch(`${gateway.url}/x`, { headers: { 'x-user': `u${user}` } })).arrayBuffer();
      return targets.findIndex(({ seen }, i) => seen.length > counts[i]!);
    };
    const first = [];
    for (let user = 0; user < 30; user++) first.push(await where(user));
    assert.equal(new Set(first).size, 3, 'all targets are used');
    for (let user = 0; user < 30; user++) assert.equal(await where(user), first[user]);
    const fewer = targets.slice(0, 2).map(({ url }) => ({ url }));
    await gateway.apply([
      { name: 'r', match: { path: '/*' }, upstream: { targets: fewer, balance }, auth: { none: {} } },
    ]);
    for (let user = 0; user < 30; user++) {
      const now = await where(user);
      if (first[user]! < 2) assert.equal(now, first[user], 'stays');
      else assert.ok(now < 2);
    }
  });
});

describe('retries', () => {
  it('another target takes over where the connection fails, also for POST', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const alive = await target();
    const gateway = await serving({ targets: [{ url: dead, weight: 1000 }, { url: alive.url }] });
    const answer = await fetch(`${gateway.url}/x`, { method: 'POST', body: 'hello' });
    assert.equal(answer.status, 200);
    assert.equal(alive.seen[0]!.body, 'hello');
    assert.deepEqual(gateway.retries, ['connect_error']);
  });

  it('a status is retried where it is named, with the body, for idempotent methods or an idempotency key alone', async () => {
    const bad = await target(failing(503));
    const good = await target();
    const gateway = await serving({
      targets: [{ url: bad.url, weight: 1000 }, { url: good.url }],
      retry: { max_attempts: 2, on: [503], budget: 1 },
    });
    const put = await fetch(`${gateway.url}/x`, { method: 'PUT', body: 'again' });
    assert.equal(put.status, 200);
    assert.equal(good.seen.at(-1)!.body, 'again');
    const post = await fetch(`${gateway.url}/x`, { method: 'POST', body: 'once' });
    assert.equal(post.status, 503);
    assert.equal(await post.text(), 'failed', "the upstream's own answer");
    const key = await fetch(`${gateway.url}/x`, { method: 'POST', body: 'k', headers: { 'idempotency-key': '1' } });
    assert.equal(key.status, 200);
  });

  it('a body that is larger than what is kept for it is sent once, whole', async () => {
    const bad = await target(failing(503));
    const gateway = await serving({
      targets: [{ url: bad.url }],
      retry: { max_attempts: 2, on: [503], budget: 1, buffer: '1kb' },
    });
    for (const [size, times] of [
      [1024, 2],
      [1025, 1],
      [60_000, 1],
      [200_000, 1],
    ] as const) {
      bad.seen.length = 0;
      const answer = await fetch(`${gateway.url}/x`, { method: 'PUT', body: 'b'.repeat(size) });
      assert.equal(answer.status, 503);
      assert.deepEqual(
        bad.seen.map(({ body }) => body.length),
        Array(times).fill(size),
      );
    }
  });

  it('the last answer is passed on as it is', async () => {
    const bad = await target(failing(503));
    const gateway = await serving({ targets: [{ url: bad.url }], retry: { max_attempts: 3, on: [503], budget: 1 } });
    const answer = await fetch(`${gateway.url}/x`);
    assert.equal(await answer.text(), 'failed');
    assert.equal(bad.seen.length, 3);
  });

  it('a stream that has begun is never sent twice', async () => {
    const resets = await startRawUpstream(
      (connection) =>
        void connection.until(/abc/).then(
          () => connection.socket.resetAndDestroy(),
          () => {},
        ),
    );
    closing.push(() => resets.stop());
    const gateway = await serving({
      targets: [{ url: resets.url }],
      retry: { max_attempts: 3, on: ['reset', 'connect_error'] },
    });
    const body = new ReadableStream({ start: (sink) => sink.enqueue(new TextEncoder().encode('abc')) });
    const answer = await fetch(`${gateway.url}/x`, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    assert.equal(answer.status, 502);
    assert.equal(resets.connections.length, 1);
  });

  it('retries are a share of requests, whatever fails', async () => {
    const bad = await target(failing(503));
    const gateway = await serving({ targets: [{ url: bad.url }], retry: { max_attempts: 2, on: [503], budget: 0.2 } });
    for (let i = 0; i < 50; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    assert.ok(bad.seen.length <= 50 + 10 + 10, `${bad.seen.length} requests upstream`);
  });
});

describe('time-outs', () => {
  it('each is its own: connect, headers, idle, total', async () => {
    const silent = await startRawUpstream();
    closing.push(() => silent.stop());
    const gateway = await serving({
      targets: [{ url: silent.url }],
      timeout: { headers: '150ms', idle: '150ms', total: '5s' },
      retry: { max_attempts: 1 },
    });
    const late = await fetch(`${gateway.url}/x`);
    assert.equal(late.status, 504);
    assert.match(((await late.json()) as { detail: string }).detail, /timeout\.headers/);
    const cut = fetch(`${gateway.url}/y`).then((answer) => answer.text());
    const connection = await silent.next().then(() => silent.next());
    await connection.until(/\r\n\r\n/);
    connection.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome');
    await assert.rejects(cut);
  });

  it('a client that stops in the middle of its body is 408', async () => {
    const silent = await startRawUpstream();
    closing.push(() => silent.stop());
    const gateway = await serving({ targets: [{ url: silent.url }], timeout: { idle: '150ms' } });
    const body = new ReadableStream({ start: (sink) => sink.enqueue(new TextEncoder().encode('abc')) });
    const answer = await fetch(`${gateway.url}/x`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    assert.equal(answer.status, 408);
  });

  it('a total time ends a stream that never does', async () => {
    const drips = await target((_seen, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const gateway = await serving({ targets: [{ url: drips.url }], timeout: { total: '200ms' } });
    await assert.rejects(fetch(`${gateway.url}/x`).then((answer) => answer.text()));
  });
});

describe('breaker', () => {
  const breaker = { failure_rate: 0.5, min_requests: 4, window: '10s', open: '30s', half_open_probes: 2 };

  it('opens after enough failures, says when to come again, tries, and closes', async () => {
    const clock = new ManualClock();
    const flaky = await target(failing(500));
    const gateway = await serving({ targets: [{ url: flaky.url }] }, { breaker }, { clock });
    const status = async () => {
      const answer = await fetch(`${gateway.url}/x`);
      await answer.arrayBuffer();
      return answer;
    };
    for (let i = 0; i < 4; i++) assert.equal((await status()).status, 500);
    const open = await status();
    assert.equal(open.status, 503);
    const retryAfter = Number(open.headers.get('retry-after'));
    assert.ok(retryAfter >= 24 && retryAfter <= 36, `retry-after ${retryAfter}`);
    assert.equal(flaky.seen.length, 4, 'nothing is sent while it is open');
    assert.equal(gateway.routes.targets()[0]!.breaker, 'open');
    clock.advance(retryAfter * 1000);
    assert.equal(gateway.routes.targets()[0]!.breaker, 'half_open');
    flaky.handler = (_seen, response) => void response.end('fine');
    assert.equal((await status()).status, 200);
    assert.equal((await status()).status, 200);
    assert.equal(gateway.routes.targets()[0]!.breaker, 'closed');
  });

  it('is of each target: the others go on', async () => {
    const [bad, good] = [await target(failing(500)), await target()];
    const gateway = await serving({ targets: [{ url: bad.url }, { url: good.url }] }, { breaker });
    for (let i = 0; i < 20; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    assert.equal(bad.seen.length, 4);
  });

  it('does not mind what clients do wrong, or that they leave', async () => {
    const upstream = await target(failing(404));
    const gateway = await serving({ targets: [{ url: upstream.url }] }, { breaker });
    for (let i = 0; i < 8; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    upstream.handler = () => {};
    for (let i = 0; i < 8; i++) {
      const left = new AbortController();
      const asked = fetch(`${gateway.url}/x`, { signal: left.signal }).catch(() => {});
      const before = upstream.seen.length;
      while (upstream.seen.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
      left.abort();
      await asked;
    }
    assert.equal(gateway.routes.targets()[0]!.breaker, 'closed');
  });

  it('keeps its state through a change of other routes', async () => {
    const bad = await target(failing(500));
    const route = {
      name: 'r',
      match: { path: '/*' },
      upstream: { targets: [{ url: bad.url }] },
      auth: { none: {} },
      breaker,
    };
    const gateway = await serving(route.upstream, { breaker });
    for (let i = 0; i < 4; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    await gateway.apply([route, { name: 'other', match: { path: '/other' }, respond: {}, auth: { none: {} } }]);
    assert.equal((await fetch(`${gateway.url}/x`)).status, 503);
    assert.equal((await fetch(`${gateway.url}/other`)).status, 200);
  });
});

describe('health', () => {
  it('active checks alone take a target out and in again', async () => {
    const [sick, well] = [await target(), await target()];
    const health = { path: '/healthz', interval: '50ms', unhealthy_after: 2, healthy_after: 1 };
    sick.handler = ({ url }, response) => void response.writeHead(url === '/healthz' ? 500 : 200).end();
    const gateway = await serving({ targets: [{ url: sick.url }, { url: well.url }], health });
    await until(() => gateway.routes.targets()[0]!.healthy === false);
    const before = sick.seen.filter(({ url }) => url === '/x').length;
    for (let i = 0; i < 6; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    assert.equal(sick.seen.filter(({ url }) => url === '/x').length, before);
    sick.handler = (_seen, response) => void response.end();
    await until(() => gateway.routes.targets()[0]!.healthy);
    await well.stop();
    assert.equal((await fetch(`${gateway.url}/x`)).status, 200);
  });

  it('passive checks alone take a target out for a while', async () => {
    const clock = new ManualClock();
    const [sick, well] = [await target(failing(500)), await target()];
    const health = { passive: { failures: 2, out: '30s' } };
    const gateway = await serving({ targets: [{ url: sick.url }, { url: well.url }], health }, {}, { clock });
    for (let i = 0; i < 10; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    assert.equal(sick.seen.length, 2);
    clock.advance(30_000);
    for (let i = 0; i < 2; i++) await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    assert.equal(sick.seen.length, 3);
  });

  it('without a healthy target: 503', async () => {
    const sick = await target(failing(500));
    const gateway = await serving({ targets: [{ url: sick.url }], health: { passive: { failures: 1 } } });
    await (await fetch(`${gateway.url}/x`)).arrayBuffer();
    const answer = await fetch(`${gateway.url}/x`);
    assert.equal(answer.status, 503);
    assert.ok(answer.headers.has('retry-after'));
  });
});
