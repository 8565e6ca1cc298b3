/** A provider's own figures beside the ledger, by the command: what agrees, what differs, and what the exit code says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;
const served = 'gpt-4o-mini-2024-07-18';

before(async () => {
  upstream = await startUpstream();
  upstream.always(() =>
    json(200, {
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: served,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
    }),
  );
  gateway = await startGateway({
    config: {
      providers: { openai: { type: 'openai', base_url: upstream.url, api_key: 'sk-upstream' } },
      models: { mini: { targets: [{ provider: 'openai', model: 'gpt-4o-mini' }] } },
    },
  });
  const { key } = await gateway.key();
  const answer = await gateway.chat(key, { model: 'mini', messages: [{ role: 'user', content: 'Hello' }] });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

async function reconcile(...files: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [tollgate, 'reconcile', '--provider', 'openai', '--all', ...files], {
    cwd: gateway.dir,
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

/** A page of OpenAI's usage API, saved as a file. */
function page(name: string, tokens: readonly [input: number, output: number] | null, hasMore = false): string {
  const start_time = Math.floor(Date.now() / 86_400_000) * 86_400;
  const results = tokens
    ? [
        {
          input_tokens: tokens[0],
          output_tokens: tokens[1],
          input_cached_tokens: 0,
          num_model_requests: 1,
          model: served,
        },
      ]
    : [];
  const data = [{ object: 'bucket', start_time, end_time: start_time + 86_400, results }];
  writeFileSync(join(gateway.dir, name), JSON.stringify({ object: 'page', data, has_more: hasMore, next_page: null }));
  return name;
}

describe('tollgate reconcile', () => {
  test('pages of the API that agree with the ledger end with 0', async () => {
    const { code, out, err } = await reconcile(page('first.json', [1000, 100], true), page('last.json', null));
    assert.equal(code, 0, err);
    assert.match(out, /1 of 1 days and models agree/);
  });

  test('a difference that nothing explains ends with 1, and so does what only one side has', async () => {
    const differs = await reconcile(page('differs.json', [1001, 99]));
    assert.equal(differs.code, 1);
    assert.match(differs.out, /unexplained/);
    const missing = await reconcile(page('none.json', null), page('other.json', [0, 1]));
    assert.equal(missing.code, 1);
  });

  test('the same tokens for other money are explained', async () => {
    const start_time = Math.floor(Date.now() / 86_400_000) * 86_400;
    const results = [{ amount: { value: 0.5, currency: 'usd' }, line_item: `${served}, input` }];
    writeFileSync(
      join(gateway.dir, 'costs.json'),
      JSON.stringify({ data: [{ start_time, results }], has_more: false }),
    );
    const { code, out } = await reconcile(page('usage.json', [1000, 100]), 'costs.json');
    assert.match(out, /price: the same tokens for other money/);
    assert.equal(code, 0);
  });

  test('a page that is missing is told instead of compared', async () => {
    const { code, err } = await reconcile(page('open.json', [1000, 100], true));
    assert.equal(code, 1);
    assert.match(err, /There are more pages .* than open\.json/);
  });
});
