/** Captured content by the command line, against a gateway that captures. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, it } from 'node:test';
import { Command } from 'commander';
import { registerContent } from '../../src/cli/content.js';
import { type Gateway, startGateway } from '../support/gateway.js';

let gateway: Gateway;
let key: { readonly id: string; readonly key: string };
const cwd = mkdtempSync(join(tmpdir(), 'tollgate-content-'));
before(async () => {
  const model = { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } };
  gateway = await startGateway({
    config: { providers: { sandbox: { type: 'sandbox' } }, models: { m: model }, capture: { content: 'on' } },
  });
  key = await gateway.key({ team: 'search' });
});
after(async () => {
  await gateway?.close();
  rmSync(cwd, { recursive: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const ran = { code: 0, out: [] as string[], err: '' };
  let text = '';
  const output = new PassThrough().on('data', (piece) => {
    text += piece;
  });
  const program = new Command('tollgate').exitOverride();
  registerContent(program, {
    env: { TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey },
    ...{ cwd, nowMs: Date.now },
    print: (line) => void ran.out.push(line),
    printError: (line) => void (ran.err += line),
    output,
    exit: (code) => void (ran.code = code),
  });
  await program.parseAsync(['content', ...args], { from: 'user' });
  ran.out.push(...text.split('\n').slice(0, -1));
  return ran;
}

const asked = async (words: string, user: string): Promise<string> => {
  const answer = await gateway.chat(key.key, { model: 'm', user, messages: [{ role: 'user', content: words }] });
  await answer.text();
  return answer.headers.get('x-request-id')!;
};

it('is exported as a line for each request, shown by its entry, and deleted by what is named', async () => {
  const ids = [await asked('one\u2028line', 'ada'), await asked('two', 'ada'), await asked('three', 'eve')];
  const exported = async (...args: string[]) => (await run('export', ...args)).out.map((line) => JSON.parse(line));
  const lines = await exported('--team', 'search', '--from', '2020-01-01');
  assert.deepEqual(
    lines.map(({ request_id }) => request_id),
    ids,
  );
  assert.equal(lines[0].request.messages[0].content, 'one\u2028line');
  const file = join(cwd, 'content.jsonl');
  assert.deepEqual(await run('export', '--user', 'ada', '--output', file), { code: 0, out: [], err: '' });
  assert.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(await exported('--request', ids[2]!, '--model', 'other'), []);

  const shown = await run('show', lines[1].entry);
  assert.equal(JSON.parse(shown.out[0]!).request.messages[0].content, 'two');
  assert.match((await run('show', 'ent_none')).err, /Nothing is captured/);

  assert.deepEqual((await run('delete', '--entry', lines[1].entry)).out, ['1 requests deleted']);
  assert.deepEqual((await run('delete', '--user', 'ada', '--key', 'key_other')).out, ['0 requests deleted']);
  assert.deepEqual(JSON.parse((await run('delete', '--request', ids[0]!, '--json')).out[0]!), { deleted: 1 });
  assert.deepEqual(
    (await exported()).map(({ user }) => user),
    ['eve'],
  );
  for (const args of [[], ['--all', '--user', 'ada'], ['--entry', 'x', '--all']]) {
    const { code, out, err } = await run('delete', ...args);
    assert.deepEqual([code, out], [1, []], err);
  }
  assert.deepEqual((await run('delete', '--all')).out, ['1 requests deleted']);
});
