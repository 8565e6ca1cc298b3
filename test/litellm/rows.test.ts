/** Rows of LiteLLM's tables: a key may use no more here than it may there, and has the limits that it has there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyRow, modelsOf } from '../../src/litellm/rows.js';

const token = 'a'.repeat(64);

interface Taken {
  readonly models: unknown;
  readonly limits: unknown;
  readonly skipped: string | undefined;
  readonly told: readonly string[];
}

function taken(row: object, outer: readonly string[] | undefined, budget?: Record<string, unknown>): Taken {
  const told: string[] = [];
  const made = keyRow({ token, ...row }, { team: undefined, models: outer, budget }, 0, (reason) => told.push(reason));
  if ('skipped' in made) return { models: null, limits: null, skipped: made.skipped, told };
  return { models: made.fields['models'], limits: made.fields['limits'], skipped: undefined, told };
}

test('a key may use what both it and its team or user name', () => {
  for (const [own, outer, both] of [
    [[], undefined, undefined],
    [[], ['gpt-4o'], ['gpt-4o']],
    [['all-team-models'], ['gpt-4o'], ['gpt-4o']],
    [['all-proxy-models'], ['gpt-4o'], ['gpt-4o']],
    [['gpt-4o'], undefined, ['gpt-4o']],
    [['gpt-4o', 'o3'], ['o3', 'claude'], ['o3']],
    [['gpt-*'], ['gpt-4o', 'o3'], ['gpt-4o']],
    [['gpt-4o', 'o3'], ['gpt-*'], ['gpt-4o']],
    [['gpt-4*'], ['gpt-*'], ['gpt-4*']],
    [['gpt-*'], ['gpt-4*', '*-mini'], ['gpt-4*']],
  ] as const)
    assert.deepEqual(taken({ models: own }, outer).models, both, `${own} within ${outer}`);
});

test('what a key loses by it is told, and a key that may use nothing is not taken', () => {
  assert.match(
    taken({ models: ['gpt-4o', 'o3'] }, ['o3']).told.join(),
    /no more than its team or user may: without gpt-4o/,
  );
  assert.deepEqual(taken({ models: ['o3'] }, ['o3', 'gpt-4o']).told, []);
  assert.match(taken({ models: ['gpt-4o'] }, ['o3']).skipped!, /no model that its team or user may use/);
  assert.match(taken({ models: [17] }, undefined).skipped!, /no model/, 'a list that cannot be read is not all models');
  assert.deepEqual(modelsOf(['*']), undefined);
});

test('an empty object of the key says nothing, and that of its budget counts', () => {
  const budget = { model_max_budget: { sandbox: { budget_limit: 1, time_period: '1d' } }, rpm_limit: 9 };
  for (const model_max_budget of [{}, '{}', null, undefined])
    assert.deepEqual(taken({ model_max_budget, rpm_limit: null }, undefined, budget).limits, [
      { unit: 'requests', max: 9, per: 'minute' },
      { unit: 'usd', max: 1, per: 'day', model: 'sandbox' },
    ]);
  const own = { model_max_budget: { other: { budget_limit: 2, time_period: '1d' } }, rpm_limit: 0 };
  assert.deepEqual(taken(own, undefined, budget).limits, [
    { unit: 'requests', max: 0, per: 'minute' },
    { unit: 'usd', max: 2, per: 'day', model: 'other' },
  ]);
});
