import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bad, good } from './support.js';

const base = `providers: { s: { type: sandbox } }
models:
  small: { targets: [{ provider: s, model: s }] }
  large: { targets: [{ provider: s, model: s }] }
`;

/** `expected`: what stands at the place that is told, and what is said of it. */
function assertTold(t: TestContext, text: string, expected: readonly string[]): void {
  const told = bad(t, text);
  assert.equal(told.length, expected.length, told.join('\n'));
  for (const [i, problem] of told.entries()) {
    const [token, said] = expected[i]!.split(' | ');
    const [, line, column, words] = /^(\d+):(\d+) (.*)$/.exec(problem)!;
    assert.equal(words, said);
    assert.equal(
      text
        .split('\n')
        [Number(line) - 1]!.slice(Number(column) - 1)
        .slice(0, token!.length),
      token,
    );
  }
}

test('a whole route arrives in the units in which it is used', (t) => {
  const { models } = good(
    t,
    `${base}  auto:
    route:
      - when:
          input_tokens: { gt: 60_000, lte: 100000 }
          has: [tools, image]
          keywords: prove
          metadata: { tier: [gold, 1], beta: true }
          tags: [a, "b*"]
          key: search-*
          team: [one, two]
          user: vip-*
          time: { from: "22:00", to: "6:30", days: [fri], timezone: Europe/Berlin }
          share: 25%
          max_cost_usd: 0.05
        use: large
      - { when: { share: 0.5, time: { to: "24:00", from: "12:00" } }, use: small }
      - use: { small: 9, large: 1 }
`,
  );
  assert.deepEqual(models['auto']!.targets, []);
  assert.deepEqual(models['auto']!.route, [
    {
      when: {
        input_tokens: { gt: 60_000, lte: 100_000 },
        has: ['tools', 'image'],
        keywords: ['prove'],
        metadata: { tier: ['gold', '1'], beta: ['true'] },
        tags: ['a', 'b*'],
        key: ['search-*'],
        team: ['one', 'two'],
        user: ['vip-*'],
        time: { from: 1320, to: 390, days: ['fri'], timezone: 'Europe/Berlin' },
        share: 0.25,
        max_cost_usd: 50_000_000,
      },
      use: [{ model: 'large', weight: 1 }],
    },
    {
      when: { share: 0.5, time: { from: 720, to: 1440, timezone: 'UTC' } },
      use: [{ model: 'small', weight: 1 }],
    },
    {
      use: [
        { model: 'small', weight: 9 },
        { model: 'large', weight: 1 },
      ],
    },
  ]);
  assert.equal(models['small']!.route, null);
});

test('a model has targets or a route, and with a route nothing else', (t) => {
  assert.deepEqual(bad(t, 'models: { m: {} }'), [
    '1:11 models.m.targets: is missing: a model has `targets` or a `route`',
  ]);
  const [problem] = bad(t, `${base}  m: { route: [{ use: small }], limits: [{ unit: requests, max: 1, per: day }] }\n`);
  assert.match(problem!, /^5:33 models\.m\.limits: a model with a `route` has nothing else/);
  assert.equal(
    good(t, `defaults: { limits: [] }\n${base}  m: { route: [{ use: small }] }\n`).models['m']!.limits.length,
    0,
  );
});

