/**
 * What dialects cost: the processor time of the gateway for a request of each format to a target that speaks it, beside chat
 * completions; for a chunk of a long stream that is translated; and what a translated stream adds to the first byte. Sides take
 * turns, so that what else the machine does falls on all of them. The upstream answers at once, from this process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { answerAs, type Saying } from '../test/dialects/sayings.js';
import type { Out } from '../test/dialects/scene.js';
import { startGateway } from '../test/support/gateway.js';

const ROUNDS = 12;
const PER_ROUND = 600;
const AT_ONCE = 16;
const CHUNKS = 2_000;
const STREAMS = 6;
const FIRST_BYTES = 400;
const WARM_UP = 1_000;
const prompt = 'Tell me in one short sentence what a gateway does. '.repeat(5).trim();
const short: Saying = {
  name: 'short',
  text: 'Hello there',
  told: { chat: '', messages: '', responses: '', content: '', completions: '' },
};
const long: Saying = { ...short, text: ' worded'.repeat(CHUNKS) };

interface Side {
  readonly name: string;
  readonly path: string;
  readonly body: string;
}

const messages = [{ role: 'user', content: prompt }];
const contents = [{ role: 'user', parts: [{ text: prompt }] }];
const chat = (model: string, stream = false): Side =>
  side(`chat -> ${model}`, '/v1/chat/completions', { model, messages, ...(stream && { stream }) });
const claude = (model: string, stream = false): Side =>
  side(`messages -> ${model}`, '/v1/messages', { model, max_tokens: 100, messages, ...(stream && { stream }) });
const response = (model: string, stream = false): Side =>
  side(`responses -> ${model}`, '/v1/responses', { model, input: prompt, store: false, ...(stream && { stream }) });
const content = (model: string, stream = false): Side =>
  side(
    `content -> ${model}`,
    `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    { contents },
  );
const side = (name: string, path: string, body: object): Side => ({ name, path, body: JSON.stringify(body) });

export async function run(): Promise<void> {
  const upstream = await startUpstream();
  const at = { base_url: `${upstream.url}/v1`, api_key: 'none-at-all' };
  const model = (provider: string, name: string) => ({
    targets: [{ provider, model: name }],
    price: { input: 1, output: 2 },
  });
  const gateway = await startGateway({
    config: {
      providers: {
        chat: { type: 'openai-compatible', ...at },
        responses: { type: 'openai-compatible', ...at, speaks: ['openai-responses'] },
        messages: { type: 'anthropic', base_url: upstream.url, api_key: 'none-at-all' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'none-at-all' },
      },
      models: {
        chat: model('chat', 'gpt-4o-mini'),
        responses: model('responses', 'gpt-4o-mini'),
        messages: model('messages', 'claude-sonnet-4-5'),
        gemini: model('gemini', 'gemini-2.5-pro'),
      },
    },
  });
  const { key } = await gateway.key();
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const ask = (url: string, one: Side) => send(url, one, key, agent);
  try {
    console.log('a whole answer, native: processor time of a request');
    const natives = [chat('chat'), claude('messages'), response('responses'), content('gemini')];
    const costs = await inTurns(natives, ROUNDS, gateway.pid, async (one) => {
      for (let i = 0; i < PER_ROUND; i += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => ask(gateway.url, one)));
      }
    });
    const requests = Math.ceil(PER_ROUND / AT_ONCE) * AT_ONCE;
    print(costs, requests, 'request');
    console.log(`a stream of ${CHUNKS} chunks: processor time of a chunk`);
    const streams = [chat('chat', true), claude('chat', true), response('chat', true), content('chat', true)];
    const back = [chat('messages', true), chat('responses', true), response('messages', true), chat('gemini', true)];
    print(
      await inTurns([...streams, ...back], STREAMS, gateway.pid, (one) => ask(gateway.url, longer(one))),
      CHUNKS,
      'chunk',
    );
    console.log(
      'the first byte of a stream, one request at a time: what the gateway adds, at the median (a tenth is below)',
    );
    await firstBytes(
      [
        [chat('chat', true), chat('chat', true)],
        [claude('messages', true), claude('messages', true)],
        [claude('chat', true), chat('chat', true)],
        [response('messages', true), claude('messages', true)],
      ],
      (one) => ask(gateway.url, one),
      (one) => ask(upstream.url, one),
    );
  } finally {
    agent.destroy();
    await gateway.close();
    upstream.stop();
  }
}

type Ask = (one: Side) => Promise<{ firstByteMs: number }>;

/**
 * Each side beside what it asks the upstream itself, which the client asks without the gateway. The code of all of them runs warm, as
 * it does in a gateway that serves; all take turns.
 */
