/** What an entry tells of how its attempt came about: the limits that were taken, and how its target was chosen. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { faults } from '../support/faults.js';
import { type EntryLine, type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { ask as askApi, madeUser } from '../support/people.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let a: FakeUpstream;
let b: FakeUpstream;
let gateway: Gateway;
let key: string;
let id: string;

interface Told extends EntryLine {
  readonly routing: {
    readonly way: string;
    readonly after: string | null;
    readonly model: string;
    readonly rules: readonly number[];
    readonly policy: string | null;
    readonly candidates: readonly Readonly<Record<string, unknown>>[];
    readonly passed_over: readonly object[];
  };
  readonly limits: readonly Readonly<Record<string, unknown>>[];
}

before(async () => {
  [a, b] = [await startUpstream(), await startUpstream()];
  const on = (provider: string, model: string, more: object = {}) => ({ provider, model, ...more });
  const day = (max: number) => ({ limits: [{ unit: 'requests', max, per: 'day' }] });
  const pair = (name: string, more: object = {}) => [on('a', name, more), on('b', name, { priority: 2 })];
  gateway = await startGateway({
    config: {
      providers: {
        a: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_key: 'sk-a' },
        b: { type: 'openai-compatible', base_url: `${b.url}/v1`, api_key: 'sk-b' },
        none: { type: 'openai' },
        other: { type: 'anthropic', base_url: a.url, api_key: 'sk-c' },
        many: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_keys: ['sk-1', 'sk-2'] },
      },
      defaults: { price: { input: 1, output: 4 }, retry: { base: '5ms' }, breaker: { min_requests: 100_000 } },
      models: {
        only: { targets: [on('a', 'only')], limits: [{ unit: 'output_tokens', max: 1_000_000, per: 'week' }] },
        kept: { targets: [on('a', 'kept')], cache: { exact: true, ttl: '1h' } },
        pair: { targets: [...pair('pair', { weight: 3 }), on('none', 'pair', { priority: 3 })] },
        dear: { targets: [on('a', 'dear', { price: { input: 2, output: 8 } }), on('b', 'dear')], balance: 'cost' },
        backed: { targets: [on('a', 'backed')], retry: { max_attempts: 2 }, fallbacks: ['only'] },
        full: { targets: pair('full', day(1)) },
        busy: { targets: [on('a', 'busy'), on('b', 'busy', { weight: 2 })], balance: 'least_busy' },
        spent: { targets: pair('spent', day(1)) },
        down: { targets: pair('down') },
        cool: { targets: [...pair('cool'), on('none', 'cool', { priority: 3 })] },
        'wild/*': { targets: [on('a', '*')], limits: [{ unit: 'requests', max: 90, per: 'hour' }] },
        mixed: { targets: [on('other', 'mixed'), on('b', 'mixed', { priority: 2 })] },
        many: { targets: [on('many', 'many')] },
        sticky: { targets: [on('a', 'sticky'), on('b', 'sticky')], affinity: 'user' },
        hedged: { targets: pair('hedged'), hedge: { after: '50ms' } },
        inner: { route: [{ when: { has: ['tools'] }, use: 'dear' }, { use: 'pair' }] },
        auto: { route: [{ when: { tags: 'x' }, use: 'only' }, { use: 'inner' }] },
      },
    },
  });
  await gateway.admin('POST', '/teams', { name: 'ads', limits: [{ unit: 'tokens', max: 100_000, per: 'minute' }] });
  const limits = [
    { unit: 'requests', max: 60, per: 'minute' },
    { unit: 'usd', max: 5, per: 'month' },
    { unit: 'concurrent', max: 7, model: 'pair*' },
  ];
  ({ key, id } = await gateway.key({ team: 'ads', limits, user_limits: [{ unit: 'requests', max: 9, per: 'day' }] }));
});

after(async () => {
  await gateway?.close();
  await a?.stop();
  await b?.stop();
});

beforeEach(() => {
  a.always();
  b.always();
});

let requests = 0;
/** Of a request that had a choice and a limit of some models. */
let pairedId = '';

async function ask(model: string, attempts: number, more: object = {}, as = key): Promise<Told[]> {
  const requestId = `decision-${++requests}`;
  const body = { model, messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 100, ...more };
  const answer = await gateway.chat(as, body, { headers: { 'x-request-id': requestId } });
  await answer.text();
  const entries = (await gateway.entries(requestId, attempts)) as Told[];
  return entries.sort((x, y) => x.attempt - y.attempt);
}

