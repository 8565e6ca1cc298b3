/**
 * Guards that answer elsewhere (webhooks, models), and what guards are beside the request: in the cache, behind fallbacks and routes,
 * in explain, metrics, the log and the admin API.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { signedHeaders } from '../../src/lib/standard-webhooks.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { answerChat } from '../support/openai-answers.js';
import { answer, flood, hang, type Receiver, startReceiver } from '../support/receiver.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import type { Received } from '../support/upstream-steps.js';

const MAIL = 'jo.doe@example.com';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const price = { input: 1, output: 4 };

const says = (action: string) => answer(200, {}, JSON.stringify({ action }));

let upstream: FakeUpstream;
let hook: Receiver;
let gateway: Gateway;
let run = 0;

/** The model that moderates says what is in the texts that it is asked about. */
function byModel(request: Received) {
  const { model, messages } = request.json() as { model: string; messages: { content: string }[] };
  if (model !== 'judge') return faithful(request);
  const texts = messages[1]!.content;
  const text = texts.includes('babble') ? 'I cannot say.' : JSON.stringify({ flagged: texts.includes('poison') });
  return answerChat(request, { text });
}

before(async () => {
  upstream = await startUpstream();
  upstream.always(byModel);
  hook = await startReceiver(says('allow'));
  const to = (model: string) => ({ targets: [{ provider: 'up', model }], price });
  const webhook = { kind: 'webhook', url: hook.url, secret: SECRET, allow_private: true, timeout: '400ms' };
  gateway = await startGateway({
    config: {
      telemetry: { log: { level: 'trace' } },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' } },
      models: {
        m: to('m'),
        judge: to('judge'),
        strict: { ...to('m'), guards: ['block'] },
        falls: { ...to('m'), fallbacks: ['strict'] },
        routed: { route: [{ when: { keywords: ['x'] }, use: 'm' }, { use: 'strict' }] },
        cached: { ...to('m'), cache: { exact: true, ttl: '1h', share: 'team' } },
      },
      guardrails: {
        block: { kind: 'pii', entities: ['email'] },
        mask: { kind: 'pii', entities: ['email'], action: 'redact', restore: true },
        names: { kind: 'pattern', patterns: ['(?i)nightingale'], placeholder: 'PROJECT', action: 'redact' },
        everything: { kind: 'pattern', patterns: ['(?s).'], action: 'redact' },
        small: { kind: 'size', max_tokens: 20, max_messages: 2 },
        hook: { ...webhook, on: ['input', 'output'] },
        lax: { ...webhook, on_failure: 'allow' },
        judged: { kind: 'moderation', model: 'judge', on: ['input', 'output'] },
      },
    },
  });
});
afterEach(() => {
  hook.manner = says('allow');
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await hook?.close();
});

const keyWith = async (...guards: string[]) => (await gateway.key({ guards })).key;

async function ask(key: string, words: string, more: object = {}) {
  const id = `asked-${++run}`;
  const before = upstream.requests.length;
  const body = { model: 'm', messages: [{ role: 'user', content: words }], ...more };
  const response = await gateway.chat(key, body, { headers: { 'x-request-id': id } });
  const text = await response.text();
  const sent = upstream.requests.slice(before).filter((request) => request.json()['model'] !== 'judge');
  return { id, status: response.status, text, headers: response.headers, sent };
}