for (const [what, route, expected] of [
  [
    'a model that is not there',
    '[{ when: { share: 0.1 }, use: smal }, { use: { larg: 1, small: 2 } }]',
    [
      'smal } | models.auto.route[0].use: there is no model "smal"; did you mean "small"?',
      'larg: 1 | models.auto.route[1].use.larg: there is no model "larg"; did you mean "large"?',
    ],
  ],
  [
    'a condition on the last rule',
    '[{ when: { share: 0.1 }, use: small }]',
    ['when: | models.auto.route[0].when: the last rule has no `when`, so that every request has a model'],
  ],
  [
    'rules behind one that fits everything',
    '[{ use: small }, { use: large }]',
    [
      '{ use: small } | models.auto.route[0]: without `when` it fits every request, and the rules after it are never asked',
    ],
  ],
  [
    'an empty when',
    '[{ when: {}, use: small }, { use: large }]',
    ['when: {} | models.auto.route[0].when: is empty; leave `when` out'],
  ],
  [
    'a slip in a condition',
    '[{ when: { input_token: { gt: 1 } }, use: small }, { use: large }]',
    ['input_token: | models.auto.route[0].when.input_token: unknown key; did you mean "input_tokens"?'],
  ],
  [
    'a slip in a feature',
    '[{ when: { has: [images] }, use: small }, { use: large }]',
    [
      'images | models.auto.route[0].when.has[0]: expected one of tools, image, audio, file, json, json_schema, reasoning, stream, system; did you mean image?',
    ],
  ],
  [
    'a range without bounds',
    '[{ when: { input_tokens: {} }, use: small }, { use: large }]',
    ['input_tokens: {} | models.auto.route[0].when.input_tokens: needs gt, gte, lt or lte'],
  ],
  [
    'a time that is none',
    '[{ when: { time: { from: "25:00" } }, use: small }, { use: large }]',
    ['"25:00" | models.auto.route[0].when.time.from: expected a time of day, such as "08:30"'],
  ],
  [
    'a zone that is none',
    '[{ when: { time: { from: "2:00", timezone: Mars/Phobos } }, use: small }, { use: large }]',
    ['Mars | models.auto.route[0].when.time.timezone: not an IANA time zone, such as Europe/Berlin'],
  ],
  [
    'a share beyond the whole',
    '[{ when: { share: 120% }, use: small }, { use: large }]',
    ['120% | models.auto.route[0].when.share: expected a share, such as 0.1 or "10%"'],
  ],
  ['no rule', '[]', ['route: [] | models.auto.route: a route needs a rule']],
  ['weights of nothing', '[{ use: { small: 0 } }]', ['use: { small | models.auto.route[0].use: no model has a weight']],
  [
    'a similarity to nothing',
    '[{ when: { similarity: 0.5 }, use: small }, { use: large }]',
    ['0.5 } | models.auto.route[0].when.similarity: has no meaning without `like`'],
  ],
] as const) {
  test(`a route with ${what} is a problem with its place`, (t) => {
    assertTold(t, `${base}  auto: { route: ${route} }\n`, expected);
  });
}

test('a circle is told once, at the rule that closes it; routes that meet are none', (t) => {
  const circles = `${base}  a: { route: [{ when: { share: 0.5 }, use: b }, { use: small }] }
  b: { route: [{ when: { share: 0.5 }, use: c }, { use: a }] }
  c: { route: [{ use: large }] }
  d: { route: [{ use: d }] }
`;
  assertTold(t, circles, [
    'a }] | models.b.route[1].use: leads in a circle: a -> b -> a',
    'd }] | models.d.route[0].use: leads in a circle: d -> d',
  ]);
  good(
    t,
    `${base}  a: { route: [{ when: { share: 0.5 }, use: c }, { use: b }] }
  b: { route: [{ use: c }] }
  c: { route: [{ use: large }] }
`,
  );
});

test('a cost can be a condition where the model has targets, and not where it has a route', (t) => {
  const text = (use: string) => `${base}  inner: { route: [{ use: small }] }
  auto: { route: [{ when: { max_cost_usd: 0.1 }, use: ${use} }, { use: large }] }
`;
  good(t, text('small'));
  assertTold(t, text('inner'), [
    'max_cost_usd: | models.auto.route[0].when.max_cost_usd: what "inner" costs depends on its own route; use a model with targets here',
  ]);
});

test('a fallback is a model with targets', (t) => {
  const text = `${base}  auto: { route: [{ use: small }] }
  m: { targets: [{ provider: s, model: s }], fallbacks: [small, auto] }
`;
  assertTold(t, text, ['auto] } | models.m.fallbacks[1]: "auto" has a route; a fallback is a model with targets']);
});
