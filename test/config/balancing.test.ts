/** Retry budgets, health probes and keep-alives, as they are written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bad, good } from './support.js';

const file = (provider: string, model = '{}', defaults = '{}') => `providers:
  o: { type: openai-compatible, base_url: http://h/v1${provider} }
models: { m: { targets: [{ provider: o, model: m }], retry: ${model}, price: { input: 1, output: 1 } } }
defaults: { retry: ${defaults} }
`;

describe('a retry budget', () => {
  const budgetOf = (t: Parameters<typeof good>[0], model: string, defaults?: string) =>
    good(t, file('', model, defaults)).models['m']!.retry.budget;

  test('is there unless it is off; what is left unsaid comes from the defaults', (t) => {
    assert.deepEqual(budgetOf(t, '{}'), { share: 0.2, floor: 10, window: 10_000 });
    assert.equal(budgetOf(t, '{ budget: off }'), 'off');
    assert.equal(budgetOf(t, '{}', '{ budget: off }'), 'off');
    assert.deepEqual(budgetOf(t, '{ budget: { share: 50% } }', '{ budget: { floor: 3, window: 1m } }'), {
      ...{ share: 0.5, floor: 3, window: 60_000 },
    });
    assert.deepEqual(budgetOf(t, '{ budget: { share: 2 } }', '{ budget: off }'), {
      ...{ share: 2, floor: 10, window: 10_000 },
    });
  });

  for (const [budget, told] of [
    ['on', /budget: expected one of off/],
    ['{ share: "20" }', /share: expected a share/],
    ['{ share: -1 }', /share/],
    ['{ share: 9999% }', /share: expected a share/],
    ['{ floor: 0.5 }', /floor/],
    ['{ flor: 1 }', /flor/],
    ['{ window: 10 }', /window/],
  ] as const)
    test(`that is none is refused: ${budget}`, (t) => {
      assert.match(bad(t, file('', `{ budget: ${budget} }`)).join('\n'), told);
    });
});

describe('health probes', () => {
  test('are none unless they are asked for, and then have defaults', (t) => {
    assert.equal(good(t, file('')).providers['o']!.health, null);
    assert.deepEqual(good(t, file(', health: {}')).providers['o']!.health, {
      ...{ path: '/v1/models', interval: 30_000, timeout: 5_000, unhealthy_after: 3, healthy_after: 2 },
    });
  });

  for (const [health, told] of [
    ['{ path: health }', /path: a path begins with \//],
    ['{ path: "/a b" }', /path/],
    ['{ interval: 1ms }', /interval: must be at least 100ms/],
    ['{ unhealthy_after: 0 }', /unhealthy_after/],
    ['{ pth: /x }', /did you mean "path"/],
    ['true', /health: expected/],
  ] as const)
    test(`that are none are refused: ${health}`, (t) => {
      assert.match(bad(t, file(`, health: ${health}`)).join('\n'), told);
    });

  test('of what answers in the gateway itself are refused', (t) => {
    const written = 'providers: { s: { type: sandbox, health: {} } }';
    assert.match(bad(t, written)[0]!, /providers\.s\.health: a provider of type sandbox answers in the gateway itself/);
  });
});

test('the head of a stream without an upstream has a time of its own', (t) => {
  const timeout = (written: string) =>
    good(t, file('').replace('retry: {}, price', `timeout: ${written}, price`)).models['m']!.timeout;
  assert.equal(timeout('{}').first_keep_alive, 15_000);
  assert.equal(timeout('{ first_keep_alive: 0s }').first_keep_alive, 0);
});

test('a keyword is a word or a phrase, and no page', (t) => {
  const route = (keyword: string) =>
    `${file('').split('defaults')[0]!.trimEnd().slice(0, -1)}, r: { route: [{ when: { keywords: ["${keyword}"] }, use: m }, { use: m }] } }`;
  good(t, route('x'.repeat(200)));
  assert.match(bad(t, route('x'.repeat(201))).join('\n'), /keywords/);
});