const limit = ({ limits }: Told, unit: string) => limits.find((one) => one['unit'] === unit);
const ordered = ({ routing: { candidates } }: Told) => candidates.map(({ target, state }) => `${target} ${state}`);

describe('the limits of an entry', () => {
  it('say whose they are, what was held and left, and what the attempt came to', async () => {
    const { key: fresh, id: freshId } = await gateway.key({
      team: 'ads',
      limits: [
        { unit: 'requests', max: 60, per: 'minute' },
        { unit: 'usd', max: 5, per: 'month' },
      ],
    });
    const [entry] = await ask('only', 1, {}, fresh);
    const { tokens, cost_usd, cost_nusd } = entry!;
    const used = tokens['input']! + tokens['output']!;
    const held = Number(limit(entry!, 'tokens')!['held']);
    const usd = limit(entry!, 'usd')!;
    assert.deepEqual(entry!.limits, [
      {
        ...{ scope: { key: freshId }, unit: 'requests', per: 'minute', model: null },
        ...{ max: 60, held: 1, remaining: 59, used: 1 },
      },
      {
        ...{ scope: { key: freshId }, unit: 'usd', per: 'month', model: null, max: '5.000000000' },
        ...{ held: usd['held'], remaining: usd['remaining'], used: cost_usd },
      },
      {
        ...{ scope: { team: 'ads' }, unit: 'tokens', per: 'minute', model: null },
        ...{ max: 100_000, held, remaining: 100_000 - held, used },
      },
      {
        ...{ scope: { model: 'only' }, unit: 'output_tokens', per: 'week', model: null },
        ...{ max: 1_000_000, held: 100, remaining: 999_900, used: tokens['output'] },
      },
    ]);
    const { token } = await madeUser(gateway, { role: 'member', teams: ['ads'] });
    const seen = await askApi(gateway, token, 'GET', `/usage?request_id=${entry!.request_id}`);
    assert.deepEqual(
      seen.body.data[0].limits,
      entry!.limits.slice(0, 3),
      'what is of all teams is not told to its people',
    );
    assert.ok(held >= tokens['input']!);
    assert.ok(Number(usd['held']) * 1e9 >= cost_nusd['total']!, 'the worst case was held');
    assert.ok(Math.abs(Number(usd['held']) + Number(usd['remaining']) - 5) < 1e-9);
  });

  it('are those that count the attempt: patterns of models, end users, wildcards, and each target its own', async () => {
    const [paired] = await ask('pair', 1, { user: 'ann' });
    pairedId = paired!.request_id;
    assert.deepEqual(limit(paired!, 'concurrent'), {
      ...{ scope: { key: id }, unit: 'concurrent', per: null, model: 'pair*', max: 7, held: 1, remaining: 6, used: 0 },
    });
    const scopes = paired!.limits.filter(({ unit }) => unit === 'requests').map(({ scope }) => scope);
    assert.deepEqual(scopes, [{ key: id }, { user: 'ann', key: id }]);
    const [wild] = await ask('wild/one', 1);
    assert.deepEqual(wild!.limits.at(-1)?.['scope'], { model: 'wild/*' });
    assert.equal(limit(wild!, 'concurrent'), undefined);
    a.next(faults['503']!);
    const [failed, answered] = await ask('full', 2);
    assert.deepEqual(failed!.limits.at(-1)?.['scope'], { target: 'a/full' });
    assert.ok(!JSON.stringify(answered!.limits).includes('a/full'));
    assert.ok(answered!.limits.length > 0);
  });

  it('are none where none applies, and a cached answer counts as a request alone', async () => {
    const { key: free } = await gateway.key();
    const [entry] = await ask('kept', 1, {}, free);
    assert.deepEqual([entry!.limits, entry!.routing.way], [[], 'only']);
    await ask('kept', 1);
    const [hit] = await ask('kept', 1);
    assert.equal(hit!.routing.way, 'cache');
    assert.deepEqual(hit!.routing.candidates, []);
    assert.equal(limit(hit!, 'requests')?.['used'], 1);
    assert.equal(limit(hit!, 'usd')?.['used'] ?? '0.000000000', '0.000000000');
  });
});

