/**
 * Every command of the README and of `docs/`: run to the letter against a gateway, with the substitutions that stand here; or
 * run by another test, which is named; or, where it cannot be run here, held to the shell's grammar, with the reason. A command
 * that is none of these fails.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitForUpdate } from '@pydantic/genai-prices';
import { packageRoot } from '../../src/lib/root.js';
import { blocks, commandsOf, requestOf } from '../support/documented.js';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { fillLitellm } from '../support/litellm-database.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { runCommand } from '../support/shell.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';

type Elsewhere = { readonly by: string; readonly holds: string } | { readonly notRun: string };
const start = { by: 'test/e2e/start.test.ts', holds: 'npm install && npm start' };
const suite = { by: 'test/e2e/start.test.ts', holds: 'npm test -- test/lib' };
const check = { by: 'test/e2e/start.test.ts', holds: "'npm run check'" };
const claude = { by: 'test/e2e/claude-code.test.ts', holds: 'ANTHROPIC_BASE_URL' };

const others = { notRun: 'settings of a client of somebody else' };

/** Commands that are not run here. */
const elsewhere: Readonly<Record<string, Elsewhere>> = {
  'npm install && npm start': start,
  'npm install': start,
  'npm start': start,
  'npm test': suite,
  'npm test -- keys': suite,
  'npm test -- --node24': { by: '.ci/run', holds: 'npm test -- --node24' },
  'npm run check': check,
  'TEST_SCREENS=docs/screens npm test -- console/console': {
    by: 'test/console/screens.ts',
    holds: "process.env['TEST_SCREENS']",
  },
  'npm run bench': { notRun: 'it measures for minutes' },
  'npx openapi-typescript http://127.0.0.1:4000/admin/v1/openapi.json -o tollgate.d.ts': {
    by: 'test/e2e/generated-client.test.ts',
    holds: 'openapi-typescript/bin/cli.js',
  },
  'npm install openapi-fetch': { by: 'test/clients/generator/package.json', holds: '"openapi-fetch"' },
  'pg_dump --format=custom --file=tollgate.dump "$DATABASE_URL"': {
    by: 'test/e2e/upgrade.test.ts',
    holds: "'--format=custom'",
  },
  'pg_restore --no-owner --dbname="$RESTORED_URL" tollgate.dump': {
    by: 'test/e2e/upgrade.test.ts',
    holds: "'--no-owner'",
  },
  'export ANTHROPIC_BASE_URL=$URL': claude,
  'export ANTHROPIC_AUTH_TOKEN=$KEY': claude,
  'export ANTHROPIC_MODEL=claude-sonnet-4-5': claude,
  'export ANTHROPIC_DEFAULT_HAIKU_MODEL=claude-haiku-4-5': claude,
  [`curl -N -H "authorization: Bearer $TOLLGATE_ADMIN_KEY" 'http://127.0.0.1:4000/admin/v1/usage/stream?team=search&status=502'`]:
    {
      by: 'test/e2e/usage-stream.test.ts',
      holds: 'usage/stream',
    },
  'export OPENAI_API_BASE=http://127.0.0.1:4000/v1': others,
  'export OPENAI_API_BASE_URL=http://127.0.0.1:4000/v1': others,
  'export OPENAI_API_KEY=$KEY': others,
  'aider --model openai/my-model': others,
  'GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:4000 GEMINI_API_KEY=$KEY gemini -m gemini-3-flash-preview': {
    notRun: 'a client of somebody else, which the document says is not run',
  },
};

/** Blocks that draw a request which is not one to the gateway. */
const drawn = new Set(['POST /tollgate']);

const shell = blocks.filter(({ language }) => language === 'sh');
const requests = blocks.filter(({ language, text }) => language === 'http' && !drawn.has(text.split('\n')[0]!));
const isOurs = (command: string) => /^(?:npx tollgate|tollgate|node bin\/tollgate\.js|curl) /.test(command);