describe('a webhook', () => {
  it('is asked about the texts, signed as webhooks are, after others have redacted them', async () => {
    const before = hook.received.length;
    const { id, status } = await ask(await keyWith('hook', 'mask'), `Mail ${MAIL}`);
    assert.equal(status, 200);
    const [input, output] = hook.received.slice(before);
    const { data, type, timestamp } = JSON.parse(input!.body) as {
      data: Record<string, unknown>;
      type: string;
      timestamp: string;
    };
    assert.equal(type, 'guardrail.check');
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
    assert.deepEqual([data['guard'], data['where'], data['request_id'], data['model']], ['hook', 'input', id, 'm']);
    assert.deepEqual(data['texts'], ['Mail [EMAIL_1]']);
    const [webhookId, seconds] = [String(input!.headers['webhook-id']), Number(input!.headers['webhook-timestamp'])];
    const expected = signedHeaders([SECRET], { id: webhookId, atMs: seconds * 1000, body: input!.body });
    assert.equal(input!.headers['webhook-signature'], expected['webhook-signature']);
    assert.equal((JSON.parse(output!.body) as { data: { where: string } }).data.where, 'output');
  });

  it('blocks with its own words, replaces texts, and holds a stream back until it has spoken', async () => {
    const key = await keyWith('hook');
    hook.manner = answer(200, {}, '{"action":"block","message":"not on my watch"}');
    const blocked = await ask(key, 'x');
    assert.equal(blocked.status, 400);
    assert.match(blocked.text, /guard 'hook': not on my watch/);
    assert.equal(blocked.sent.length, 0);
    hook.manner = answer(200, {}, '{"action":"replace","texts":["other words"]}');
    for (const stream of [false, true]) {
      const replaced = await ask(key, 'my words', { stream });
      assert.match(replaced.sent[0]!.body.toString('utf8'), /other words/);
      assert.ok(replaced.text.includes('other words') && !replaced.text.includes('You said'), replaced.text);
    }
    const manners = [says('allow'), says('block')];
    hook.manner = (request, response) => manners.shift()!(request, response);
    const late = await ask(key, 'words of mine', { stream: true });
    assert.ok(!late.text.includes('words'), late.text);
    assert.match(late.text, /content_blocked/);
  });

  it('that is away, slow, too long or senseless blocks, or lets pass where that is wanted', async () => {
    const senseless = [
      '{"action":"shrug"}',
      'no',
      '[]',
      '{"action":"replace","texts":[]}',
      '{"action":"replace","texts":[1]}',
    ];
    const manners = [hang, flood, answer(500), ...senseless.map((body) => answer(200, {}, body))];
    const [strict, lax] = [await keyWith('hook'), await keyWith('lax')];
    for (const manner of manners) {
      hook.manner = manner;
      const refused = await ask(strict, 'x');
      assert.equal(refused.status, 400);
      assert.match(refused.text, /guard 'hook': it could not be asked/);
      const passed = await ask(lax, 'x');
      assert.equal(passed.status, 200);
      assert.deepEqual((await gateway.entries(passed.id))[0]!.flags, ['guard_unasked']);
    }
  });
});

describe('a model that moderates', () => {
  it('stops what it flags, on both ways, and what it costs is entered', async () => {
    const key = await keyWith('judged');
    assert.equal((await ask(key, 'good day')).status, 200);
    const blocked = await ask(key, 'poison');
    assert.equal(blocked.status, 400);
    assert.match(blocked.text, /guard 'judged'/);
    assert.equal(blocked.sent.length, 0);
    const { data } = await gateway.admin<{
      data: { model: string; tags: string[]; metadata: object; cost_usd: string }[];
    }>('GET', '/usage?key=gateway');
    const entry = data.find(({ metadata }) => (metadata as { request_id?: string }).request_id === blocked.id)!;
    assert.deepEqual(
      [entry.model, entry.tags, entry.metadata],
      ['judge', ['guardrail'], { guard: 'judged', request_id: blocked.id }],
    );
    assert.ok(Number(entry.cost_usd) > 0);
  });

  it('that answers no verdict blocks', async () => {
    const { status, text } = await ask(await keyWith('judged'), 'babble');
    assert.equal(status, 400);
    assert.match(text, /could not be asked/);
  });
});

describe('guards are in force', () => {
  it('of the model, of its fallbacks, of what its route uses, and of the team', async () => {
    const key = await keyWith();
    for (const model of ['strict', 'falls', 'routed'])
      assert.equal((await ask(key, MAIL, { model })).status, 400, model);
    await gateway.admin('POST', '/teams', { name: 'careful', guards: ['block'] });
    const { key: ofTeam } = await gateway.key({ team: 'careful' });
    assert.equal((await ask(ofTeam, MAIL)).status, 400);
    assert.equal((await ask(key, MAIL)).status, 200);
  });

  it('in the order of team, key and model, each once; a guard that nobody has is refused', async () => {
    await assert.rejects(gateway.key({ guards: ['nobody'] }), /There is no guard named 'nobody'/);
    const made = await gateway.key({ guards: ['names', 'mask'] });
    const { sent } = await ask(made.key, `Nightingale ${MAIL} nightingale`);
    assert.match(sent[0]!.body.toString('utf8'), /"\[PROJECT_1\] \[EMAIL_1\] \[PROJECT_2\]"/);
    await gateway.admin('PATCH', `/keys/${made.id}`, { guards: null });
    assert.match((await ask(made.key, MAIL)).sent[0]!.body.toString('utf8'), /jo\.doe/);
  });

  it('a guard that fits everything takes everything, and leaves a request', async () => {
    const { status, sent } = await ask(await keyWith('everything'), 'abc');
    assert.equal(status, 200);
    assert.match(sent[0]!.body.toString('utf8'), /"\[MATCH_1\]\[MATCH_2\]\[MATCH_3\]"/);
  });

  it('sizes: tokens and messages', async () => {
    const key = await keyWith('small');
    assert.match((await ask(key, 'word '.repeat(40))).text, /more than 20 tokens/);
    const messages = Array.from({ length: 3 }, () => ({ role: 'user', content: 'x' }));
    assert.match((await ask(key, '', { messages })).text, /more than 2 messages/);
  });
});

