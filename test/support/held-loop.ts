/**
 * Requests that would hold a gateway's event loop if it did not bound them or work on them in turns, and how long it was held.
 * The senders are another process than the gateway; what they send is made before.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Gateway, startGateway } from './gateway.js';
import type { Asked } from './loop-neighbour.js';
import { type FakeUpstream, startUpstream } from './upstream.js';
import { type Behaviour, json, sse } from './upstream-steps.js';

export interface Held {
  readonly cpuMs: number;
  readonly clockMs: number;
  /** The slowest of the small requests that were asked beside it. */
  readonly neighbourMs: number;
  readonly statuses: readonly number[];
}

export interface Hold {
  readonly name: string;
  readonly status: number;
  /** Address below the gateway, and what is sent there. */
  readonly path: string;
  readonly body: () => string | Buffer;
  readonly admin?: boolean;
  readonly answer?: () => Behaviour;
  /** So many at once; 1 unless told. */
  readonly times?: number;
}

const MB = 1024 * 1024;
const chat = (content: unknown, model = 'plain', more: object = {}): string =>
  JSON.stringify({ model, messages: [{ role: 'user', content }], max_tokens: 1, ...more });
const many = (n: number, of: (i: number) => string): string => Array.from({ length: n }, (_, i) => of(i)).join();
const withRest = (rest: string): string => `{"model":"plain","messages":[{"role":"user","content":"x"}],${rest}}`;
const text = (of: string, bytes: number): string => of.repeat(Math.floor(bytes / Buffer.byteLength(of)));
const completion = (content: string): Behaviour =>
  json(200, {
    ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
  });
const message = (content: string): Behaviour =>
  json(200, {
    ...{ id: 'm', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn' },
    content: [{ type: 'text', text: content }],
    usage: { input_tokens: 10, output_tokens: 10 },
  });
const vectors = (count: number): Behaviour => {
  const embedding = Array.from({ length: 1536 }, (_, i) => Math.sin(i));
  const data = Array.from({ length: count }, (_, index) => ({ object: 'embedding', index, embedding }));
  return json(200, { object: 'list', data, model: 'm', usage: { prompt_tokens: 5, total_tokens: 5 } });
};
const openai = '/v1/chat/completions';
const call = (args: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: args } }],
});
const toolRequest = (args: string): string =>
  JSON.stringify({
    ...{ model: 'claude', max_tokens: 1 },
    messages: [{ role: 'user', content: 'hi' }, call(args), { role: 'tool', tool_call_id: 'c1', content: 'ok' }],
  });

