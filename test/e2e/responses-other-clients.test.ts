/**
 * Clients that speak the Responses API by default, unchanged, through a gateway: OpenAI's Agents SDK, Vercel's AI SDK, LangChain,
 * and Codex as the program that people run. They are installed from `test/clients/responses`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Context } from '../clients/scenario.js';
import { clientsIn } from '../support/client-packages.js';
import { answerChat } from '../support/openai-answers.js';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';
import { faithful } from '../support/upstream.js';
import type { Received, Step } from '../support/upstream-steps.js';

let started: ResponsesGateway;
let context: Context;
let root: string;

before(async () => {
  root = await clientsIn('responses');
  started = await startResponsesGateway();
  context = await started.context();
});
after(() => started?.close());

/** Runs a program of the clients' folder and reads the JSON that it prints. */
async function told(program: string, model: string): Promise<Record<string, unknown>> {
  const env = { ...process.env, BASE_URL: context.baseURL, API_KEY: context.apiKey, MODEL: model };
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, program)], { env, timeout: 60_000 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

for (const model of responsesModels) {
  describe(`to ${model}`, () => {
    it('@openai/agents runs an agent with a tool, whole and streamed', async () => {
      const { output, streamed, asked } = await told('agents.mjs', model);
      assert.equal(output, 'The tool said: a tree');
      assert.equal(streamed, 'The tool said: a tree');
      assert.deepEqual(asked, ['sample', 'sample']);
    });

    it('the AI SDK answers over several steps, whole and streamed, and makes an object', async () => {
      const { text, streamed, object, finish } = await told('ai.mjs', model);
      assert.equal(text, 'The tool said: a tree');
      assert.equal(streamed, 'The tool said: a tree');
      assert.deepEqual(object, { name: 'sample' });
      assert.equal(finish, 'stop');
    });

    it('LangChain answers, streams and calls', async () => {
      const { text, streamed, calls } = await told('langchain.mjs', model);
      assert.equal(text, 'You said: hello');
      assert.equal(streamed, 'You said: hello');
      assert.deepEqual(calls, [{ name: 'look', where: 'sample' }]);
    });
  });
}

/** A model that makes a file with the shell that it is given, and then says so. */
function fileMaker(request: Received): readonly Step[] {
  const body = request.json() as { messages: { role: string }[]; tools?: { function: { name: string } }[] };
  if (!request.path.endsWith('/chat/completions')) return faithful(request);
  if (body.messages.at(-1)!.role === 'tool') return answerChat(request, { text: 'It is made.' });
  const shell = body.tools?.find(({ function: { name } }) => name === 'exec_command');
  if (!shell) return answerChat(request, { text: 'I have no shell.' });
  const given = JSON.stringify({ cmd: 'echo made > made.txt' });
  return answerChat(request, { calls: [{ name: 'exec_command', arguments: given }] });
}

/** Runs Codex in a home of its own, and answers what it printed and the file that its model made. */
async function codex(settings: string, files: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tollgate-codex-'));
  started.upstream.always(fileMaker);
  try {
    for (const [name, text] of Object.entries({ ...files, 'config.toml': settings }))
      await writeFile(join(dir, name), text);
    const args = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', 'Make a file.'];
    const env = { ...process.env, CODEX_HOME: dir, TOLLGATE_KEY: context.apiKey };
    const running = promisify(execFile)(join(root, 'node_modules/.bin/codex'), args, {
      cwd: dir,
      env,
      timeout: 120_000,
    });
    running.child.stdin!.end();
    const { stdout } = await running;
    return [stdout, await readFile(join(dir, 'made.txt'), 'utf8')];
  } finally {
    started.upstream.always();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

it('Codex completes a turn with a tool call, by way of chat completions', async () => {
  const [stdout, made] = await codex(`model = "lenient"
model_provider = "tollgate"
[model_providers.tollgate]
name = "Tollgate"
base_url = "${context.baseURL}"
wire_api = "responses"
env_key = "TOLLGATE_KEY"
`);
  assert.match(stdout!, /It is made\./);
  assert.equal(made, 'made\n');
});

it('Codex compresses its requests where it is signed in with its vendor, and completes a turn all the same', async () => {
  const seen: (string | undefined)[] = [];
  const { hostname, port } = new URL(context.baseURL);
  const between = createServer((incoming, answer) => {
    if (incoming.method === 'POST' && incoming.url === '/v1/responses') seen.push(incoming.headers['content-encoding']);
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (theirs) => {
      answer.writeHead(theirs.statusCode!, theirs.headers);
      theirs.pipe(answer);
    });
    incoming.pipe(onward.on('error', () => answer.destroy()));
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
  // Codex compresses where its provider is called OpenAI and its credential is of a sign-in: this one is the key, in the form of one.
  const part = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const plan = { chatgpt_plan_type: 'pro', chatgpt_account_id: 'a', chatgpt_user_id: 'u' };
  const identity = { email: 'ada@example.com', 'https://api.openai.com/auth': plan };
  const auth = {
    auth_mode: 'chatgpt',
    tokens: {
      id_token: `${part({ alg: 'none' })}.${part(identity)}.${part({})}`,
      access_token: context.apiKey,
      refresh_token: 'none',
      account_id: 'a',
    },
    last_refresh: new Date().toISOString(),
  };
  try {
    const settings = `model = "lenient"
model_provider = "tollgate"
chatgpt_base_url = "${url}/elsewhere"
[model_providers.tollgate]
name = "OpenAI"
base_url = "${url}/v1"
wire_api = "responses"
requires_openai_auth = true
`;
    const [stdout, made] = await codex(settings, { 'auth.json': JSON.stringify(auth) });
    assert.match(stdout!, /It is made\./);
    assert.equal(made, 'made\n');
    assert.deepEqual(seen, ['zstd', 'zstd']);
  } finally {
    between.closeAllConnections();
    between.close();
  }
});
