import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pools } from '../../src/upstream/pool.js';

const ORIGIN = 'http://127.0.0.1:9';

test('leases that ask for the same place get the same pool; another time-out is another pool', (t) => {
  const pools = new Pools();
  t.after(() => pools.close());
  const [a, b] = [pools.lease(), pools.lease()];
  assert.equal(a.get(ORIGIN, 1000), b.get(ORIGIN, 1000));
  assert.notEqual(a.get(ORIGIN, 1000), a.get(ORIGIN, 2000));
  assert.equal(pools.size, 2);
});

test('a pool is closed when the last lease on it ends, and made anew when it is asked for later', (t) => {
  const pools = new Pools();
  t.after(() => pools.close());
  const [a, b] = [pools.lease(), pools.lease()];
  const pool = a.get(ORIGIN, 1000);
  a.get(ORIGIN, 1000); // twice by one lease counts once
  b.get(ORIGIN, 1000);
  a.end();
  a.end();
  assert.equal(pool.retired, false);
  b.end();
  assert.equal(pool.retired, true);
  assert.equal(pools.size, 0);
  const again = pools.lease().get(ORIGIN, 1000);
  assert.notEqual(again, pool);
  assert.equal(again.retired, false);
});