export const holds: readonly Hold[] = [
  {
    name: 'a million names',
    status: 400,
    path: openai,
    body: () => withRest(`"metadata":{${many(1e6, (i) => `"k${i}":1`)}}`),
  },
  { name: '19 MB of [', status: 400, path: openai, body: () => '['.repeat(19 * MB) },
  {
    name: '49,000 names in five objects',
    status: 200,
    path: openai,
    body: () => withRest(many(5, (o) => `"x${o}":{${many(9800, (i) => `"k${o}${i}":1`)}}`)),
  },
  { name: '490,000 numbers', status: 200, path: openai, body: () => withRest(`"x":[${many(490_000, String)}]`) },
  { name: '49,000 empty lists', status: 200, path: openai, body: () => withRest(`"x":[${many(49_000, () => '[]')}]`) },
  { name: '9 MB of digits', status: 400, path: openai, body: () => withRest(`"x":${'1'.repeat(9 * MB)}`) },
  { name: '19 MB of spaces', status: 200, path: openai, body: () => `${chat('x')}${' '.repeat(18 * MB)}` },
  { name: '19 MB of English', status: 200, path: openai, body: () => chat(text('lorem ipsum ', 19 * MB)) },
  { name: '19 MB of Chinese', status: 200, path: openai, body: () => chat(text('漢字', 19 * MB)) },
  { name: '18 MB with escapes', status: 200, path: openai, body: () => chat(text('lorem ip\n', 16 * MB)) },
  {
    name: 'a picture of 19 MB',
    status: 200,
    path: openai,
    body: () => chat([{ type: 'image_url', image_url: { url: `data:image/png;base64,${text('QUJD', 19 * MB)}` } }]),
  },
  {
    name: '12,000 messages, 14 MB',
    status: 200,
    path: openai,
    body: () =>
      JSON.stringify({
        model: 'plain',
        max_tokens: 1,
        messages: Array.from({ length: 12_000 }, () => ({ role: 'user', content: text('lorem ipsum ', 1200) })),
      }),
  },
  {
    name: '24,000 messages of nothing',
    status: 200,
    path: openai,
    body: () =>
      JSON.stringify({
        model: 'plain',
        max_tokens: 1,
        messages: Array.from({ length: 24_000 }, () => ({ role: 'user', content: '' })),
      }),
  },
  {
    name: 'cached, 9,000 names',
    status: 200,
    path: openai,
    body: () => withRest(`"metadata":{${many(9000, (i) => `"k${i}":1`)}}`).replace('plain', 'cached'),
  },
  {
    name: 'cached, 500 kB of text',
    status: 200,
    path: openai,
    body: () => chat(text('lorem ipsum ', 500_000), 'cached'),
  },
  {
    name: 'cached, an answer of 900 kB',
    status: 200,
    path: openai,
    body: () => chat('How is a long answer kept?', 'cached'),
    answer: () => completion(text('lorem "ipsum" ', 900_000)),
  },
  {
    name: 'for claude, 19 MB of English',
    status: 200,
    path: openai,
    body: () => chat(text('lorem ipsum ', 19 * MB), 'claude'),
    answer: () => message('ok'),
  },
  {
    name: 'for claude, a picture of 19 MB',
    status: 200,
    path: openai,
    body: () =>
      chat([{ type: 'image_url', image_url: { url: `data:image/png;base64,${text('QUJD', 19 * MB)}` } }], 'claude'),
    answer: () => message('ok'),
  },
  {
    name: 'for claude, 24,000 messages',
    status: 200,
    path: openai,
    body: () =>
      JSON.stringify({
        model: 'claude',
        max_tokens: 1,
        messages: Array.from({ length: 24_000 }, (_, i) => ({
          role: i % 2 ? 'assistant' : 'user',
          content: 'x',
        })).concat([{ role: 'user', content: 'x' }]),
      }),
    answer: () => message('ok'),
  },
  {
    name: 'for claude, arguments of 9,000 names',
    status: 200,
    path: openai,
    body: () => toolRequest(`{${many(9000, (i) => `"k${i}":1`)}}`),
    answer: () => message('ok'),
  },
  {
    name: 'for claude, arguments of 8 MB',
    status: 200,
    path: openai,
    body: () => toolRequest(`{"x":"${'y'.repeat(8 * MB)}"}`),
    answer: () => message('ok'),
  },
  {
    name: 'for claude, arguments that are no JSON',
    status: 200,
    path: openai,
    body: () => toolRequest('['.repeat(8 * MB)),
    answer: () => message('ok'),
  },
  {
    name: 'an answer of 20 MB',
    status: 200,
    path: openai,
    body: () => chat('x'),
    answer: () => completion(text('lorem ipsum ', 20 * MB)),
  },
  {
    name: 'an answer of claude of 4 MB',
    status: 200,
    path: openai,
    body: () => chat('x', 'claude'),
    answer: () => message(text('lorem ipsum ', 3.9 * MB)),
  },
  {
    name: 'an event of 4 MB',
    status: 200,
    path: openai,
    body: () => chat('x', 'plain', { stream: true }),
    answer: () =>
      sse(
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: 'a'.repeat(3.9 * MB) }, finish_reason: 'stop' }] })}\n\n`,
        'data: [DONE]\n\n',
      ),
  },
  {
    name: 'vectors of 12 MB',
    status: 200,
    path: '/v1/embeddings',
    body: () => '{"model":"embed","input":"x"}',
    answer: () => vectors(400),
  },
  {
    name: 'vectors of 3 MB, written anew',
    status: 200,
    path: '/v1/embeddings',
    body: () => '{"model":"embed","input":"x","encoding_format":"base64"}',
    answer: () => vectors(100),
  },
  {
    name: '400,000 tokens to embed',
    status: 200,
    path: '/v1/embeddings',
    body: () => `{"model":"embed","input":[${many(400_000, String)}]}`,
    answer: () => vectors(1),
  },
  {
    name: 'a body of 14 MB that a route changes',
    status: 413,
    path: '/changed',
    body: () => JSON.stringify({ list: Array.from({ length: 1e6 }, () => ({ a: 'b' })) }),
  },
  {
    name: 'a body of 14 MB that a route may change',
    status: 200,
    path: '/wide',
    body: () => JSON.stringify({ list: [text('lorem ipsum ', 14 * MB)] }),
  },
  {
    name: 'forty bodies of 900 kB that a route changes',
    status: 200,
    path: '/changed',
    body: () => JSON.stringify({ list: Array.from({ length: 40_000 }, () => ({ secret: 'lorem ipsum' })) }),
    times: 40,
  },
  {
    name: 'an answer of 1 MB that a route changes',
    status: 200,
    path: '/answers',
    body: () => '{}',
    answer: () => json(200, { list: Array.from({ length: 40_000 }, () => ({ secret: 'lorem ipsum' })) }),
  },
  {
    name: 'forty bodies of 14 MB of a route',
    status: 200,
    path: '/through',
    body: () => Buffer.alloc(14 * MB, 'x'),
    times: 40,
  },
  {
    name: '1 MB for the admin API',
    status: 400,
    path: '/admin/v1/keys',
    admin: true,
    body: () => `{${many(60_000, (i) => `"k${i}":1`)}}`,
  },
];

export interface LoopRig {
  readonly gateway: Gateway;
  /** Sends one of them, and answers how long the loop was held meanwhile. */
  measure(hold: Hold): Promise<Held>;
  close(): Promise<void>;
}

export async function startLoopRig(): Promise<LoopRig> {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-loop-'));
  const file = join(dir, 'held.json');
  const upstream = await startUpstream();
  const neighbour = new Worker(new URL('./loop-neighbour.js', import.meta.url));
  const [smallUrl] = (await once(neighbour, 'message')) as [string];
  const gateway = await startGateway({ config: configFor(upstream, smallUrl), env: watching(file) });
  const { key } = await gateway.key();
  // Tokenizers and threads are there before anything is measured.
  for (const model of ['plain', 'claude', 'cached']) {
    upstream.next(model === 'claude' ? message('ok') : completion('ok'));
    await (await gateway.chat(key, chat('hello '.repeat(20_000), model))).arrayBuffer();
  }
  const asked: Asked = {
    url: gateway.url + openai,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: chat('hi', 'small'),
  };
  const ask = async ({ path, admin }: Hold, bytes: string | Buffer): Promise<number> => {
    const response = await fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${admin ? gateway.adminKey : key}` },
      body: bytes,
    });
    for await (const _ of response.body ?? []);
    return response.status;
  };
  return {
    gateway,
    async measure(hold) {
      const bytes = hold.body();
      upstream.always(hold.answer?.() ?? completion('ok'));
      await sleep(300);
      process.kill(gateway.pid, 'SIGUSR2');
      await sleep(50);
      neighbour.postMessage(asked satisfies Asked);
      const statuses = await Promise.all(Array.from({ length: hold.times ?? 1 }, () => ask(hold, bytes)));
      neighbour.postMessage('end');
      const [neighbourMs] = (await once(neighbour, 'message')) as [number];
      await sleep(50);
      const held = JSON.parse(readFileSync(file, 'utf8')) as Pick<Held, 'cpuMs' | 'clockMs'>;
      return { ...held, neighbourMs, statuses };
    },
    async close() {
      await gateway.close();
      await upstream.stop();
      await neighbour.terminate();
      rmSync(dir, { recursive: true });
    },
  };
}

