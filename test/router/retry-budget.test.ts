import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RetryBudget } from '../../src/router/retry-budget.js';

const rule = { share: 0.2, floor: 3, window: 10_000 };

describe('a retry budget', () => {
  test('affords the floor, and a share of the requests of its window', () => {
    const budget = new RetryBudget(rule);
    for (let i = 0; i < 100; i++) budget.request(0);
    let taken = 0;
    while (budget.take(0)) taken++;
    assert.equal(taken, 23);
    assert.equal(budget.left(0), 0);
  });

  test('in a total outage the load grows by the share and the floor, not by attempts', () => {
    const budget = new RetryBudget(rule);
    let attempts = 0;
    for (let i = 0; i < 1_000; i++) {
      const now = i * 10;
      budget.request(now);
      attempts++;
      for (let more = 0; more < 2 && budget.take(now); more++) attempts++;
    }
    assert.ok(attempts <= 1_000 * 1.2 + 3 && attempts >= 1_190, String(attempts));
  });

  test('a further attempt that is answered gives its place back: failover that works is not bounded', () => {
    const budget = new RetryBudget({ ...rule, share: 0, floor: 1 });
    for (let i = 0; i < 1_000; i++) {
      budget.request(i);
      assert.ok(budget.take(i), `request ${i}`);
      budget.giveBack(i);
    }
    assert.ok(budget.take(1_000));
    assert.ok(!budget.take(1_000));
  });

  test('what was taken counts for the window and no longer; a place that comes back late harms nothing', () => {
    const budget = new RetryBudget({ ...rule, share: 0 });
    for (let i = 0; i < 3; i++) assert.ok(budget.take(0));
    assert.ok(!budget.take(8_999));
    assert.ok(budget.take(10_000));
    budget.giveBack(30_000);
    budget.giveBack(30_000);
    assert.equal(budget.left(30_000), 3);
  });

  test('without a floor a model that is asked rarely retries as its requests add up', () => {
    const budget = new RetryBudget({ share: 0.5, floor: 0, window: 1_000 });
    budget.request(0);
    assert.ok(!budget.take(0));
    budget.request(0);
    assert.ok(budget.take(0));
  });
});
