/** What somebody tries who wants to get something past guards, over a real gateway: in pieces, by turns, in escapes, in large texts. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { dialects, wordsIn } from '../support/dialect-words.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { answerChat, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, sse } from '../support/upstream-steps.js';

const MAIL = 'jo.doe@example.com';
const ESCAPED = 'jo.doe\\u0040example.com';
const price = { input: 1, output: 4 };

let upstream: FakeUpstream;
let gateway: Gateway;
const keys: Record<string, string> = {};

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 } },
      providers: { chat: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' } },
      models: { chat: { targets: [{ provider: 'chat', model: 'm' }], price } },
      guardrails: {
        mask: { kind: 'pii', entities: ['email'], action: 'redact', restore: true },
        hide: { kind: 'pii', entities: ['email', 'secret'], on: ['input', 'output'], action: 'redact' },
        project: { kind: 'pattern', patterns: ['night[a-z]{0,400}gale'], on: 'output', action: 'block' },
      },
    },
  });
  for (const guard of ['mask', 'hide', 'project']) ({ key: keys[guard]! } = await gateway.key({ guards: [guard] }));
});
afterEach(() => upstream?.always());
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const post = async (key: string, path: string, body: object): Promise<string> => {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[key]}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return textAsFarAsItComes(response);
};
const chat = (content: string, more: object = {}) => ({
  model: 'chat',
  messages: [{ role: 'user', content }],
  ...more,
});
const chunk = (choices: readonly object[]) =>
  event({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices, usage: null });
const piece = (index: number, content: string) => chunk([{ index, delta: { content }, finish_reason: null }]);
const ends = (count: number) =>
  Array.from({ length: count }, (_, index) => chunk([{ index, delta: {}, finish_reason: 'stop' }]));

/** What each choice of a stream said, and the arguments of its calls. */
function saidBy(text: string): string[] {
  const said: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('data: {')) continue;
    for (const { index, delta } of JSON.parse(line.slice(6)).choices ?? []) {
      const { content, tool_calls: calls } = delta ?? {};
      said[index] = (said[index] ?? '') + (content ?? '') + (calls?.[0]?.function?.arguments ?? '');
    }
  }
  return said;
}

describe('a stream', () => {
  const words = `Write to ${MAIL} and nobody else.`;

  it('of single characters, in every dialect of clients', async () => {
    const pieces = [...words].map((char) => piece(0, char));
    for (const [name, dialect] of Object.entries(dialects)) {
      if (dialect.model !== 'chat') continue;
      upstream.next(sse(...pieces, ...ends(1), 'data: [DONE]\n\n'));
      const isGoogle = 'contents' in dialect.body('');
      const text = await post('hide', dialect.path(true), { ...dialect.body('x'), ...(!isGoogle && { stream: true }) });
      assert.match(wordsIn(text, dialect), /^Write to \[EMAIL_1\] and nobody else\.$/, `${name}: ${text}`);
    }
  });

  it('of very many choices by turns, a piece of an address each time', async () => {
    const count = 60;
    const pieces = [`${'word '.repeat(40)}jo`, '.doe', '@', 'example', '.com', ' now, ', 'and '.repeat(40)];
    const events = pieces.flatMap((text) => Array.from({ length: count }, (_, index) => piece(index, text)));
    upstream.next(sse(...events, ...ends(count), 'data: [DONE]\n\n'));
    const said = saidBy(await post('hide', '/v1/chat/completions', chat('x', { stream: true, n: count })));
    assert.equal(said.length, count);
    for (const one of said) assert.match(one, /^(?:word ){40}\[EMAIL_\d+\] now, and/);
  });

  it('of arguments of a call with escapes, which never become JSON', async () => {
    const call = (args: string) =>
      chunk([{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: args } }] } }]);
    for (const begins of ['{"to":"', 'to: "', '[{"to":["']) {
      upstream.next(sse(...[...`${begins}${ESCAPED}`].map(call), ...ends(1), 'data: [DONE]\n\n'));
      const [said] = saidBy(await post('hide', '/v1/chat/completions', chat('x', { stream: true })));
      assert.equal(said, `${begins}[EMAIL_1]`);
    }
  });

  it('of a key without an end goes on, and a match of what is held back is found', async () => {
    const endless = ['-----BEGIN PRIVATE KEY-----', ...Array<string>(400).fill('A1b2'.repeat(25))].map((text) =>
      piece(0, text),
    );
    upstream.next(sse(...endless, ...ends(1), 'data: [DONE]\n\n'));
    const [key] = saidBy(await post('hide', '/v1/chat/completions', chat('x', { stream: true })));
    assert.ok(!key!.includes('BEGIN') && key!.startsWith('[SECRET_1]'), key!.slice(0, 100));
    const long = [...`night${'a'.repeat(200)}gale`].map((char) => piece(0, char));
    upstream.next(sse(piece(0, 'so '), ...long, ...ends(1), 'data: [DONE]\n\n'));
    const text = await post('project', '/v1/chat/completions', chat('x', { stream: true }));
    assert.match(text, /content_blocked/);
    assert.ok(!saidBy(text).join('').includes('night'), text.slice(-500));
  });
});