/** What makes a gateway write how long its loop is held. */
export function watching(file: string): Record<string, string> {
  writeFileSync(file, '{"cpuMs":0,"clockMs":0}');
  const watch = pathToFileURL(join(import.meta.dirname, 'loop-watch.js')).href;
  return { LOOP_WATCH: file, NODE_OPTIONS: `--import=${watch}` };
}

function configFor({ url }: FakeUpstream, smallUrl: string) {
  const price = { input: 1, output: 1 };
  const compatible = { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'k' };
  const routed = { auth: { none: {} }, upstream: { targets: [{ url }] } };
  return {
    providers: {
      up: compatible,
      small: { ...compatible, base_url: `${smallUrl}/v1` },
      claude: { type: 'anthropic', base_url: url, api_key: 'k' },
      responses: { ...compatible, speaks: ['openai-responses'] },
      gemini: { type: 'gemini', base_url: url, api_key: 'k' },
      nova: { type: 'bedrock', region: 'eu-central-1', base_url: url, api_key: 'k' },
    },
    models: {
      small: { targets: [{ provider: 'small', model: 'small' }], price },
      plain: { targets: [{ provider: 'up', model: 'plain' }], price, affinity: 'prompt' },
      cached: { targets: [{ provider: 'up', model: 'cached' }], price, cache: { exact: true, ttl: '1h' } },
      embed: { targets: [{ provider: 'up', model: 'embed' }], price },
      claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], price, drop_params: true },
      responses: { targets: [{ provider: 'responses', model: 'plain' }], price },
      gemini: { targets: [{ provider: 'gemini', model: 'gemini-2.5-pro' }], price },
      nova: { targets: [{ provider: 'nova', model: 'amazon.nova-pro-v1:0' }], price },
    },
    routes: [
      { name: 'changed', match: { path: '/changed' }, ...routed, request: { body: { remove: ['list.secret'] } } },
      {
        name: 'wide',
        match: { path: '/wide' },
        ...routed,
        json: { largest: '16mb' },
        request: { body: { remove: ['a'] } },
      },
      {
        name: 'answers',
        match: { path: '/answers' },
        ...routed,
        json: { largest: '2mb' },
        response: { body: { remove: ['list.secret'] } },
      },
      { name: 'through', match: { path: '/through' }, ...routed },
    ],
  };
}
