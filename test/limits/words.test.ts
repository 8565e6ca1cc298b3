import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statusOf } from '../../src/lib/errors.js';
import { Limit, type Scope } from '../../src/limits/limit.js';
import { Limits } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import { duration, heldHeaders, refusalOf, unavailableRefusal } from '../../src/limits/words.js';
import { denied, estimate, LEASE_MS, reserved, spec, take, used } from '../contract/limits/rig.js';
import { ManualClock } from '../support/clock.js';

const key: Scope = { kind: 'key', id: 'key_1' };
const rig = () => {
  const clock = new ManualClock();
  return { clock, limits: new Limits({ clock, store: new MemoryStore(clock, { leaseMs: LEASE_MS }) }) };
};

describe('a refusal', () => {
  it('of a budget names it, what is spent, held and left, and when its window ends, and asks not to retry', async () => {
    const { limits } = rig();
    const budget = new Limit(
      { kind: 'team', id: 'search' },
      spec('usd', 50_000_000_000, 'month', { model: 'gpt-4o*' }),
    );
    await limits.settle(
      reserved(await take(limits, [budget], estimate(40_000_000_000))),
      used(40_000_000_000, 0),
      'exact',
    );
    reserved(await take(limits, [budget], estimate(9_000_000_000)));
    const refusal = refusalOf(denied(await take(limits, [budget], estimate(2_000_000_000))), limits.nowMs());
    assert.deepEqual(
      [refusal.code, statusOf(refusal), refusal.headers],
      ['budget_exceeded', 429, { 'x-should-retry': 'false', 'retry-after': '576000', 'retry-after-ms': '576000000' }],
    );
    assert.equal(
      refusal.message,
      'Budget exceeded: the limit of 50.000000000 USD per month of team search for gpt-4o*: 40.000000000 USD spent, ' +
        '9.000000000 USD held by running requests, 1.000000000 USD left; this request needs at least 2.000000000 USD. ' +
        'The window ends at 2026-12-01T00:00:00.000Z.',
    );
  });

  it('of a rate says when to try again, to the millisecond', async () => {
    const { limits, clock } = rig();
    const user = new Limit(
      { kind: 'user', id: 'u', within: { kind: 'key', id: 'key_1' } },
      spec('requests', 1, 'minute'),
    );
    reserved(await take(limits, [user]));
    clock.advance(47_766);
    const refusal = refusalOf(denied(await take(limits, [user])), limits.nowMs());
    assert.deepEqual([refusal.code, statusOf(refusal)], ['rate_limit_exceeded', 429]);
    assert.match(
      refusal.message,
      /^Rate limit reached: the limit of 1 request per minute of user u of key key_1 has 0 requests left.*Try again in 12\.234s\.$/,
    );
    assert.deepEqual(refusal.headers, {
      'retry-after': '13',
      'retry-after-ms': '12234',
      'x-ratelimit-limit-requests': '1',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '12.234s',
    });
  });

  it('of a request that is larger than the whole rate asks not to retry', async () => {
    const { limits } = rig();
    const refusal = refusalOf(
      denied(await take(limits, [new Limit(key, spec('tokens', 10, 'minute'))], estimate(11))),
      limits.nowMs(),
    );
    assert.equal(refusal.headers?.['x-should-retry'], 'false');
    assert.equal(
      refusal.headers?.['retry-after'],
      '60',
      'when the limit is whole again, for it may be a larger one then',
    );
    assert.match(refusal.message, /takes 11 tokens, which is more than the whole limit/);
  });

  it('for want of a slot, or of knowledge, asks to retry soon', async () => {
    const { limits } = rig();
    const slots = new Limit(key, spec('concurrent', 0, null));
    const refusal = refusalOf(denied(await take(limits, [slots])), limits.nowMs());
    assert.deepEqual([statusOf(refusal), refusal.headers], [429, { 'retry-after': '1', 'retry-after-ms': '1000' }]);
    const unavailable = unavailableRefusal(250);
    assert.deepEqual(
      [statusOf(unavailable), unavailable.headers],
      [503, { 'retry-after': '1', 'retry-after-ms': '250' }],
    );
  });
});

describe('the rate headers', () => {
  const told = (...asked: Parameters<typeof heldHeaders>): Record<string, string> => {
    const headers = heldHeaders(...asked);
    const pairs = headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]!]] : []));
    return Object.fromEntries(pairs);
  };

  it('are those of the tightest limit of requests and of tokens', async () => {
    const { limits, clock } = rig();
    const all = [
      new Limit(key, spec('requests', 60, 'minute')),
      new Limit(key, spec('requests', 20, 'hour')),
      new Limit(key, spec('tokens', 1000, 'day')),
      new Limit(key, spec('tokens', 5000, 'minute')),
      new Limit(key, spec('usd', 5, 'total')),
      new Limit(key, spec('concurrent', 1, null)),
    ];
    const hold = reserved(await take(limits, all, estimate(0, 200, { outputPicoMost: 1 })));
    assert.deepEqual(told(hold.parts, clock.now()), {
      'x-ratelimit-limit-requests': '20',
      'x-ratelimit-remaining-requests': '19',
      'x-ratelimit-reset-requests': '1h0m0s',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '800',
      'x-ratelimit-reset-tokens': '16h0m0s',
      'x-ratelimit-limit-concurrent': '1',
      'x-ratelimit-remaining-concurrent': '0',
      'ratelimit-policy': '"requests-per-hour";q=20;w=3600, "tokens-per-day";q=1000;w=86400, "concurrent";q=1',
      ratelimit: '"requests-per-hour";r=19;t=3600, "tokens-per-day";r=800;t=57600, "concurrent";r=0',
    });
  });

  it('say nothing where there is nothing to say', async () => {
    const { limits, clock } = rig();
    const hold = reserved(await take(limits, [new Limit(key, spec('usd', 5, 'day'))], estimate(1)));
    assert.deepEqual(told(hold.parts, clock.now()), {});
    const total = reserved(await take(limits, [new Limit(key, spec('requests', 5, 'total'))]));
    assert.deepEqual(told(total.parts, clock.now()), {
      'x-ratelimit-limit-requests': '5',
      'x-ratelimit-remaining-requests': '4',
      'ratelimit-policy': '"requests-per-total";q=5',
      ratelimit: '"requests-per-total";r=4',
    });
  });

  it('write durations as OpenAI does', () => {
    assert.deepEqual([0, 17, 999.2, 1200, 59_999, 60_000, 360_000, 3_723_000].map(duration), [
      '0ms',
      '17ms',
      '1s',
      '1.2s',
      '59.999s',
      '1m0s',
      '6m0s',
      '1h2m3s',
    ]);
  });
});
