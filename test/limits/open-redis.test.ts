import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/lib/clock.js';
import { openLimits } from '../../src/limits/open-redis.js';
import { estimate, levels, limitOf, reserved, take, used } from '../contract/limits/rig.js';
import { startRedis } from '../support/redis.js';

describe('opening limits', () => {
  it('without a Redis keeps counters in the process', async () => {
    const limits = await openLimits({ clock: systemClock });
    assert.equal(limits.state, 'memory');
    const budget = limitOf('usd', 100, 'month');
    await limits.settle(reserved(await take(limits, [budget], estimate(10))), used(4, 0), 'exact');
    assert.deepEqual(await levels(limits, budget), [4, 0]);
    await limits.close();
  });

  it('with a Redis shares them, is ready when it says so, and finds them again', async () => {
    const redis = await startRedis();
    const budget = limitOf('usd', 100, 'month');
    try {
      const options = { clock: systemClock, redis: { url: redis.url, onFailure: 'closed' as const } };
      const one = await openLimits(options);
      assert.equal(one.state, 'redis');
      await one.settle(reserved(await take(one, [budget], estimate(10))), used(4, 0), 'exact');
      const other = await openLimits(options);
      assert.deepEqual(await levels(other, budget), [4, 0]);
      await one.close();
      await one.close();
      assert.equal((await take(one, [budget], estimate(1))).kind, 'unavailable');
      await other.close();
    } finally {
      await redis.close();
    }
  });

  it('with a Redis that is away serves in the mode that was chosen, after a bounded wait', async () => {
    const told: string[] = [];
    const limits = await openLimits({
      clock: systemClock,
      redis: { url: 'redis://127.0.0.1:1', onFailure: 'local', replicas: 2 },
      readyWithinMs: 100,
      onState: (state) => told.push(state),
    });
    assert.deepEqual([limits.state, told], ['away', ['away']]);
    reserved(await take(limits, [limitOf('requests', 2, 'minute'), limitOf('usd', 100, 'month')], estimate(10)));
    await limits.close();
  });
});