describe('the routing of an entry', () => {
  it('names the candidates in their order, with what they were ordered by, and who was skipped and why', async () => {
    const [entry] = await ask('pair', 1);
    assert.deepEqual(entry!.routing, {
      ...{ way: 'first', after: null, model: 'pair', rules: [], policy: 'weighted', passed_over: [], more: 0 },
      candidates: [
        { target: 'a/pair', priority: 1, state: 'ready', weight: 3 },
        { target: 'b/pair', priority: 2, state: 'ready', weight: 1 },
        { target: 'none/pair', priority: 3, state: 'no_credential' },
      ],
    });
    const [cheaper] = await ask('dear', 1);
    assert.equal(cheaper!.routing.policy, 'cost');
    const [first, second] = cheaper!.routing.candidates;
    assert.equal(first!['target'], 'b/dear');
    assert.equal(Number(second!['cost_usd']), 2 * Number(first!['cost_usd']));
    const [busy] = await ask('busy', 1);
    const byTarget = (one: { readonly target?: unknown }) => String(one.target);
    const sorted = (entry: Told) => [...entry.routing.candidates].sort((x, y) => (byTarget(x) < byTarget(y) ? -1 : 1));
    const at = (target: string, more: object) => ({ target, priority: 1, state: 'ready', ...more });
    assert.deepEqual(sorted(busy!), [
      at('a/busy', { in_flight: 0, weight: 1 }),
      at('b/busy', { in_flight: 0, weight: 2 }),
    ]);
    const { token } = await madeUser(gateway, { role: 'member', teams: ['ads'] });
    const seen = await askApi(gateway, token, 'GET', `/usage?request_id=${busy!.request_id}`);
    assert.deepEqual(
      sorted(seen.body.data[0]),
      [at('a/busy', { weight: 1 }), at('b/busy', { weight: 2 })],
      'how much all teams use is not told to people of one',
    );
  });

  it('says which attempt led to the next one, and why; a fallback names its model', async () => {
    a.always(faults['503']!);
    const [, next] = await ask('down', 2);
    assert.deepEqual([next!.routing.way, next!.routing.after, next!.target], ['next', 'overload', 'b/down']);
    const [first, fallback] = await ask('backed', 2);
    assert.deepEqual([first!.routing.way, first!.routing.model], ['first', 'backed']);
    assert.deepEqual([fallback!.routing.way, fallback!.routing.model, fallback!.model], ['fallback', 'only', 'backed']);
    const again = await ask('only', 3);
    assert.deepEqual(
      again.map(({ routing: { way } }) => way),
      ['only', 'again', 'again'],
    );
  });

  it('says what cooled down, and what was passed over for a limit of its own', async () => {
    await ask('spent', 1);
    const [full] = await ask('spent', 1);
    assert.deepEqual(full!.routing.passed_over, [{ target: 'a/spent', why: 'at_limit' }]);
    assert.equal(full!.routing.way, 'next');
    assert.equal(full!.target, 'b/spent');
    a.next(faults['429-long']!);
    await ask('cool', 2);
    const [rested] = await ask('cool', 1);
    assert.deepEqual(ordered(rested!), ['b/cool ready', 'a/cool resting', 'none/cool no_credential']);
    const resting = rested!.routing.candidates.find(({ state }) => state === 'resting');
    assert.ok(Number(resting?.['ready_in_ms']) > 0);
  });

  it('says what could not be expressed, which credential failed, who was asked beside, and what keeps a user in place', async () => {
    const [mixed] = await ask('mixed', 1, { logprobs: true });
    assert.deepEqual(mixed!.routing.passed_over, [{ target: 'other/mixed', why: 'unsupported_parameter' }]);
    assert.equal(mixed!.target, 'b/mixed');
    a.next(faults['429-long']!);
    const [, second] = await ask('many', 2);
    assert.deepEqual([second!.routing.way, second!.routing.after], ['credential', 'rate_limit']);
    a.next(faults['stall-before-headers']!);
    const hedged = await ask('hedged', 2);
    assert.deepEqual(hedged.map(({ target, routing: { way } }) => [target, way]).sort(), [
      ['a/hedged', 'first'],
      ['b/hedged', 'hedge'],
    ]);
    const [sticky] = await ask('sticky', 1, { user: 'ann' });
    assert.equal(sticky!.routing.policy, 'user');
  });

  it('names the rules that led to the model', async () => {
    const [entry] = await ask('auto', 1);
    assert.deepEqual([entry!.routing.rules, entry!.routing.model, entry!.model], [[1, 1], 'pair', 'auto']);
    const headers = { 'x-tollgate-tags': 'x', 'x-request-id': 'decision-tagged' };
    await (await gateway.chat(key, { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] }, { headers })).text();
    const [tagged] = (await gateway.entries('decision-tagged', 1)) as Told[];
    assert.deepEqual([tagged!.routing.rules, tagged!.routing.model, tagged!.routing.way], [[0], 'only', 'only']);
  });
});