describe('the cache', () => {
  it('knows an answer by what guards put back into it, and others by nothing of it', async () => {
    const team = { team: 'cached', guards: ['mask'] };
    const [one, two] = [(await gateway.key(team)).key, (await gateway.key(team)).key];
    const bare = (await gateway.key({ team: 'cached' })).key;
    const more = { model: 'cached' };
    const first = await ask(one, `Mail ${MAIL}.`, more);
    const again = await ask(two, `Mail ${MAIL}.`, more);
    assert.deepEqual([first.headers.get('x-tollgate-cache'), again.headers.get('x-tollgate-cache')], ['miss', 'hit']);
    assert.match(again.text, /Mail jo\.doe@example\.com\./);
    const other = await ask(two, 'Mail other@example.com.', more);
    assert.equal(other.headers.get('x-tollgate-cache'), 'miss');
    assert.ok(other.text.includes('other@example.com') && !other.text.includes('jo.doe'));
    const unguarded = await ask(bare, 'Mail [EMAIL_1].', more);
    assert.equal(unguarded.headers.get('x-tollgate-cache'), 'miss');
  });

  it('a hit passes the guards of answers', async () => {
    const { key } = await gateway.key({ team: 'hooked', guards: ['hook'] });
    assert.equal((await ask(key, 'say it', { model: 'cached' })).status, 200);
    const manners = [says('allow'), says('block')];
    hook.manner = (request, response) => manners.shift()!(request, response);
    const { status, text, headers, id } = await ask(key, 'say it', { model: 'cached' });
    assert.equal(headers.get('x-tollgate-cache'), 'hit');
    assert.equal(status, 400);
    assert.match(text, /The answer to this request was blocked by the guard 'hook'/);
    assert.equal((await gateway.entries(id))[0]!.error, 'content_blocked');
  });
});

describe('what is told', () => {
  it('explain says which guards would speak, and asks nobody unless it is told to', async () => {
    const { id } = await gateway.key({ guards: ['mask', 'hook', 'block'] });
    const asked = hook.received.length;
    const question = { key: id, request: { model: 'm', messages: [{ role: 'user', content: MAIL }] } };
    const told = await gateway.admin<{
      would: string;
      error: { code: string };
      guards: { guard: string; finds: number | null }[];
    }>('POST', '/explain', question);
    assert.equal(told.would, 'refuse');
    assert.equal(told.error.code, 'content_blocked');
    assert.deepEqual(
      told.guards.map(({ guard, finds }) => [guard, finds]),
      [
        ['mask', 1],
        ['hook', null],
        ['block', 1],
      ],
    );
    assert.equal(hook.received.length, asked);
    const mild = { key: (await gateway.key({ guards: ['hook'] })).id, request: question.request };
    hook.manner = says('block');
    const withHook = await gateway.admin<{ would: string }>('POST', '/explain', { ...mild, ask_guards: true });
    assert.equal(withHook.would, 'refuse');
  });

  it('metrics, the admin API and the access line have names and counts, and nothing of what was found', async () => {
    const { id } = await ask(await keyWith('mask'), `${MAIL} PLANTED@example.com`);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /tollgate_guardrail_total\{guard="mask",action="redact",where="input"\} [1-9]/);
    const { data } = await gateway.admin<{ data: { name: string; spoke: Record<string, number> }[] }>(
      'GET',
      '/guardrails',
    );
    assert.ok(data.find(({ name }) => name === 'mask')!.spoke['input_redact']! >= 1);
    await gateway.admin('GET', '/guardrails');
    await gateway.stop();
    const line = gateway.output.split('\n').find((one) => one.includes(id) && one.includes('"msg":"request"'))!;
    assert.match(line, /"guards":"mask:redact:input:2"/);
    assert.ok(!/PLANTED|jo\.doe|not on my watch/.test(gateway.output));
  });
});
