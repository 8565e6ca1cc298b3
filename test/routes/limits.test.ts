/** Limits of a route: by consumer, address, header; with a virtual key's own; exact, atomic, and with Redis away. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { networkOf } from '../../src/routes/limits.js';
import { ManualClock } from '../support/clock.js';
import { freePort } from '../support/free-port.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function limited(limits: object[], more: object = {}, options?: TestRoutesOptions): Promise<TestRoutes> {
  const gateway = await startRoutes(
    [{ name: 'r', match: { path: '/*' }, respond: { body: 'ok' }, auth: { none: {} }, limits, ...more }],
    options,
  );
  closing.push(() => gateway.stop());
  return gateway;
}

const statusOf = async (gateway: TestRoutes, headers: Record<string, string> = {}): Promise<number> => {
  const answer = await fetch(`${gateway.url}/x`, { headers });
  await answer.arrayBuffer();
  return answer.status;
};

describe('limits', () => {
  it('refuse with 429 and the exact time, and say what is left in the IETF fields', async () => {
    const clock = new ManualClock();
    const gateway = await limited([{ unit: 'requests', max: 2, per: 'minute', by: 'ip' }], {}, { clock });
    const first = await fetch(`${gateway.url}/x`);
    assert.equal(first.headers.get('ratelimit-policy'), '"requests-per-minute";q=2;w=60');
    assert.equal(first.headers.get('ratelimit'), '"requests-per-minute";r=1;t=60');
    clock.advance(10_000);
    assert.equal(await statusOf(gateway), 200);
    const denied = await fetch(`${gateway.url}/x`);
    assert.equal(denied.status, 429);
    assert.equal(denied.headers.get('retry-after'), '50');
    assert.equal(denied.headers.get('retry-after-ms'), '50000');
    assert.equal(((await denied.json()) as { code: string }).code, 'rate_limit_exceeded');
    clock.advance(49_999);
    assert.equal(await statusOf(gateway), 429);
    clock.advance(1);
    assert.equal(await statusOf(gateway), 200);
  });

  it('say all that is known on the refusal itself: of every window, of none at all, of slots, and where they only log', async () => {
    for (const [limit, policy, state, after] of [
      [{ max: 1, per: 'second' }, '"requests-per-second";q=1;w=1', '"requests-per-second";r=0;t=1', '1'],
      [{ max: 1, per: 'minute' }, '"requests-per-minute";q=1;w=60', '"requests-per-minute";r=0;t=60', '60'],
      [{ max: 1, per: 'hour' }, '"requests-per-hour";q=1;w=3600', '"requests-per-hour";r=0;t=3600', '3600'],
      [{ max: 1, per: 'day' }, '"requests-per-day";q=1;w=86400', '"requests-per-day";r=0;t=57600', '57600'],
      [{ max: 1, per: 'month' }, '"requests-per-month";q=1;w=2592000', '"requests-per-month";r=0;t=576000', '576000'],
      [{ max: 1, per: 'total' }, '"requests-per-total";q=1', '"requests-per-total";r=0', '60'],
      [{ max: 0, per: 'minute' }, '"requests-per-minute";q=0;w=60', '"requests-per-minute";r=0;t=60', '60'],
      [{ max: 0, per: 'day' }, '"requests-per-day";q=0;w=86400', '"requests-per-day";r=0;t=57600', '57600'],
      [{ max: 0, unit: 'concurrent' }, '"concurrent";q=0', '"concurrent";r=0', '1'],
    ] as const) {
      for (const log_only of [[], ['limits']]) {
        const clock = new ManualClock('2026-11-24T08:00:00Z');
        const gateway = await limited([limit], { log_only }, { clock });
        if (limit.max > 0) await statusOf(gateway);
        const { status, headers } = await fetch(`${gateway.url}/x`);
        const group = 'unit' in limit ? 'concurrent' : 'requests';
        assert.deepEqual(
          [
            ...[status, headers.get('ratelimit-policy'), headers.get('ratelimit'), headers.get('retry-after')],
            ...[headers.get(`x-ratelimit-limit-${group}`), headers.get(`x-ratelimit-remaining-${group}`)],
            headers.has(`x-ratelimit-reset-${group}`),
          ],
          [
            ...[log_only.length > 0 ? 200 : 429, policy, state, log_only.length > 0 ? null : after],
            ...[String(limit.max), '0', group !== 'concurrent' && !('per' in limit && limit.per === 'total')],
          ],
          JSON.stringify([limit, log_only]),
        );
      }
    }
  });

  it('say what is left of slots beside what is left of rates', async () => {
    const gateway = await limited([
      { max: 5, per: 'minute' },
      { max: 3, unit: 'concurrent' },
    ]);
    const { headers } = await fetch(`${gateway.url}/x`);
    assert.equal(headers.get('ratelimit-policy'), '"requests-per-minute";q=5;w=60, "concurrent";q=3');
    assert.match(headers.get('ratelimit')!, /^"requests-per-minute";r=4;t=\d+, "concurrent";r=2$/);
    assert.equal(headers.get('x-ratelimit-remaining-concurrent'), '2');
  });

  it('of 200 at once let pass exactly as many as they say', async () => {
    const gateway = await limited([{ unit: 'requests', max: 50, per: 'hour', by: 'route' }]);
    const statuses = await Promise.all(Array.from({ length: 200 }, () => statusOf(gateway)));
    assert.equal(statuses.filter((status) => status === 200).length, 50);
    assert.equal(statuses.filter((status) => status === 429).length, 150);
  });

  it('count consumers, headers and addresses apart', async () => {
    const gateway = await limited([{ max: 1, per: 'hour', by: 'header:x-tenant' }], {}, { trustProxy: ['127.0.0.1'] });
    assert.deepEqual(
      [
        await statusOf(gateway, { 'x-tenant': 'a' }),
        await statusOf(gateway, { 'x-tenant': 'b' }),
        await statusOf(gateway, { 'x-tenant': 'a' }),
      ],
      [200, 200, 429],
    );
    const byKey = await limited([{ max: 1, per: 'hour' }], { auth: { key: {} } });
    const [one, two] = [await byKey.key(), await byKey.key()];
    const as = (key: string) => statusOf(byKey, { authorization: `Bearer ${key}` });
    assert.deepEqual([await as(one), await as(two), await as(one)], [200, 200, 429]);
    const byIp = await limited([{ max: 1, per: 'hour', by: 'ip' }], {}, { trustProxy: ['127.0.0.1'] });
    const from = (ip: string) => statusOf(byIp, { 'x-forwarded-for': ip });
    assert.deepEqual([await from('1.1.1.1'), await from('2.2.2.2'), await from('9.9.9.9, 1.1.1.1')], [200, 200, 429]);
  });

  it("a virtual key's own limits, and its team's, count for routes as well", async () => {
    const gateway = await limited([], { auth: { key: {} } });
    const limit = (max: number) => [
      { unit: 'requests', max, per: 'hour', model: null, warn_at: [], timezone: 'UTC', on_exhausted: 'clamp' },
    ];
    await gateway.team('search', { limits: limit(3) });
    const [one, two] = [await gateway.key({ team: 'search', limits: limit(1) }), await gateway.key({ team: 'search' })];
    const as = (key: string) => statusOf(gateway, { authorization: `Bearer ${key}` });
    assert.deepEqual([await as(one), await as(one)], [200, 429]);
    assert.deepEqual([await as(two), await as(two), await as(two)], [200, 200, 429]);
  });

  it('a refused request takes nothing of any limit', async () => {
    const clock = new ManualClock();
    const gateway = await limited(
      [
        { max: 1, per: 'second', by: 'route' },
        { max: 3, per: 'hour', by: 'route' },
      ],
      {},
      { clock },
    );
    const all: number[] = [];
    for (let i = 0; i < 4; i++) {
      all.push(await statusOf(gateway), await statusOf(gateway));
      clock.advance(1_000);
    }
    assert.deepEqual(all, [200, 429, 200, 429, 200, 429, 429, 429]);
  });

  it('slots are given back when the request is over, also where the client left', async () => {
    const { startHttpUpstream } = await import('../support/http-upstream.js');
    const upstream = await startHttpUpstream(() => {});
    closing.push(() => upstream.stop());
    const gateway = await limited([{ unit: 'concurrent', max: 1, by: 'route' }], {
      respond: undefined,
      upstream: { targets: [{ url: upstream.url }] },
    });
    const left = new AbortController();
    const running = fetch(`${gateway.url}/x`, { signal: left.signal, headers: { 'x-request-id': 'held' } }).catch(
      () => {},
    );
    while (upstream.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(await statusOf(gateway), 429);
    left.abort();
    await running;
    await gateway.line('held');
    upstream.handler = (_seen, response) => void response.end();
    assert.equal(await statusOf(gateway), 200);
  });

  it('with Redis away go by the policy that was chosen', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    for (const [onFailure, statuses] of [
      ['closed', [503, 503]],
      ['open', [200, 200]],
      ['local', [200, 429]],
    ] as const) {
      const gateway = await limited([{ max: 1, per: 'hour', by: 'route' }], {}, { redis: { url, onFailure } });
      assert.deepEqual([await statusOf(gateway), await statusOf(gateway)], statuses, onFailure);
    }
  });

  it('that only log let pass', async () => {
    const gateway = await limited([{ max: 1, per: 'hour', by: 'route' }], { log_only: ['limits'] });
    assert.deepEqual([await statusOf(gateway), await statusOf(gateway)], [200, 200]);
    assert.deepEqual(gateway.refusals, ['r limits log']);
  });

  it('an IPv6 subscriber is one, whichever address of the network is used', () => {
    assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
    assert.equal(networkOf('2001:0DB8::1'), networkOf('2001:db8:0:0:9::'));
    assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
    assert.equal(networkOf('10.0.0.1'), '10.0.0.1');
  });
});