async function firstBytes(pairs: readonly (readonly [Side, Side])[], ask: Ask, askDirect: Ask): Promise<void> {
  for (let i = 0; i < WARM_UP; i += AT_ONCE)
    for (const [one] of pairs) await Promise.all(Array.from({ length: AT_ONCE }, () => ask(one)));
  const took = pairs.map(([one, direct]) => ({ one, direct, through: [] as number[], plain: [] as number[] }));
  for (let i = 0; i < FIRST_BYTES; i++) {
    for (const { one, direct, through, plain } of took) {
      plain.push((await askDirect(direct)).firstByteMs);
      through.push((await ask(one)).firstByteMs);
    }
  }
  for (const { one, through, plain } of took) {
    const added = (part: number): string => (quantile(through, part) - quantile(plain, part)).toFixed(3);
    console.log(`${one.name.padEnd(24)} ${added(0.5)} ms (${added(0.1)})`);
  }
}

const longer = (one: Side): Side => ({ ...one, body: one.body.replace(prompt, `${prompt} long`) });

function print(costs: ReadonlyMap<Side, number[]>, each: number, what: string): void {
  // The least of the rounds: what else runs only adds to it.
  const first = Math.min(...[...costs.values()][0]!);
  for (const [{ name }, rounds] of costs) {
    const us = Math.min(...rounds) / each;
    console.log(
      `${name.padEnd(24)} ${us.toFixed(1).padStart(7)} us a ${what}, ${((us * each) / first).toFixed(2)} of the first`,
    );
  }
}

/** Microseconds of the process in each round of each side; a round before that warms up. */
async function inTurns(
  sides: readonly Side[],
  rounds: number,
  pid: number,
  once: (one: Side) => Promise<unknown>,
): Promise<ReadonlyMap<Side, number[]>> {
  const costs = new Map<Side, number[]>(sides.map((one) => [one, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const one of sides) {
      const before = processorUs(pid);
      await once(one);
      if (round > 0) costs.get(one)!.push(processorUs(pid) - before);
    }
  }
  return costs;
}

/** Of all threads of a process. */
const processorUs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000,
    0,
  );

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)]!;

function send(url: string, { path, body }: Side, key: string, agent: Agent): Promise<{ firstByteMs: number }> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let firstByteMs = 0;
    const headers = { 'content-type': 'application/json', 'x-api-key': key, 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}${path}`, { method: 'POST', agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path} answered ${answer.statusCode}`));
      answer.on('data', () => {
        firstByteMs ||= performance.now() - sentAt;
      });
      answer.on('end', () => resolve({ firstByteMs }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The bytes that a target of each format answers, made once. */
async function startUpstream(): Promise<{ url: string; stop(): void }> {
  const made = new Map<string, Promise<Buffer>>();
  const server = createServer((incoming, answer) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', async () => {
      const body = Buffer.concat(parts).toString('utf8');
      const path = incoming.url!;
      const out: Out = path.includes('/chat/')
        ? 'chat'
        : path.includes('/messages')
          ? 'messages'
          : path.includes('/responses')
            ? 'responses'
            : 'gemini';
      const stream = body.includes('"stream":true') || path.includes(':stream');
      const saying = body.includes(`${prompt} long`) ? long : short;
      const name = `${out} ${stream} ${saying === long}`;
      if (!made.has(name)) made.set(name, bytesOf(out, saying, stream));
      answer.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
      answer.end(await made.get(name));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Whole answers with all the fields that the vendors write, and written as they write them: what is read has its share of the cost. */
const whole: Partial<Record<Out, unknown>> = {
  chat: {
    ...{
      id: 'chatcmpl-DeMo0123456789abcdefghijk',
      object: 'chat.completion',
      created: 1764000000,
      model: 'gpt-4o-mini',
    },
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello there', refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      ...{ prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        ...{ reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
      },
    },
    service_tier: 'default',
    system_fingerprint: 'fp_0123456789',
  },
  messages: {
    ...{ model: 'claude-sonnet-4-5-20250929', id: 'msg_01DeMo0123456789abcdefgh', type: 'message', role: 'assistant' },
    content: [{ type: 'text', text: 'Hello there' }],
    ...{ stop_reason: 'end_turn', stop_sequence: null },
    usage: {
      ...{ input_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      ...{ output_tokens: 20, service_tier: 'standard' },
    },
  },
  gemini: {
    candidates: [{ content: { parts: [{ text: 'Hello there' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
    usageMetadata: {
      ...{ promptTokenCount: 100, candidatesTokenCount: 20, totalTokenCount: 120 },
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 100 }],
    },
    ...{ modelVersion: 'gemini-2.5-pro', responseId: 'DeMo0123456789abcdefgh' },
  },
};

async function bytesOf(out: Out, saying: Saying, stream: boolean): Promise<Buffer> {
  const written = whole[out];
  if (written && !stream) return Buffer.from(JSON.stringify(written, null, out === 'gemini' ? 2 : 0));
  const parts: Buffer[] = [];
  const response = {
    writeHead: () => response,
    write: (part: string | Buffer) => parts.push(Buffer.from(part)),
    end: (part?: string | Buffer) => part && parts.push(Buffer.from(part)),
    flushHeaders: () => {},
  };
  for (const step of answerAs(out, saying, stream))
    await step({ response, left: new AbortController().signal } as never);
  return Buffer.concat(parts);
}
