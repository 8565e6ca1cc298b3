/**
 * Bounds that hold however a request is written: dear parts whose names are spelled with escapes, many names behind one
 * wildcard, names of fields that no header can hold; and a withheld stream that another model answers.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, sse } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;

before(async () => {
  upstream = await startUpstream();
  const compatible = { type: 'openai-compatible', base_url: upstream.url, api_key: 'k' };
  gateway = await startGateway({
    config: {
      providers: {
        up: compatible,
        wild: compatible,
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
      },
      models: {
        // A token of sound costs a hundred times as much as one of text.
        voice: { targets: [{ provider: 'up', model: 'voice' }], price: { input: 10, audio_input: 1000, output: 10 } },
        'open/*': {
          targets: [{ provider: 'up', model: '*' }],
          price: { input: 1, output: 10 },
          limits: [{ unit: 'usd', max: 0.003, per: 'day' }],
        },
        'fenced/*': {
          targets: [{ provider: 'wild', model: '*', limits: [{ unit: 'requests', max: 3, per: 'day' }] }],
          price: { input: 1, output: 1 },
        },
        'open/special': { targets: [{ provider: 'up', model: 'special' }], price: { input: 1, output: 10 } },
        claude: {
          targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }],
          price: { input: 1, output: 1 },
          drop_params: true,
          breaker: { failure_rate: 0.5, min_requests: 2, window: '30s', open: '30s' },
        },
        careful: {
          targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }],
          price: { input: 1, output: 1 },
          content_policy_fallbacks: ['voice'],
        },
      },
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const message = { role: 'assistant', content: 'ok' };
const completion = (usage: object) =>
  json(200, {
    ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  });

async function settled(responses: readonly Promise<Response>[]): Promise<{ admitted: number; refused: number }> {
  let admitted = 0;
  for (const response of await Promise.all(responses)) {
    await response.text();
    if (response.status === 200) admitted += 1;
    else assert.equal(response.status, 429);
  }
  return { admitted, refused: responses.length - admitted };
}

const spelled = {
  plainly: '"input_audio"',
  'with an escape': String.raw`"input_\u0061udio"`,
};
for (const [how, type] of Object.entries(spelled)) {
  test(`sixty requests at once with sound, written ${how}, do not overspend a budget`, async () => {
    const { id, key } = await gateway.key({ limits: [{ unit: 'usd', max: 1, per: 'total' }] });
    upstream.always(
      completion({
        ...{ prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
        prompt_tokens_details: { audio_tokens: 90 },
      }),
    );
    const data = 'A'.repeat(40_000);
    const part = `{"type":${type},"input_audio":{"data":"${data}","format":"mp3"}}`;
    const body = `{"model":"voice","max_tokens":1,"messages":[{"role":"user","content":[${part}]}]}`;
    const { admitted } = await settled(Array.from({ length: 60 }, () => gateway.chat(key, body)));
    upstream.always();
    assert.ok(admitted > 0, 'nothing was admitted');
    const { data: limits } = await gateway.admin<{ data: { spent: string; held: string }[] }>(
      'GET',
      `/limits?key=${id}`,
    );
    assert.ok(Number(limits[0]!.spent) <= 1, `${admitted} requests spent ${limits[0]!.spent}`);
    assert.equal(Number(limits[0]!.held), 0);
  });
}

test('a limit on a wildcard is one counter for all names behind it, and not for a model of its own name', async () => {
  const { key } = await gateway.key();
  const ask = (model: string) =>
    gateway.chat(key, { model, max_tokens: 100, messages: [{ role: 'user', content: 'word '.repeat(1000) }] });
  upstream.always(completion({ prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 }));
  const { admitted } = await settled(Array.from({ length: 20 }, (_, i) => ask(`open/name-${i}`)));
  assert.equal((await ask('open/special')).status, 200);
  upstream.always();
  assert.ok(admitted >= 1 && admitted <= 2, `${admitted} requests of 0.002 each within 0.003`);
  type Levels = { data: { scope: object; spent: string; max: string }[] };
  const byPattern = await gateway.admin<Levels>('GET', `/limits?model=${encodeURIComponent('open/*')}`);
  assert.deepEqual(byPattern.data[0]!.scope, { model: 'open/*' });
  assert.equal(Number(byPattern.data[0]!.spent), admitted * 0.002);
  const byName = await gateway.admin<Levels>('GET', `/limits?model=${encodeURIComponent('open/name-7')}`);
  assert.deepEqual(byName, byPattern);
  const other = await gateway.admin<Levels>('GET', `/limits?model=${encodeURIComponent('open/special')}`);
  assert.deepEqual(other.data, []);
});

test('a limit on a target with a wildcard is one counter too', async () => {
  const { key } = await gateway.key();
  upstream.always(completion({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }));
  const asked = Array.from({ length: 8 }, (_, i) =>
    gateway.chat(key, { model: `fenced/name-${i}`, messages: [{ role: 'user', content: 'x' }] }),
  );
  const { admitted } = await settled(asked);
  upstream.always();
  assert.equal(admitted, 3);
  const { data } = await gateway.admin<{ data: { scope: object; spent: number }[] }>(
    'GET',
    `/limits?target=${encodeURIComponent('wild/*')}`,
  );
  assert.deepEqual([data[0]!.scope, data[0]!.spent], [{ target: 'wild/*' }, 3]);
});

test('fields with names that no header can hold are left out by name, and the answer comes', async () => {
  const { key } = await gateway.key();
  const messages = [{ role: 'user', content: 'x' }];
  const names = ['思考', 'a\r\nset-cookie: x=1', '\ud800', 'x'.repeat(10_000), 'ordinary'];
  for (let i = 0; i < 4; i++) {
    for (const stream of [false, true]) {
      const unknown = Object.fromEntries(names.map((name) => [name, 1]));
      const id = `names-${i}-${stream}`;
      const body = { model: 'claude', stream, messages, max_tokens: 5, ...unknown };
      const response = await gateway.chat(key, body, { headers: { 'x-request-id': id } });
      assert.equal(response.status, 200);
      await response.text();
      const dropped = response.headers.get('x-tollgate-dropped-params')!;
      assert.match(dropped, /%E6%80%9D%E8%80%83/);
      assert.match(dropped, /ordinary/);
      assert.ok(dropped.length < 1_000);
      assert.equal(response.headers.get('set-cookie'), null);
      assert.equal((await gateway.entries(id))[0]!.status, 200);
    }
  }
});

test('a stream that the content policy withholds is answered by the fallback for that, as a whole answer is', async () => {
  const { key } = await gateway.key();
  const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures/anthropic', name));
  for (const stream of [true, false]) {
    upstream.next(stream ? sse(fixture('refusal.sse')) : json(200, fixture('refusal.json').toString()));
    upstream.next(completion({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }));
    const response = await gateway.chat(key, { model: 'careful', stream, messages: [{ role: 'user', content: 'x' }] });
    assert.equal(response.status, 200);
    assert.match(await response.text(), /"content":"ok"/);
    assert.equal(response.headers.get('x-tollgate-fallback'), 'voice');
  }
});

test('JSON that nests too deeply or has too many keys or values is refused before it is built, whatever its size', async () => {
  const { key } = await gateway.key({});
  const member = (i: number) => `"k${i}":1`;
  const many = (n: number, what: (i: number) => string) => Array.from({ length: n }, (_, i) => what(i)).join();
  const chat = (rest: string) => `{"model":"voice","messages":[{"role":"user","content":"hi"}],${rest}}`;
  const seen = upstream.requests.length;
  for (const [body, words] of [
    [chat(`"metadata":${'['.repeat(20_000)}${']'.repeat(20_000)}`), /nests deeper than 128 levels/],
    [chat(`"metadata":${'{"a":'.repeat(130)}1${'}'.repeat(130)}`), /nests deeper than 128 levels/],
    ['['.repeat(19 * 1024 * 1024), /nests deeper than 128 levels/],
    [chat(`"metadata":{${many(1_000_000, member)}}`), /more than 500000 values, 50000 keys or 50000 objects and lists/],
    [
      chat(`"metadata":[${many(50_001, () => '[]')}]`),
      /more than 500000 values, 50000 keys or 50000 objects and lists/,
    ],
    [chat(`"metadata":{${many(10_001, member)}}`), /more than 10000 names/],
    [chat(`"metadata":[${'7'.repeat(70_000)}]`), /a number that is too long/],
    [chat(`"metadata":[${many(500_001, String)}]`), /more than 500000 values, 50000 keys or 50000 objects and lists/],
  ] as const) {
    const response = await gateway.chat(key, body);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    assert.deepEqual([response.status, error.code], [400, 'invalid_json']);
    assert.match(error.message, words);
  }
  assert.equal(upstream.requests.length, seen, 'nothing was sent');
});