describe('the commands of the documents', () => {
  let upstream: FakeUpstream;
  let gateway: Gateway;
  let litellm: FreshDatabase;
  let env: NodeJS.ProcessEnv;
  let keyId: string;

  before(async () => {
    upstream = await startUpstream();
    upstream.always(({ method }) => (method === 'GET' ? json(200, models) : json(200, answer)));
    litellm = await freshDatabase();
    await fillLitellm(litellm.url, {});
    gateway = await startGateway({
      config: {
        providers: { openai: { type: 'openai', base_url: upstream.url, api_key: 'sk-upstream' } },
        models: { 'gpt-4o-mini': { targets: [{ provider: 'openai', model: 'gpt-4o-mini' }] }, auto: ROUTED },
      },
    });
    const made = await gateway.key({ name: 'search-dev', team: 'search' });
    keyId = made.id;
    const served = await gateway.chat(made.key, { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] });
    assert.equal(served.status, 200, await served.text());
    env = {
      PATH: `${programs(gateway.dir)}:${process.env['PATH']}`,
      HOME: gateway.dir,
      TOLLGATE_URL: gateway.url,
      TOLLGATE_ADMIN_KEY: gateway.adminKey,
    };
  });
  after(async () => {
    await gateway?.close();
    await litellm?.drop();
    await upstream?.stop();
  });

  /** What stands for something that only the reader has. */
  const filledIn = async (text: string): Promise<string> => {
    let filled = text.replaceAll('postgres://...', litellm.url);
    // Each block has a key of its own: some are revoked.
    if (filled.includes('key_01h...')) filled = filled.replaceAll('key_01h...', (await gateway.key()).id);
    return filled.replace(/https:\/\/raw\.githubusercontent\.com\/\S+\//, `file://${gateway.dir}/catalogue/`);
  };

  for (const block of shell.filter((one) =>
    commandsOf(one).some((command) => isOurs(command) && !(command in elsewhere)),
  )) {
    test(`${block.file}: ${commandsOf(block)[0]}`, async () => {
      const cwd = await folderOf(gateway.dir);
      const script = await filledIn(
        commandsOf(block)
          .filter((one) => !(one in elsewhere))
          .join('\n'),
      );
      const { code, output } = await runCommand(['bash', '-euo', 'pipefail', '-c', script], { cwd, env });
      assert.equal(code, 0, output);
    });
  }

  for (const block of requests) {
    test(`${block.file}: ${block.text.split('\n')[0]}`, async () => {
      const { method, target, body } = requestOf({ ...block, text: await filledIn(block.text) });
      const response = await fetch(`${gateway.url}${target}`, {
        method,
        headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
        ...(body !== '' && { body }),
      });
      const told = await response.text();
      assert.ok(response.ok, `${response.status}: ${told}`);
      assert.ok(keyId !== '' && told.length > 2);
    });
  }

  test('are all run here or by a test that is named, or have a reason not to be', () => {
    const commands = shell.flatMap(commandsOf);
    assert.deepEqual(
      commands.filter((one) => !isOurs(one) && !(one in elsewhere)),
      [],
    );
    assert.deepEqual(
      Object.keys(elsewhere).filter((one) => !commands.includes(one)),
      [],
      'no document has these any more',
    );
    for (const [command, way] of Object.entries(elsewhere)) {
      if ('by' in way) assert.ok(read(way.by).includes(way.holds), `${way.by} does not run ${command}`);
    }
  });

  test('are what a shell can read, and stand in blocks that say that they are commands', () => {
    for (const { file, text } of shell) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      assert.equal(status, 0, `${file}: ${stderr}`);
    }
    const hidden = blocks.filter(
      ({ language, text }) =>
        !['sh', 'http'].includes(language) &&
        /^(?:\$ |npx |npm |curl |docker |helm |systemctl |(?:node bin\/)?tollgate(?:\.js)? [a-z]|(?:GET|POST|PATCH|DELETE) \/)/m.test(
          text,
        ) &&
        !foreign.has(text.split('\n')[0]!),
    );
    assert.deepEqual(hidden, []);
  });
});

/** Blocks of other languages in which a line only looks like a command or a request. */
const foreign = new Set<string>(['POST /v1/chat/completions, /v1/responses, ...       (api/table: every own address)']);

const ROUTED = { route: [{ use: 'gpt-4o-mini' }] };
const SERVED = 'gpt-4o-mini-2024-07-18';
const models = { object: 'list', data: [{ id: 'gpt-4o-mini', object: 'model' }] };
const answer = {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: SERVED },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
};

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

/** A folder with the programs that the documents name: `tollgate` as installed, and `npx`, which finds it. */
function programs(dir: string): string {
  const bin = join(dir, 'programs');
  mkdirSync(bin);
  const run = `exec '${process.execPath}' '${tollgate}'`;
  writeFileSync(join(bin, 'tollgate'), `#!/bin/sh\n${run} "$@"\n`);
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\n[ "$1" = tollgate ] && shift && ${run} "$@"\nexit 127\n`);
  for (const name of ['tollgate', 'npx']) chmodSync(join(bin, name), 0o755);
  return bin;
}

/** Where a reader would stand: the configuration, and the files that the commands name. */
async function folderOf(dir: string): Promise<string> {
  const cwd = mkdtempSync(join(dir, 'reader-'));
  copyFileSync(join(dir, 'config.yaml'), join(cwd, 'config.yaml'));
  copyFileSync(join(packageRoot, 'test/fixtures/litellm/simple.yaml'), join(cwd, 'litellm.yaml'));
  symlinkSync(join(packageRoot, 'bin'), join(cwd, 'bin'));
  const at = Math.floor(Date.now() / 86_400_000) * 86_400;
  const usage = `start_time,model,input_tokens,output_tokens,input_cached_tokens,num_model_requests\n${at},${SERVED},10,1,0,1\n`;
  for (const name of ['usage.csv', 'completions_usage.csv']) writeFileSync(join(cwd, name), usage);
  writeFileSync(
    join(cwd, 'cost.csv'),
    `start_time,amount_value,amount_currency,line_item\n${at},0.0000021,usd,"${SERVED}, input"\n`,
  );
  mkdirSync(join(dir, 'catalogue'), { recursive: true });
  writeFileSync(join(dir, 'catalogue', 'data.json'), JSON.stringify(await waitForUpdate()));
  return cwd;
}
