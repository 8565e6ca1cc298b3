import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counts, Limit, limitsInForce, type Scope } from '../../src/limits/limit.js';
import { spec } from '../contract/limits/rig.js';

const key: Scope = { kind: 'key', id: 'key_1' };
const counter = (scope: Scope, ...of: Parameters<typeof spec>) => new Limit(scope, spec(...of)).counter;

describe('a counter', () => {
  it('is named by scope, unit, window, model and zone, not by the maximum or what happens when it is spent', () => {
    const name = counter(key, 'usd', 5, 'month');
    assert.equal(counter(key, 'usd', 9, 'month', { on_exhausted: 'reject', warn_at: [1] }), name);
    const others = [
      counter({ kind: 'key', id: 'key_2' }, 'usd', 5, 'month'),
      counter({ kind: 'team', id: 'key_1' }, 'usd', 5, 'month'),
      counter({ kind: 'user', id: 'key_1', within: key as { kind: 'key'; id: string } }, 'usd', 5, 'month'),
      counter({ kind: 'user', id: 'key_1', within: { kind: 'team', id: 'key_1' } }, 'usd', 5, 'month'),
      counter(key, 'tokens', 5, 'month'),
      counter(key, 'usd', 5, 'day'),
      counter(key, 'usd', 5, 'month', { model: 'gpt-4o*' }),
      counter(key, 'usd', 5, 'month', { timezone: 'Europe/Berlin' }),
    ];
    assert.equal(new Set([name, ...others]).size, others.length + 1);
  });

  it('has the window in its name, so that a new window is a new counter', () => {
    const limit = new Limit(key, spec('usd', 5, 'month'));
    const november = limit.windowAt(Date.parse('2026-11-24T00:00:00Z'));
    const december = limit.windowAt(Date.parse('2026-12-24T00:00:00Z'));
    assert.match(limit.keyIn(november), /:2026-11$/);
    assert.match(limit.keyIn(december), /:2026-12$/);
    assert.equal(limit.keyIn(november), limit.keyIn(november));
    const rate = new Limit(key, spec('requests', 5, 'minute', { timezone: 'Asia/Tokyo' }));
    assert.deepEqual(
      [rate.windowAt(0), rate.keyIn(null), rate.windowMs, rate.kind],
      [null, rate.counter, 60_000, 'rate'],
    );
  });

  it('cannot be confused or broken by what an end user calls himself', () => {
    const of = (id: string, within = 'key_1') =>
      counter({ kind: 'user', id, within: { kind: 'key', id: within } }, 'usd', 5, 'month');
    const hostile = [
      'a',
      'a:key:key_1',
      'a:key',
      '',
      ' ',
      'ä',
      '\ud800',
      '{x}',
      '*',
      'a\n',
      '%61',
      'x'.repeat(64),
      'x'.repeat(65),
      'y'.repeat(10_000),
      `${'y'.repeat(10_000)}z`,
    ];
    assert.equal(new Set(hostile.map((id) => of(id))).size, hostile.length);
    for (const id of hostile) {
      assert.match(of(id), /^[!-~]+$/);
      assert.ok(of(id).length < 250);
    }
    assert.notEqual(of('a', 'b:c'), of('a:b', 'c'));
  });
});

describe('limits in force', () => {
  it('are the tighter of those that share a counter', () => {
    const limits = limitsInForce(key, [
      spec('usd', 50, 'month'),
      spec('usd', 40, 'month'),
      spec('usd', 45, 'month'),
      spec('usd', 60, 'day'),
    ]);
    assert.deepEqual(
      limits.map((limit) => limit.spec.max),
      [40, 60],
    );
  });
});

describe('a model pattern', () => {
  const matches = (model: string | null, name: string) =>
    counts(new Limit(key, spec('usd', 1, 'day', { model })), name);

  it('matches by name and by stars', () => {
    assert.ok(matches(null, 'anything'));
    assert.ok(matches('gpt-4o', 'gpt-4o') && !matches('gpt-4o', 'gpt-4o-mini'));
    assert.ok(matches('gpt-4o*', 'gpt-4o') && matches('gpt-4o*', 'gpt-4o-mini') && !matches('gpt-4o*', 'gpt-4'));
    assert.ok(matches('*-mini', 'o4-mini') && !matches('*-mini', 'o4-mini-high'));
    assert.ok(
      matches('a*b*c', 'a-b-c') && matches('a*b*c', 'abc') && !matches('a*b*c', 'acb') && !matches('a*b*c', 'ab'),
    );
    assert.ok(matches('ab*ba', 'abba') && !matches('ab*ba', 'aba'));
    assert.ok(matches('*', '') && !matches('g.t', 'gpt'));
  });
});
