/** `tollgate import litellm --database` between a real database with LiteLLM's tables and a real gateway. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { fillLitellm } from '../support/litellm-database.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const sha = (secret: string) => createHash('sha256').update(secret).digest('hex');
const SECRETS = {
  search: 'sk-search-1234567890',
  other: 'sk-q',
  blocked: 'sk-blocked-0000000001',
  alone: 'sk-alone-000000000001',
  spent: 'sk-spent-00000000000001',
};

let theirs: FreshDatabase;
let gateway: Gateway;

before(async () => {
  theirs = await freshDatabase();
  await fillLitellm(theirs.url, {
    LiteLLM_BudgetTable: [{ budget_id: 'b1', max_budget: 7, budget_duration: '7d', rpm_limit: 99 }],
    LiteLLM_ModelTable: [{ id: 1, aliases: { fast: 'sandbox' } }],
    LiteLLM_ProxyModelTable: [{ model_id: 'm', model_name: 'x', litellm_params: {} }],
    LiteLLM_TeamTable: [
      {
        team_id: 'uuid-1',
        team_alias: 'search',
        spend: 12.5,
        max_budget: 100,
        budget_duration: '30d',
        tpm_limit: 100000,
        models: ['sandbox'],
        model_id: 1,
        metadata: { cost_center: '17' },
      },
      { team_id: 'uuid-2', team_alias: 'search', spend: 0, blocked: true, models: [] },
      { team_id: 'uuid-3', team_alias: 'bro\u0007ke "\'; drop', spend: 3, max_budget: 3, budget_duration: '30d' },
    ],
    LiteLLM_UserTable: [
      {
        user_id: 'u-alice',
        user_email: 'alice@example.com',
        user_role: 'internal_user',
        max_budget: 5,
        budget_duration: '1d',
        spend: 4,
      },
      { user_id: 'u-bob', user_role: 'proxy_admin' },
    ],
    LiteLLM_VerificationToken: [
      {
        token: sha(SECRETS.search),
        key_name: 'sk-...7890',
        key_alias: 'search-prod',
        team_id: 'uuid-1',
        user_id: 'u-bob',
        spend: 20,
        max_budget: 50,
        budget_duration: '1mo',
        rpm_limit: 60,
        soft_budget: 40,
        models: ['all-team-models'],
        metadata: { tags: ['prod'], owner: 'x', model_rpm_limit: { sandbox: 5 } },
        model_max_budget: { sandbox: { budget_limit: 1, time_period: '1d' } },
        expires: '2099-01-01 00:00:00',
        aliases: { slow: 'sandbox' },
      },
      { token: sha(SECRETS.other), key_name: 'sk-q', team_id: 'uuid-2', budget_id: 'b1', models: ['sandbox', 'gpt-*'] },
      { token: sha(SECRETS.blocked), key_alias: 'blocked', blocked: true, models: [] },
      {
        token: sha(SECRETS.alone),
        key_alias: 'alone',
        user_id: 'u-alice',
        models: [],
        allowed_routes: ['/v1/chat/completions'],
      },
      { token: sha(SECRETS.spent), key_alias: 'spent', team_id: 'uuid-3', spend: 3, models: [] },
      { token: sha('sk-expired-1'), key_alias: 'expired', expires: '2020-01-01 00:00:00', models: [] },
      { token: sha('sk-ui-1'), key_alias: 'ui', team_id: 'litellm-dashboard', models: [] },
      { token: 'no-hash', key_alias: 'odd', models: [] },
    ],
    LiteLLM_EndUserTable: [{ user_id: 'e1', budget_id: 'b1' }],
  });
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
    },
    database: 'postgres',
  });
});
after(async () => {
  await gateway?.close();
  await theirs?.drop();
});

const run = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { PATH: process.env['PATH'], TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey };
    const argv = [join(packageRoot, 'bin/tollgate.js'), 'import', 'litellm', ...args];
    execFile(process.execPath, argv, { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

// biome-ignore lint/suspicious/noExplicitAny: the fields that are read are stated by reading them
const admin = (path: string) => gateway.admin<any>('GET', path);
// biome-ignore lint/suspicious/noExplicitAny: likewise
const keys = async (): Promise<any[]> =>
  (await admin('/keys?limit=200')).data.filter(({ name }: { name: string }) => name !== 'demo');
const chat = (secret: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sandbox', messages: [{ role: 'user', content: 'hello' }], max_tokens: 5 }),
  });

test('without --apply nothing is changed, and what would be is told', async () => {
  const { code, out, err } = await run('--database', theirs.url);
  assert.equal(code, 0, err);
  assert.match(out, /4 teams, 5 keys and 5 sums/);
  assert.match(err, /key expired: has expired/);
  assert.match(err, /key ui: is a session of the dashboard/);
  assert.match(err, /key odd: has no SHA-256/);
  assert.match(err, /user u-bob: cannot sign in/);
  assert.match(err, /LiteLLM_ProxyModelTable: 1 models/);
  assert.match(err, /LiteLLM_EndUserTable: 1 end users/);
  assert.deepEqual(await keys(), []);
});

test('with --apply every key works with the secret that it had, with its team, models, limits and what was spent', async () => {
  const { code, out, err } = await run('--database', theirs.url, '--apply', '--json');
  assert.equal(code, 0, err);
  const told = JSON.parse(out);
  assert.deepEqual(told.taken, {
    teams: { created: 4, there: 0 },
    keys: { created: 5, there: 0 },
    openings: { entered: 5, there: 0 },
  });
  const byName = Object.fromEntries((await keys()).map((key) => [key.name, key]));
  const search = byName['search-prod'];
  assert.deepEqual(
    [search.team, search.models, search.tags, search.prefix, search.aliases],
    ['search', ['sandbox'], ['prod'], 'sk-...7890', { slow: 'sandbox' }],
  );
  assert.equal(search.expires_at, '2099-01-01T00:00:00.000Z');
  assert.deepEqual(search.limits, [
    { unit: 'usd', max: 50, per: 'month', warn_at: [0.8] },
    { unit: 'requests', max: 60, per: 'minute' },
    { unit: 'usd', max: 1, per: 'day', model: 'sandbox' },
    { unit: 'requests', max: 5, per: 'minute', model: 'sandbox' },
  ]);
  assert.deepEqual(search.metadata, { owner: 'x', litellm: { user_id: 'u-bob', team_id: 'uuid-1' } });
  assert.deepEqual(byName['sk-q'].limits, [
    { unit: 'usd', max: 7, per: 'week' },
    { unit: 'requests', max: 99, per: 'minute' },
  ]);
  assert.equal(byName['sk-q'].team, 'search uuid-2');
  assert.deepEqual([byName['alone'].team, byName['alone'].endpoints], ['user alice@example.com', ['chat']]);

  assert.equal((await chat(SECRETS.search)).status, 200);
  const left = (await admin(`/limits?key=${search.id}`)).data.find(
    (one: { unit: string; model: unknown }) => one.unit === 'usd' && one.model === null,
  );
  assert.match(left.spent, /^20\.0000\d+$/);
  const team = (await admin('/limits?team=search')).data.find((one: { unit: string }) => one.unit === 'usd');
  assert.match(team.spent, /^12\.5000\d+$/);
  const personal = (await admin(`/limits?team=${encodeURIComponent('user alice@example.com')}`)).data[0];
  assert.equal(personal.spent, '4.000000000');

  const refused = async (secret: string) =>
    ((await (await chat(secret)).json()) as { error: { code: string } }).error.code;
  assert.equal(await refused(SECRETS.blocked), 'key_blocked');
  assert.equal(await refused(SECRETS.spent), 'budget_exceeded');
  assert.equal(await refused('sk-nobody-has-this-one'), 'invalid_api_key');
  assert.equal(await refused(SECRETS.other), 'team_blocked');
});

test('again, or after it was cut off, it does what is left and no more', async () => {
  const again = await run('--database', theirs.url, '--apply', '--json');
  assert.equal(again.code, 0, again.err);
  assert.deepEqual(JSON.parse(again.out).taken, {
    teams: { created: 0, there: 4 },
    keys: { created: 0, there: 5 },
    openings: { entered: 0, there: 5 },
  });
  assert.equal((await keys()).length, 5);
  const spend = await admin('/reports/spend?from=2026-01-01&to=2044-01-01&group_by=team');
  const search = spend.data.find(({ team }: { team: string }) => team === 'search');
  assert.match(search.cost_usd, /^12\.5000/);
  assert.equal(search.requests, 1);
});

test('after figures changed and a key was added, what was spent is not counted again, and what was unblocked stays so', async () => {
  const client = new pg.Client({ connectionString: theirs.url });
  await client.connect();
  await client.query(`update "LiteLLM_TeamTable" set spend = 40 where team_id = 'uuid-1'`);
  await client.query(`update "LiteLLM_VerificationToken" set spend = 6 where key_alias = 'search-prod'`);
  for (const secret of ['sk-added-1', 'sk-added-2'])
    await client.query(
      `insert into "LiteLLM_VerificationToken" (token, key_alias, team_id, spend, max_budget, models)
       values ($1, $2, 'uuid-1', 9, 50, '{}')`,
      [sha(secret), secret],
    );
  await client.end();
  await gateway.admin('POST', `/teams/${encodeURIComponent('search uuid-2')}/unblock`);
  const { code, out, err } = await run('--database', theirs.url, '--apply', '--json');
  assert.equal(code, 0, err);
  assert.deepEqual(JSON.parse(out).taken.keys, { created: 2, there: 5 });
  const spentOf = async (query: string) =>
    (await admin(`/limits?${query}`)).data.find(
      (one: { unit: string; model: unknown }) => one.unit === 'usd' && one.model === null,
    ).spent;
  const spend = await admin('/reports/spend?from=2026-01-01&to=2044-01-01&group_by=team');
  assert.match(spend.data.find(({ team }: { team: string }) => team === 'search').cost_usd, /^12\.5000/);
  const made = await keys();
  const idOf = (name: string): string => made.find((key) => key.name === name).id;
  assert.match(await spentOf(`key=${idOf('search-prod')}`), /^20\.0000/);
  for (const name of ['sk-added-1', 'sk-added-2'])
    assert.equal(await spentOf(`key=${idOf(name)}`), '9.000000000', name);
  assert.equal((await admin(`/teams/${encodeURIComponent('search uuid-2')}`)).blocked, false);
});

test('it is in the audit log, without a secret or its hash', async () => {
  const log = JSON.stringify(await admin('/audit?limit=200'));
  assert.match(log, /ledger\.openings/);
  assert.match(log, /known_secret/);
  assert.doesNotMatch(log, new RegExp(sha(SECRETS.search)));
});

test('nothing is written to their database, and what is none is told', async () => {
  const client = new pg.Client({ connectionString: theirs.url });
  await client.connect();
  const { rows } = await client.query('select count(*)::int as n from "LiteLLM_VerificationToken"');
  await client.end();
  assert.equal(rows[0].n, 10);
  const empty = await freshDatabase();
  const { code, err } = await run('--database', empty.url);
  await empty.drop();
  assert.equal(code, 1);
  assert.match(err, /it is not LiteLLM's/);
  assert.match((await run('--database', 'mysql://x')).err, /no postgres/);
  const away = await run('--database', 'postgres://postgres:s3cret@127.0.0.1:9/x');
  assert.match(away.err, /127\.0\.0\.1:9\/x .*ECONNREFUSED/);
  assert.doesNotMatch(away.err, /s3cret/);
});
