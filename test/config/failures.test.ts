/** Rules of a provider's failures, and what follows a time-out, as they are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, good } from './support.js';

const provider = (failures: string) =>
  `providers: { o: { type: openai-compatible, base_url: http://h/v1, failures: ${failures} } }`;

test('a rule states what an error means, and by what it is known', (t) => {
  const config = good(
    t,
    provider(
      '[{ is: quota, status: 418, message: "the * is empty" }, { is: overload, status: [500, 502], code: E1, type: T* }]',
    ),
  );
  assert.deepEqual(config.providers['o']!.failures, [
    { is: 'quota', status: [418], code: null, type: null, message: 'the * is empty' },
    { is: 'overload', status: [500, 502], code: 'E1', type: 'T*', message: null },
  ]);
  assert.deepEqual(good(t, 'providers: { o: { type: openai } }').providers['o']!.failures, []);
});

for (const [rule, told] of [
  ['{ is: quota }', /state a `status`, `code`, `type` or `message`/],
  ['{ is: money, status: 402 }', /is: expected one of rate_limit, quota/],
  ['{ status: 402 }', /is: is missing/],
  ['{ is: quota, status: 200 }', /status: .*at least 400|an error status is 400 to 599/],
  ['{ is: quota, status: 600 }', /status/],
  ['{ is: quota, status: [] }', /name a status, or leave `status` out/],
  ['{ is: quota, status: soon }', /status/],
  ['{ is: quota, message: "" }', /a text that is empty fits nothing/],
  ['{ is: quota, mesage: x }', /unknown key.*did you mean "message"/],
  ['quota', /expected a mapping/],
] as const) {
  test(`a rule that is none is refused: ${rule}`, (t) => {
    const problems = bad(t, provider(`[${rule}]`));
    assert.match(problems.join('\n'), told);
    assert.match(problems[0]!, /^1:\d+ providers\.o\.failures\[0\]/);
  });
}

test('who is asked after a time-out is one of three', (t) => {
  const model = (retry: string) => `providers: { s: { type: sandbox } }
models: { m: { targets: [{ provider: s, model: m }], retry: ${retry} } }`;
  for (const on of ['elsewhere', 'anywhere', 'never'])
    assert.equal(good(t, model(`{ on_timeout: ${on} }`)).models['m']!.retry.on_timeout, on);
  assert.equal(good(t, model('{}')).models['m']!.retry.on_timeout, 'elsewhere');
  assert.match(
    bad(t, model('{ on_timeout: nevr }'))[0]!,
    /on_timeout: expected one of elsewhere, anywhere, never; did you mean never\?/,
  );
});
