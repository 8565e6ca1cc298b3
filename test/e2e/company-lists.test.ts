/** Lists of keys and teams tell what each was used for and what is left, before and after a restart, and so does a key of itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

interface State {
  readonly scope: object;
  readonly unit: string;
  readonly spent: string | number;
  readonly remaining: string | number;
}
interface Listed {
  readonly id: string;
  readonly last_used_at: string | null;
  readonly month: { readonly requests: number; readonly cost_nusd: number; readonly cost_usd: string };
  readonly limit_states: readonly State[];
}

const config = {
  providers: { sandbox: { type: 'sandbox' } },
  models: {
    sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1000, output: 1000 } },
    other: { targets: [{ provider: 'sandbox', model: 'other' }], price: { input: 1000, output: 1000 } },
  },
};
const messages = [{ role: 'user', content: 'Hello' }];
const limits = [
  { unit: 'usd', max: 50, per: 'month' },
  { unit: 'tokens', max: 100_000, per: 'day', model: 'oth*' },
  { unit: 'requests', max: 100, per: 'total' },
  { unit: 'requests', max: 60, per: 'minute' },
];

let database: FreshDatabase;
let gateway: Gateway;
let used: NewKey;
let unused: NewKey;
let costNano = 0;
let sentAt = 0;

before(async () => {
  database = await freshDatabase();
  gateway = await startGateway({ database: database.url, config });
  used = await gateway.key({ name: 'used', team: 'search', limits });
  unused = await gateway.key({ name: 'unused', limits });
  await gateway.admin('PATCH', '/teams/search', { limits: [{ unit: 'usd', max: 9, per: 'month' }] });
  sentAt = Date.now();
  for (const [i, model] of ['sandbox', 'other', 'other'].entries()) {
    const response = await gateway.chat(used.key, { model, messages }, { headers: { 'x-request-id': `lists-${i}` } });
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    const [entry] = await gateway.entries(`lists-${i}`);
    costNano += entry!.cost_nusd['total']!;
  }
});
after(async () => {
  await gateway?.close();
  await database?.drop();
});

const listed = async (path: string, id: string): Promise<Listed> => {
  const { data } = await gateway.admin<{ data: Listed[] }>('GET', path);
  return data.find((one) => one.id === id) ?? assert.fail(`${id} is not in ${path}`);
};
const own = async (key: string): Promise<Response> =>
  fetch(`${gateway.url}/v1/key`, { headers: { authorization: `Bearer ${key}` } });

function tests(): void {
  it('keys: last use, the spend of the month, and each limit as GET /limits has it', async () => {
    const key = await listed('/keys?limit=50', used.id);
    assert.deepEqual([key.month.requests, key.month.cost_nusd], [3, costNano]);
    assert.equal(Number(key.month.cost_usd) * 1e9, costNano);
    assert.ok(Date.parse(key.last_used_at!) >= sentAt && Date.parse(key.last_used_at!) <= Date.now());
    const [spent, tokens, requests] = key.limit_states.map((state) => state.spent);
    assert.deepEqual([Number(spent) * 1e9, requests], [costNano, 3]);
    assert.ok(Number(tokens) > 0 && Number(tokens) * 1_000_000 < costNano, 'tokens of the other model alone');
    const { data } = await gateway.admin<{ data: State[] }>('GET', `/limits?key=${used.id}`);
    assert.deepEqual(key.limit_states, data);
  });

  it('a key that was never used has everything left', async () => {
    const { last_used_at, month, limit_states } = await listed('/keys', unused.id);
    assert.deepEqual([last_used_at, month.requests, month.cost_usd], [null, 0, '0.000000000']);
    assert.deepEqual(
      limit_states.map(({ remaining }) => remaining),
      ['50.000000000', 100_000, 100, 60],
    );
  });

  it('teams, and the budgets of all of them in one call', async () => {
    const team = await listed('/teams', 'search');
    assert.deepEqual([team.month.requests, team.month.cost_nusd], [3, costNano]);
    assert.ok(team.last_used_at);
    const { data } = await gateway.admin<{ data: State[] }>('GET', '/limits?of=teams');
    assert.deepEqual(data, team.limit_states);
    assert.deepEqual(data[0]!.scope, { team: 'search' });
    await assert.rejects(gateway.admin('GET', '/limits?of=teams&key=x'), /400/);
  });

  it('a key asks for itself', async () => {
    const { data } = await gateway.admin<{ data: State[] }>('GET', '/limits?of=teams');
    const body = (await (await own(used.key)).json()) as Record<
      'id' | 'name' | 'team' | 'models' | 'month',
      unknown
    > & {
      limits: State[];
    };
    assert.deepEqual([body.id, body.name, body.team, body.models], [used.id, 'used', 'search', null]);
    assert.deepEqual(body.month, (await listed('/keys', used.id)).month);
    assert.equal(body.limits.length, limits.length + 1);
    assert.deepEqual(body.limits.at(-1), data[0]);
    assert.ok(!JSON.stringify(body).includes(used.key));
    const wrong = await own('sk-tg-wrong');
    assert.equal(wrong.status, 401);
    assert.match(await wrong.text(), /"invalid_api_key"/);
  });
}

describe('lists tell of', tests);

describe('and after a restart, in which counters are lost', () => {
  before(async () => {
    await gateway.stop();
    gateway = await startGateway({ database: database.url, config });
  });
  tests();
});
