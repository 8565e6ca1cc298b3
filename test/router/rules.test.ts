import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Embedder } from '../../src/lib/embedder.js';
import { routeSpec } from '../../src/lib/route-spec.js';
import type { RouteRequest } from '../../src/router/conditions.js';
import { foldText } from '../../src/router/fold-text.js';
import { Rules } from '../../src/router/rules.js';

const NOON = Date.parse('2026-11-24T12:00:00Z'); // a Tuesday

function request(fields: Partial<RouteRequest> = {}): RouteRequest {
  return {
    key: { id: 'key_1', name: 'search-prod' },
    team: 'search',
    user: null,
    tags: [],
    metadata: () => undefined,
    has: () => false,
    text: () => '',
    foldedText: () => foldText(fields.text?.() ?? ''),
    inputTokens: () => 100,
    costNano: () => 1_000_000,
    nowMs: NOON,
    random: () => 0.5,
    ...fields,
  };
}

/** Whether a request fits `when`, as the configuration writes it. */
async function fits(when: object, fields: Partial<RouteRequest> = {}, embedder: Embedder | null = null) {
  const rules = new Rules('auto', routeSpec.parse([{ when, use: 'yes' }, { use: 'no' }]), embedder);
  const chosen = await rules.choose(request(fields));
  const explained = await rules.explain(request(fields));
  assert.deepEqual(explained.choice, chosen, 'what is explained is what is done');
  return chosen.model === 'yes';
}

describe('conditions', () => {
  const table: readonly (readonly [when: object, fields: Partial<RouteRequest>, fits: boolean])[] = [
    [{ input_tokens: { gt: 100 } }, {}, false],
    [{ input_tokens: { gte: 100 } }, {}, true],
    [{ input_tokens: { lt: 100 } }, {}, false],
    [{ input_tokens: { lte: 100, gt: 99 } }, {}, true],
    [{ input_tokens: { gt: 100 } }, { inputTokens: async () => 101 }, true],
    [{ has: ['image', 'tools'] }, { has: (feature) => feature === 'image' }, false],
    [{ has: ['image', 'tools'] }, { has: () => true }, true],
    [{ key: 'key_1' }, {}, true],
    [{ key: ['other', 'search-*'] }, {}, true],
    [{ key: 'search' }, {}, false],
    [{ team: 'sea*' }, {}, true],
    [{ team: '*' }, { team: null }, false],
    [{ user: 'vip-*' }, { user: 'vip-7' }, true],
    [{ user: '*' }, {}, false],
    [{ tags: ['a', 'b'] }, { tags: ['x', 'b'] }, true],
    [{ tags: 'a' }, {}, false],
    [{ metadata: { tier: 'gold' } }, { metadata: (name) => ({ tier: 'gold' })[name] }, true],
    [{ metadata: { tier: ['gold', 1] } }, { metadata: (name) => ({ tier: 1 })[name] }, true],
    [{ metadata: { tier: 'gold', x: true } }, { metadata: (name) => ({ tier: 'gold' })[name] }, false],
    [{ metadata: { tier: 'null' } }, { metadata: () => null }, false],
    [{ keywords: 'prove' }, { text: () => 'Please PROVE it.' }, true],
    [{ keywords: 'prove' }, { text: () => 'to improve' }, false],
    [{ keywords: ['find the bug'] }, { text: () => 'Find\n the  bug!' }, true],
    [{ keywords: ['c++', 'a.b'] }, { text: () => 'in C++17' }, true],
    [{ keywords: ['a.b'] }, { text: () => 'axb' }, false],
    [{ keywords: 'Straße' }, { text: () => 'die STRASSE, die straße' }, true],
    [{ keywords: '証明' }, { text: () => '証明 する' }, true],
    [{ keywords: ' ' }, { text: () => 'a b' }, false],
    [{ max_cost_usd: 0.001 }, {}, true],
    [{ max_cost_usd: 0.0009 }, {}, false],
    [{ max_cost_usd: 1 }, { costNano: () => null }, false],
    [{ team: 'search', input_tokens: { lt: 5 } }, {}, false],
    [{ team: 'search', input_tokens: { lt: 500 }, has: ['tools'] }, { has: () => true }, true],
  ];
  for (const [when, fields, expected] of table) {
    test(`${JSON.stringify(when)} ${expected ? 'fits' : 'does not fit'} (${Object.keys(fields)})`, async () => {
      assert.equal(await fits(when, fields), expected);
    });
  }

  test('a dear question is not asked where a cheap one has decided, and a count is asked once', async () => {
    let counted = 0;
    const inputTokens = () => {
      counted++;
      return 100;
    };
    assert.equal(await fits({ input_tokens: { gt: 1 }, team: 'other' }, { inputTokens }), false);
    assert.equal(counted, 1, 'by the explanation, which asks everything');
  });
});