describe('the ledger', () => {
  const found = async (query: string): Promise<Told[]> =>
    (await gateway.admin<{ data: Told[] }>('GET', `/usage?${query}`)).data;
  const refusal = async (query: string) => {
    const answer = await fetch(`${gateway.url}/admin/v1/usage?${query}`, {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    });
    const { errors } = (await answer.json()) as { errors: { field: string; message: string }[] };
    return { status: answer.status, field: errors[0]!.field, message: errors[0]!.message };
  };

  it('is filtered by what entries cost, to the nano-dollar, and by names of keys', async () => {
    const { key: mine } = await gateway.key({ name: 'Nightly-Import' });
    const { key: yours } = await gateway.key({ name: 'import-of-yours' });
    await ask('only', 1, {}, mine);
    await ask(
      'only',
      1,
      { messages: [{ role: 'user', content: 'Say hello to everybody in this house. '.repeat(20) }] },
      yours,
    );
    const both = await found('key_name=IMPORT');
    assert.deepEqual(
      both.map((entry) => (entry as { key_name?: string }).key_name),
      ['import-of-yours', 'Nightly-Import'],
    );
    const [dear, cheap] = both.map(({ cost_usd }) => cost_usd) as [string, string];
    assert.ok(Number(dear) > Number(cheap));
    const costs = async (query: string) => (await found(`key_name=import&${query}`)).map(({ cost_usd }) => cost_usd);
    const beyond = (usd: string, nano: number) => ((Math.round(Number(usd) * 1e9) + nano) / 1e9).toFixed(9);
    assert.deepEqual(await costs(`min_cost_usd=${dear}`), [dear]);
    assert.deepEqual(await costs(`min_cost_usd=${beyond(dear, 1)}`), []);
    assert.deepEqual(await costs(`max_cost_usd=${cheap}`), [cheap]);
    assert.deepEqual(await costs(`max_cost_usd=${beyond(cheap, -1)}`), []);
    assert.deepEqual(await costs(`min_cost_usd=${cheap}&max_cost_usd=${dear}`), [dear, cheap]);
    assert.ok((await found(`min_cost_usd=${dear}`)).every(({ cost_usd }) => Number(cost_usd) >= Number(dear)));
    assert.deepEqual(await found('key_name=no%25such_key'), []);
  });

  it('refuses what is no amount, and a name that nearly all keys have', async () => {
    for (const written of ['1e3', '-1', '', 'x', '0.0000000001', '12345678', '1.', '.5', '0x1']) {
      const { status, field } = await refusal(`min_cost_usd=${encodeURIComponent(written)}`);
      assert.deepEqual([status, field], [400, 'query.min_cost_usd'], written);
    }
    assert.equal((await refusal('key_name=')).status, 400);
    const client = new pg.Client({ connectionString: gateway.databaseUrl });
    await client.connect();
    await client.query(
      `insert into keys (id, hash, name, prefix, created_at, updated_at)
       select 'key_crowd' || i, sha256(i::text::bytea), 'crowd-' || i, 'sk', now(), now() from generate_series(0, 500) as i`,
    );
    await client.end();
    const { status, field, message } = await refusal('key_name=crowd');
    assert.deepEqual([status, field], [400, 'key_name']);
    assert.match(message, /More than 500 keys/);
    assert.deepEqual(await found('key_name=crowd-50'), []);
  });

  it('is asked from the command line, a request whole with what was decided about it', async () => {
    const cli = (...args: string[]) =>
      new Promise<string>((resolve) => {
        const env = { PATH: process.env['PATH'], TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey };
        execFile(process.execPath, [tollgate, 'requests', ...args], { env }, (_, out, err) => resolve(out + err));
      });
    const [list, shown, paired, none] = await Promise.all([
      cli('list', '--key-name', 'nightly', '--min-cost', '0.000001', '--max-cost', '1'),
      cli('show', 'decision-tagged'),
      cli('show', pairedId),
      cli('show', 'no-such-request'),
    ]);
    assert.match(list, /^TIME .*\n\S+ +200 +only +a\/only +Nightly-Import +0\.0\d+ +\d+ ms +decision-\d+\n$/);
    assert.match(shown, /^attempt 1 {2}a\/only .* 200, \d+ ms, \$0\.\d{9}\n {2}routing: only, model only, rule 0\n/);
    assert.match(paired, /\n {4}a\/pair, ready, priority 1, weight 3\n/);
    assert.match(paired, new RegExp(`${id} +7 concurrent of pair\\* +held 1 +used 0`));
    assert.match(shown, new RegExp(`${id} +60 requests/minute +held 1 +used 1 +left then \\d+`));
    assert.match(none, /There is no request 'no-such-request'/);
  });
});
