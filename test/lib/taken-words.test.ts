/** What entries keep of limits and routing, in words: what is written is read again, whatever names are made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LimitSpec, limitUnits, limitWindows } from '../../src/lib/limit-spec.js';
import { type LimitOwner, limitWord, moreLimitsWord, takenLimits } from '../../src/lib/taken-limits.js';
import {
  modelWord,
  morePassedWord,
  moreWord,
  passedWord,
  policyWord,
  readyWord,
  ruleWord,
  skippedWord,
  takenRoute,
  wayWord,
} from '../../src/lib/taken-route.js';
import { encoded } from '../../src/lib/word-text.js';

const names = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
  fc.constantFrom('openai/gpt-4o', 'a b', 'a:b;c', '@x+y', "(it's)~!", '100%', '"\\', 'ü/*'),
);
/** Half a surrogate pair is no text. */
const whole = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');
const owners: readonly LimitOwner[] = ['key', 'team', 'key_user', 'team_user', 'model', 'target'];
const by = { key: 'key_1', team: 'ads', user: 'ann', used: () => 7 };

test('limits are read as they were written', () => {
  const amounts = fc.maxSafeNat();
  fc.assert(
    fc.property(
      fc.constantFrom(...owners),
      names,
      fc.constantFrom(...limitUnits),
      fc.option(fc.constantFrom(...limitWindows)),
      fc.option(names),
      fc.tuple(amounts, amounts, amounts),
      (owner, id, unit, per, model, [max, held, remaining]) => {
        const spec = { unit, per, max, model } as LimitSpec;
        const hangs = owner === 'model' || owner === 'target';
        const word = `${limitWord(owner, hangs ? id : null, spec)}:${held}:${remaining}`;
        assert.match(word, /^[\w./*@+:%-]+$/, 'no word is parted, and no line of an entry has to quote it');
        const { limits, more } = takenLimits(` ${word}${moreLimitsWord(3)}`, by);
        const [read, ...others] = limits;
        assert.deepEqual([others, more], [[], 3]);
        const scopes = {
          ...{ key: { key: 'key_1' }, team: { team: 'ads' } },
          ...{ key_user: { user: 'ann', key: 'key_1' }, team_user: { user: 'ann', team: 'ads' } },
          ...{ model: { model: whole(id) }, target: { target: whole(id) } },
        };
        const shown = (value: number) => (unit === 'usd' ? decimal(value) : value);
        assert.deepEqual(read, {
          ...{ scope: scopes[owner], unit, per, model: model === null ? null : whole(model) },
          ...{ max: shown(max), held: shown(held), remaining: shown(remaining), used: shown(7) },
        });
      },
    ),
  );
});

const decimal = (nano: number): string => {
  const digits = String(nano).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
};

test('a routing is read as it was written', () => {
  fc.assert(
    fc.property(names, names, names, (ready, skipped, model) => {
      const words = [
        ruleWord(3),
        ruleWord(0),
        modelWord(model),
        wayWord('fallback', 'rate_limit'),
        policyWord('latency'),
      ];
      const rest = [
        readyWord(encoded(ready), 1, 120),
        readyWord(encoded(ready), 2, null),
        skippedWord(encoded(skipped), 1, 'open', 900),
      ];
      const last = [skippedWord(encoded(skipped), 1, 'held_open', null), passedWord(encoded(skipped), 'at_limit')];
      const counts = [morePassedWord(2), moreWord(4)];
      assert.deepEqual(takenRoute([...words, ...rest, ...last, ...counts].join(''), 'auto'), {
        way: 'fallback',
        after: 'rate_limit',
        model: whole(model),
        rules: [3, 0],
        policy: 'latency',
        candidates: [
          { target: whole(ready), priority: 1, state: 'ready', latency_ms: 120 },
          { target: whole(ready), priority: 2, state: 'ready' },
          { target: whole(skipped), priority: 1, state: 'open', ready_in_ms: 900 },
          { target: whole(skipped), priority: 1, state: 'held_open' },
        ],
        passed_over: [{ target: whole(skipped), why: 'at_limit' }],
        passed_over_more: 2,
        more: 4,
      });
    }),
  );
});

test('what a policy ordered by has a name of its own; what a later version may write is passed over', () => {
  const read = (policy: Parameters<typeof policyWord>[0]) =>
    takenRoute(wayWord('first') + policyWord(policy) + readyWord('p/m', 1, 500), 'm').candidates[0];
  const bare = { target: 'p/m', priority: 1, state: 'ready' };
  assert.deepEqual(read('weighted'), { ...bare, weight: 500 });
  assert.deepEqual(read('prompt'), { ...bare, weight: 500 });
  assert.deepEqual(read('least_busy'), { ...bare, in_flight: 500 });
  assert.deepEqual(read('cost'), { ...bare, cost_usd: '0.000000500' });
  assert.deepEqual(read('usage'), { ...bare, used_share: 0.5 });
  const both = (policy: Parameters<typeof policyWord>[0], value: number | null, more: number) =>
    takenRoute(wayWord('first') + policyWord(policy) + readyWord('p/m', 1, value, more), 'm').candidates[0];
  assert.deepEqual(both('least_busy', 2, 0.5), { ...bare, in_flight: 2, weight: 0.5 });
  assert.deepEqual(both('latency', 120, 3), { ...bare, latency_ms: 120, in_flight: 3 });
  assert.deepEqual(both('latency', null, 3), { ...bare, in_flight: 3 });
  assert.deepEqual(both('usage', 0.003, 2), { ...bare, used_share: 0.000003, weight: 2 });
  const unknown = takenRoute('wZ pZ z9:1 +%zz:x:y', 'm');
  assert.deepEqual(unknown.candidates, [{ target: '%zz', priority: 0, state: 'ready' }]);
  assert.deepEqual([unknown.way, unknown.policy, unknown.model], [null, null, 'm']);
  assert.deepEqual(takenLimits('zz1:2 k krm5 krm5:1 krm5:1:x', by), { limits: [], more: 0 });
});