describe('a request', () => {
  it('hides nothing in escapes: in prose, in JSON that is cut, that names a field twice, that is larger than a megabyte', async () => {
    const texts = [
      `mail ${ESCAPED} please`,
      `mail jo.doe\\\\u0040example.com please`,
      `{"to":"${ESCAPED}"`,
      `{"to":"${ESCAPED}","to":"nobody"}`,
      `\`\`\`json\n{"to":"${ESCAPED}"}\n\`\`\``,
      JSON.stringify({ pad: 'word '.repeat(250_000), to: 'TO' }).replace('TO', ESCAPED),
      'mail jo\u200b.doe\\uff20example\\u2024com please',
    ];
    for (const text of texts) {
      const before = upstream.requests.length;
      await post('hide', '/v1/chat/completions', chat(text));
      const [sent] = upstream.requests.slice(before);
      const { messages } = sent!.json() as { messages: { content: string }[] };
      assert.match(messages[0]!.content, /\[EMAIL_1\]/, text.slice(-80));
      assert.ok(!/doe/.test(messages[0]!.content), text.slice(-80));
    }
  });

  it('hides nothing in calls of tools and their results, in JSON in JSON in JSON', async () => {
    const deep = JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ [MAIL]: JSON.stringify([MAIL]) }) }) });
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: deep.replaceAll('@', '\\u0040') } };
    const before = upstream.requests.length;
    await post('hide', '/v1/chat/completions', {
      model: 'chat',
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: deep },
      ],
    });
    const [sent] = upstream.requests.slice(before);
    assert.ok(!sent!.body.includes('doe'), sent!.body.toString());
  });

  it('of which much is put back costs no more than it is long', async () => {
    const mails = Array.from({ length: 20_000 }, (_, n) => `u${n}@example.com`).join(' ');
    upstream.next((request) => answerChat(request, { text: '[EMAIL_1] [EMAIL_20000] [EMAIL_20001]' }));
    const answer = JSON.parse(await post('mask', '/v1/chat/completions', chat(mails)));
    assert.equal(answer.choices[0].message.content, 'u0@example.com u19999@example.com [EMAIL_20001]');
  });

  it('asks for many choices, and each is read where they come whole', async () => {
    const choices = Array.from({ length: 3 }, (_, index) => ({
      index,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: `{"to":"${ESCAPED}` } }],
      },
      finish_reason: 'length',
    }));
    upstream.next(
      json(200, {
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices,
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    );
    const text = await post('hide', '/v1/chat/completions', chat('x', { n: 3 }));
    assert.equal(text.match(/\[EMAIL_1\]/g)?.length, 3, text);
    assert.ok(!text.includes('doe'));
  });
});
