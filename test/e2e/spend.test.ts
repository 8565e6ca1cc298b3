/** Spend as its users see it: a real gateway, the command line, markups of teams, prices that change, and a provider's export. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';

let gateway: Gateway;
let dir: string;
const config = (input: number) => ({
  providers: { sandbox: { type: 'sandbox' } },
  models: {
    sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input, output: 1, request: 0.001 } },
  },
});
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tollgate-spend-'));
  gateway = await startGateway({ config: config(1) });
});
after(async () => {
  await gateway?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function cli(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [tollgate, ...args], {
    cwd: dir,
    env: { ...process.env, TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, out, err };
}

const ask = async (key: string): Promise<void> => {
  const answer = await gateway.chat(key, { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
};

type Line = {
  cost_nusd: { total: number; request?: number };
  billed_nusd?: number;
  tokens: { input: number; output: number };
};
type Report = { data: Record<string, number | string>[]; total: Record<string, number | string> };

describe('spend', () => {
  test('a team with a markup is billed more than its cost; a report has both, right after the answer', async () => {
    await gateway.admin('POST', '/teams', { name: 'ads', markup: 1.2 });
    const [marked, plain] = [await gateway.key({ team: 'ads' }), await gateway.key({ team: 'search' })];
    await ask(marked.key);
    await ask(plain.key);
    await ask(plain.key);
    const report = await gateway.admin<Report>('GET', '/reports/spend?group_by=team');
    const [ads, search] = report.data;
    assert.deepEqual(
      [ads?.['team'], ads?.['requests'], search?.['team'], search?.['requests']],
      ['ads', 1, 'search', 2],
    );
    const cost = Number(ads?.['cost_nusd']);
    assert.ok(cost > 1_000_000);
    assert.equal(ads?.['billed_nusd'], Math.round(cost * 1.2));
    assert.equal(search?.['billed_nusd'], search?.['cost_nusd']);
    assert.equal(report.total['cost_nusd'], cost * 3);
    const { data } = await gateway.admin<{ data: Line[] }>('GET', '/usage?team=ads');
    assert.equal(data[0]?.billed_nusd, Math.round(cost * 1.2));
    assert.equal(data[0]?.cost_nusd.request, 1_000_000);
  });

  test('tollgate report prints a table, writes files in every format, and tells what is wrong', async () => {
    const table = await cli('report', '--group-by', 'team');
    assert.equal(table.code, 0, table.err);
    assert.match(table.out, /TEAM +REQUESTS +INPUT +OUTPUT +COST USD +BILLED USD\nads +1 /);
    for (const format of ['json', 'csv', 'parquet', 'focus']) {
      const file = join(dir, `report.${format}`);
      const made = await cli('report', '--format', format, '--output', file, '--filter', 'team=ads');
      assert.equal(made.code, 0, made.err);
      assert.ok(readFileSync(file).length > 50, format);
    }
    assert.equal(readFileSync(join(dir, 'report.parquet')).subarray(0, 4).toString(), 'PAR1');
    const wrong = await cli('report', '--group-by', 'planet');
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /`planet` is none of/);
  });

  test('the prices in force are shown with where they come from', async () => {
    const prices = await gateway.admin<{
      data: { model: string; price: { source: string; request_usd: number } }[];
      overrides: object[];
    }>('GET', '/pricing');
    assert.deepEqual(
      [prices.data[0]?.model, prices.data[0]?.price.source, prices.data[0]?.price.request_usd],
      ['sandbox', 'override', 0.001],
    );
    assert.equal(prices.overrides.length, 1);
  });

  test('the sums are verified, damage is found and repaired', async () => {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: gateway.databaseUrl });
    await client.connect();
    await client.query('update spend_hour_main set total_nusd = total_nusd + 1');
    await client.end();
    const found = await cli('ledger', 'verify');
    assert.equal(found.code, 1);
    assert.match(found.out, /spend_hour_main +\d+ +0\.00000000\d/);
    assert.equal((await cli('ledger', 'verify', '--repair')).code, 0);
    const { out, err } = await cli('ledger', 'verify');
    assert.match(out, /The sums agree with the ledger/, err);
  });

  test("a provider's export is compared with the ledger", async () => {
    const { data } = await gateway.admin<{ data: Line[] }>('GET', '/usage');
    const tokens = data.reduce((sum, line) => sum + line.tokens.input, 0);
    writeFileSync(
      join(dir, 'usage.csv'),
      `start_time,model,num_model_requests,input_tokens,output_tokens,input_cached_tokens\n${Math.floor(Date.now() / 1000)},sandbox,3,${tokens},0,0\n`,
    );
    const wrong = await cli('reconcile', '--provider', 'openai', 'usage.csv');
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /no provider named openai/);
    const unknown = await cli('reconcile', '--provider', 'sandbox', 'usage.csv');
    assert.match(unknown.err, /Exports of providers of type sandbox are not known/);
  });
});

test('a price that was wrong is put right by corrections: the command, the report and the sums agree', async (t) => {
  const first = await startGateway({ config: config(1), database: 'embedded' });
  t.after(() => first.close());
  const key = await first.key();
  const answer = await first.chat(key.key, { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] });
  await answer.arrayBuffer();
  const before = await first.admin<Report>('GET', '/reports/spend');
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const same = await first.admin<{ corrected: number }>('POST', '/ledger/reprice', { from });
  assert.equal(same.corrected, 0);
  const file = join(first.dir, 'config.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('input: 1\n', 'input: 2\n'));
  await first.admin('POST', '/config/reload', {});
  const dry = await first.admin<{ corrected: number; difference_nusd: number }>('POST', '/ledger/reprice', {
    from,
    dry_run: true,
  });
  assert.equal(dry.corrected, 1);
  await first.admin('POST', '/ledger/reprice', { from });
  const now = await first.admin<Report>('GET', '/reports/spend');
  assert.equal(Number(now.total['cost_nusd']), Number(before.total['cost_nusd']) + dry.difference_nusd);
  assert.equal(now.total['requests'], 1);
  const { differences } = await first.admin<{ differences: object[] }>('POST', '/ledger/verify', {});
  assert.deepEqual(differences, []);
});