describe('times of day', () => {
  const at = (iso: string) => ({ nowMs: Date.parse(iso) });
  const table: readonly (readonly [time: object, iso: string, fits: boolean])[] = [
    [{ from: '09:00', to: '17:00' }, '2026-11-24T09:00:00Z', true],
    [{ from: '09:00', to: '17:00' }, '2026-11-24T08:59:59Z', false],
    [{ from: '09:00', to: '17:00' }, '2026-11-24T16:59:59Z', true],
    [{ from: '09:00', to: '17:00' }, '2026-11-24T17:00:00Z', false],
    [{ from: '9:00', to: '24:00' }, '2026-11-24T23:59:59Z', true],
    [{ from: '22:00', to: '06:00' }, '2026-11-24T23:00:00Z', true],
    [{ from: '22:00', to: '06:00' }, '2026-11-24T05:59:00Z', true],
    [{ from: '22:00', to: '06:00' }, '2026-11-24T06:00:00Z', false],
    [{ from: '22:00', to: '06:00', days: ['mon'] }, '2026-11-24T05:00:00Z', true],
    [{ from: '22:00', to: '06:00', days: ['mon'] }, '2026-11-24T23:00:00Z', false],
    [{ from: '22:00', to: '06:00', days: ['sat'] }, '2026-11-22T01:00:00Z', true],
    [{ days: ['tue'] }, '2026-11-24T00:00:00Z', true],
    [{ days: ['tue'], timezone: 'America/New_York' }, '2026-11-24T04:59:59Z', false],
    [{ days: ['tue'], timezone: 'America/New_York' }, '2026-11-24T05:00:00Z', true],
    [{ from: '14:00', to: '15:00', timezone: 'Europe/Berlin' }, '2026-07-01T12:30:00Z', true],
    [{ from: '14:00', to: '15:00', timezone: 'Europe/Berlin' }, '2026-12-01T12:30:00Z', false],
    [{ from: '17:45', to: '17:46', timezone: 'Asia/Kathmandu' }, '2026-11-24T12:00:30Z', true],
  ];
  for (const [time, iso, expected] of table) {
    test(`${JSON.stringify(time)} at ${iso}: ${expected}`, async () => {
      assert.equal(await fits({ time }, at(iso)), expected);
    });
  }
});

