/** Refused requests are told by key, team, model and reason: of all gateways, through a restart, and to a team's people theirs alone. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RefusalTally } from '../../src/reports/refusals.js';
import { ManualClock } from '../support/clock.js';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { ask, type MadeUser, madeUser } from '../support/people.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

interface Row {
  readonly refused: number;
  readonly last_at: string;
  readonly key?: string | null;
  readonly key_name?: string | null;
  readonly team?: string | null;
  readonly reason?: string;
  readonly model?: string | null;
  readonly day?: string;
}
interface Report {
  readonly from: string;
  readonly to: string;
  readonly data: readonly Row[];
  readonly total: number;
}

const config = {
  providers: { sandbox: { type: 'sandbox' } },
  models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1000, output: 1000 } } },
};
const body = { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] };

describe('refused requests', () => {
  let database: FreshDatabase;
  let one: Gateway;
  let two: Gateway;
  let limited: NewKey;
  let other: NewKey;
  let people: MadeUser;
  before(async () => {
    database = await freshDatabase();
    one = await startGateway({ database: database.url, config });
    two = await startGateway({ database: database.url, config });
    limited = await one.key({ name: 'limited', team: 'search', models: ['no-such*'] });
    other = await one.key({ name: 'other', team: 'ads', limits: [{ unit: 'usd', max: 0.000000001, per: 'month' }] });
    people = await madeUser(one, { role: 'team_admin', teams: ['search'] });
    for (const gateway of [one, one, two]) assert.equal((await gateway.chat(limited.key, body)).status, 403);
    assert.equal((await two.chat(other.key, body)).status, 429);
    assert.equal((await two.chat('sk-tg-nobody', body)).status, 401);
    // The end of a gateway writes what it counted.
    await two.stop();
  });
  after(async () => {
    await one?.close();
    await two?.close();
    await database?.drop();
  });

  const report = (query: string) => one.admin<Report>('GET', `/reports/refusals?${query}`);

  it('are counted by whom and why, those most refused first, with the name of the key', async () => {
    const { data, total } = await report('group_by=key,team,model,reason');
    assert.equal(total, 5);
    const rows = data.map((row) => [row.refused, row.key ?? null, row.key_name, row.team, row.model, row.reason]);
    assert.deepEqual(rows[0], [3, limited.id, 'limited', 'search', null, 'model_not_allowed']);
    assert.deepEqual(
      rows.slice(1).sort((a, b) => String(a[5]).localeCompare(String(b[5]))),
      [
        [1, other.id, 'other', 'ads', 'sandbox', 'budget_exceeded'],
        [1, null, null, null, null, 'invalid_api_key'],
      ],
    );
    assert.ok(Date.now() - Date.parse(data[0]!.last_at) < 60_000);
  });

  it('are told over time and filtered, and a period without any has none', async () => {
    const byDay = await report('group_by=day,team&timezone=Asia/Kolkata&reason=model_not_allowed');
    const today = new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' });
    assert.deepEqual(
      byDay.data.map(({ day, team, refused }) => [day, team, refused]),
      [[today, 'search', 3]],
    );
    assert.equal((await report('key=key_none')).total, 0);
    // What is counted by quarter hours is read by whole ones.
    const nowIso = new Date().toISOString();
    const short = await report(`from=${nowIso}&to=${new Date(Date.parse(nowIso) + 1_000).toISOString()}`);
    for (const end of [short.from, short.to]) assert.equal(Date.parse(end) % 900_000, 0, end);
    assert.ok(Date.parse(short.from) <= Date.parse(nowIso) && Date.parse(short.to) > Date.parse(nowIso));
    assert.deepEqual((await report('from=2020-01-01&to=2020-02-01')).data, []);
    assert.equal((await report(`key=${other.id}`)).total, 1);
  });

  it("are told to a team's people of their team alone", async () => {
    const { body: mine } = await ask(one, people.token, 'GET', '/reports/refusals?group_by=team,key');
    assert.deepEqual(
      mine.data.map(({ team }: Row) => team),
      ['search'],
    );
    assert.equal(mine.total, 3);
    const theirs = await ask(one, people.token, 'GET', '/reports/refusals?team=ads');
    assert.equal(theirs.body.total, 0);
    const fast = await ask(one, people.token, 'GET', '/reports/performance?team=ads');
    assert.equal(fast.body.total.attempts, 0);
  });

  it('are refused in words where the question makes no sense', async () => {
    for (const query of [
      'group_by=nothing',
      'group_by=key,key',
      'timezone=Nowhere',
      'from=yesterday',
      'to=2020-01-01',
    ]) {
      const answer = await ask(one, one.adminKey, 'GET', `/reports/refusals?${query}`);
      assert.equal(answer.status, 400, query);
      assert.equal((await ask(one, one.adminKey, 'GET', `/reports/performance?${query}`)).status, 400, query);
    }
  });
});

describe('the count of refused requests', () => {
  it('is bounded: what is beyond is counted by its reason, and a database that is away costs nothing of it', async () => {
    const written: (readonly { refused: number; key: string | null }[])[] = [];
    let away = true;
    const tally = new RefusalTally({
      clock: new ManualClock(),
      log: { error: () => {} },
      store: {
        add: async (counts) => {
          if (away) throw new Error('away');
          written.push(counts.map((one) => ({ ...one })));
        },
        forget: async () => {},
      },
    });
    for (let i = 0; i < 5_000; i++) tally.add('rate_limit_exceeded', `key_${i}`, null, null);
    await tally.flush();
    tally.add('rate_limit_exceeded', 'key_1', null, null);
    away = false;
    await tally.close();
    const [counts] = written;
    assert.equal(counts!.length, 2_001);
    assert.equal(
      counts!.reduce((sum, { refused }) => sum + refused, 0),
      5_001,
    );
    assert.equal(counts!.find(({ key }) => key === null)!.refused, 3_000);
    assert.equal(counts!.find(({ key }) => key === 'key_1')!.refused, 2);
  });

  it('is written by one at a time, however many ask for it, and whoever waited is told when theirs is written', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    let counted = 0;
    const tally = new RefusalTally({
      clock: new ManualClock(),
      log: { error: () => {} },
      store: {
        add: (counts) =>
          new Promise((resolve) => {
            waiting.push(() => {
              counted += counts.length;
              resolve();
            });
            most = Math.max(most, waiting.length);
          }),
        forget: async () => {},
      },
    });
    const step = () => new Promise<void>((resolve) => setImmediate(resolve));
    tally.add('rate_limit_exceeded', 'key_1', null, null);
    const first = tally.flush();
    tally.add('rate_limit_exceeded', 'key_2', null, null);
    const others = [tally.flush(), tally.flush(), tally.close()];
    let ended = false;
    void Promise.all(others).then(() => {
      ended = true;
    });
    waiting.shift()!();
    await first;
    await step();
    assert.deepEqual([waiting.length, ended], [1, false]);
    tally.add('rate_limit_exceeded', 'key_3', null, null);
    waiting.shift()!();
    await step();
    waiting.shift()!();
    await Promise.all(others);
    assert.deepEqual([most, counted], [1, 3]);
  });
});