describe('shares of traffic', () => {
  const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
  const rules = (spec: unknown, name = 'auto') => new Rules(name, routeSpec.parse(spec), null);
  const inside = (spec: Rules) =>
    new Set(users.filter((user) => (spec.choose(request({ user })) as { model: string }).model === 'a'));

  test('a share is what it says, of users', () => {
    const found = inside(rules([{ when: { share: 0.1 }, use: 'a' }, { use: 'b' }])).size / users.length;
    assert.ok(Math.abs(found - 0.1) < 0.01, String(found));
  });

  test('a user stays where it is, also when the share grows and when a rule is put before', () => {
    const small = inside(rules([{ when: { share: 0.1 }, use: 'a' }, { use: 'b' }]));
    const again = inside(rules([{ when: { share: '10%' }, use: 'a' }, { use: 'b' }]));
    const large = inside(rules([{ when: { share: 0.3 }, use: 'a' }, { use: 'b' }]));
    const later = inside(
      rules([{ when: { team: 'other' }, use: 'c' }, { when: { share: 0.1 }, use: 'a' }, { use: 'b' }]),
    );
    assert.deepEqual(small, again);
    assert.deepEqual(small, later);
    assert.ok([...small].every((user) => large.has(user)));
    const elsewhere = inside(rules([{ when: { share: 0.1 }, use: 'a' }, { use: 'b' }], 'another'));
    const both = [...small].filter((user) => elsewhere.has(user)).length;
    assert.ok(both < small.size / 4, 'two routes choose other users');
  });

  test('two rules of a route with the same models choose independently: the second takes its share of those who are left', () => {
    const spec = rules([
      { when: { share: 0.5, tags: 'x' }, use: 'a' },
      { when: { share: 0.5 }, use: 'a' },
      { when: { share: 0.5 }, use: 'a' },
      { use: 'b' },
    ]);
    const at = (user: string, tags: string[]) => (spec.choose(request({ user, tags })) as { rule: number }).rule;
    const counts = [0, 0, 0, 0];
    for (const user of users) counts[at(user, ['x'])]! += 1;
    for (const [rule, share] of [0.5, 0.25, 0.125, 0.125].entries())
      assert.ok(Math.abs(counts[rule]! / users.length - share) < 0.01, `${rule}: ${counts}`);
    // Who is in the one says nothing of who is in the other.
    const tagged = users.filter((user) => at(user, ['x']) === 0);
    const also = tagged.filter((user) => at(user, []) === 1).length / tagged.length;
    assert.ok(Math.abs(also - 0.5) < 0.02, String(also));
  });

  test('the draws of weighted rules with the same models are independent too', () => {
    const spec = rules([{ when: { tags: 'x' }, use: { a: 1, b: 1 } }, { use: { a: 1, b: 1 } }]);
    const of = (user: string, tags: string[]) => (spec.choose(request({ user, tags })) as { model: string }).model;
    const alike = users.filter((user) => of(user, ['x']) === of(user, [])).length / users.length;
    assert.ok(Math.abs(alike - 0.5) < 0.02, String(alike));
  });

  test('weights divide, and a weight of nothing gets nothing', () => {
    const counts = new Map<string, number>();
    const spec = rules([{ use: { a: 7, b: 0, c: 3 } }]);
    for (const user of users) {
      const { model } = spec.choose(request({ user })) as { model: string };
      counts.set(model, (counts.get(model) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), ['a', 'c']);
    assert.ok(Math.abs(counts.get('a')! / users.length - 0.7) < 0.02);
  });

  test('without a user chance decides, from the source that is handed in', () => {
    const spec = rules([{ when: { share: 0.25 }, use: 'a' }, { use: { b: 1, c: 1 } }]);
    const draw = (...values: number[]) => spec.choose(request({ random: () => values.shift()! }));
    assert.deepEqual(draw(0.24), { rule: 0, model: 'a' });
    assert.deepEqual(draw(0.25, 0.49), { rule: 1, model: 'b' });
    assert.deepEqual(draw(0.25, 0.5), { rule: 1, model: 'c' });
    assert.deepEqual(draw(0.25, 0.999999), { rule: 1, model: 'c' });
  });

  test('a share of nothing and of everything', async () => {
    for (const user of [null, 'u']) {
      assert.equal(await fits({ share: 0 }, { user, random: () => 0 }), false);
      assert.equal(await fits({ share: 1 }, { user, random: () => 0.9999999 }), true);
    }
  });
});

describe('similarity', () => {
  const vectors: Record<string, number[]> = { proof: [1, 0], bug: [0, 2], 'a proof': [0.9, 0.1], cake: [-1, -1] };
  const embedder = (): Embedder & { asked: string[][]; away: boolean } => ({
    asked: [],
    away: false,
    async embed(texts) {
      this.asked.push([...texts]);
      if (this.away) throw new Error('away');
      return texts.map((text) => Float32Array.from(vectors[text] ?? [0, 0]));
    },
  });

  test('is nearness to the nearest example, which are embedded once', async () => {
    const model = embedder();
    const when = { like: ['proof', 'bug'], similarity: 0.9 };
    const rules = new Rules('auto', routeSpec.parse([{ when, use: 'yes' }, { use: 'no' }]), model);
    const ask = async (text: string) => (await rules.choose(request({ text: () => text }))).model;
    assert.equal(await ask('a proof'), 'yes');
    assert.equal(await ask('cake'), 'no');
    assert.equal(await ask(''), 'no');
    assert.deepEqual(model.asked, [['proof', 'bug'], ['a proof'], ['cake']]);
  });

  test('is not there while the embedder is away, and is again when it is back', async () => {
    const model = embedder();
    const rules = new Rules('auto', routeSpec.parse([{ when: { like: 'proof' }, use: 'yes' }, { use: 'no' }]), model);
    const ask = async () => (await rules.choose(request({ text: () => 'a proof' }))).model;
    model.away = true;
    assert.equal(await ask(), 'no');
    model.away = false;
    assert.equal(await ask(), 'yes');
    assert.equal(await fits({ like: 'proof' }, { text: () => 'a proof' }, null), false, 'without an embedder');
  });

  test('a question after one that had to wait is asked too, and the next rule where it fails', async () => {
    const model = embedder();
    const spec = [
      { when: { like: 'proof', input_tokens: { gt: 10 } }, use: 'a' },
      { when: { like: 'bug' }, use: 'b' },
      { when: { input_tokens: { gt: 10 } }, use: 'c' },
      { use: 'd' },
    ];
    const rules = new Rules('auto', routeSpec.parse(spec), model);
    const ask = async (text: string, tokens: number) =>
      (await rules.choose(request({ text: () => text, inputTokens: async () => tokens }))).model;
    assert.equal(await ask('a proof', 11), 'a');
    assert.equal(await ask('a proof', 10), 'd');
    assert.equal(await ask('bug', 10), 'b');
    assert.equal(await ask('cake', 11), 'c');
  });
});

test('an explanation tells what each rule up to the one that decided has found', async () => {
  const spec = [
    { when: { team: 'other', has: ['tools'] }, use: 'a' },
    { when: { input_tokens: { gt: 50 } }, use: { b: 1, c: 0 } },
    { use: 'd' },
  ];
  const rules = new Rules('auto', routeSpec.parse(spec), null);
  assert.deepEqual(rules.uses, ['a', 'b', 'c', 'd']);
  assert.deepEqual(await rules.explain(request({ has: () => true })), {
    choice: { rule: 1, model: 'b' },
    trace: [
      {
        rule: 0,
        use: ['a'],
        matched: false,
        conditions: [
          { name: 'team', wanted: ['other'], holds: false, found: 'search' },
          { name: 'has', wanted: ['tools'], holds: true, found: ['tools'] },
        ],
      },
      {
        rule: 1,
        use: ['b', 'c'],
        matched: true,
        conditions: [{ name: 'input_tokens', wanted: { gt: 50 }, holds: true, found: 100 }],
      },
      { rule: 2, use: ['d'], matched: null, conditions: [] },
    ],
  });
});
