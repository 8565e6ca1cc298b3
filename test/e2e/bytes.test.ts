/**
 * What goes over the wire is held to the byte: what the upstream gets of a request, and what the client gets of the answer.
 * The recorded exchanges are in `test/fixtures/bytes/`; `RECORD_BYTES=1 npm test -- e2e/bytes` records them anew, for a
 * change that means to change them. What differs from run to run (times, ports, ids) is masked.
 *
 * A case without a state of its own is sent twice, with a Content-Length and chunked: the first is read by the gateway's own
 * reader of requests, the second by node's and Fastify, and both must lead to the same bytes.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import type { Behaviour, Received } from '../support/upstream-steps.js';
import { anthropicAnswerCases, anthropicCases } from './bytes/anthropic.js';
import { type BytesCase, OWN, ownName } from './bytes/case.js';
import { chatCases, chatStreamCases } from './bytes/chat.js';
import { embeddingsCases } from './bytes/embeddings.js';
import { failureCases, refusalCases } from './bytes/failures.js';
import { geminiAnswerCases, geminiCases } from './bytes/gemini.js';

const folder = join(packageRoot, 'test/fixtures/bytes');
const recording = process.env['RECORD_BYTES'] === '1';

/** By the name of their file. */
const files: Readonly<Record<string, readonly BytesCase[]>> = {
  chat: chatCases,
  'chat-streams': chatStreamCases,
  embeddings: embeddingsCases,
  anthropic: anthropicCases,
  'anthropic-answers': anthropicAnswerCases,
  gemini: geminiCases,
  'gemini-answers': geminiAnswerCases,
  refusals: refusalCases,
  failures: failureCases,
};

/** A body is an array of its lines, line ends included, so that a difference can be read. */
type Lines = readonly string[];

interface UpstreamRequest {
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Lines;
}

interface ClientAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Lines;
  /** HTTP ended the answer as it should. */
  readonly complete: boolean;
}

interface Exchange {
  readonly upstream: readonly UpstreamRequest[];
  readonly client: ClientAnswer;
}

/** Not a matter of what is held here: they belong to a connection, or to the moment. */
const connectionHeaders = new Set(['connection', 'keep-alive', 'date', 'transfer-encoding']);
/** These change from run to run: only that they are there is held. */
const changing = new Set([
  'host',
  'x-tollgate-overhead-ms',
  'x-tollgate-cache-age',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
]);

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let upstream: FakeUpstream;
let gateway: Gateway;
let secret: string;

/** A provider and a model for each case that has its own. */
function ownConfig(): { providers: Record<string, object>; models: Record<string, object> } {
  const providers: Record<string, object> = {};
  const models: Record<string, object> = {};
  for (const one of Object.values(files).flat()) {
    if (!one.model) continue;
    const name = ownName(one);
    const type = one.provider ?? 'openai-compatible';
    const base_url = type === 'openai-compatible' ? `${upstream.url}/v1` : upstream.url;
    providers[name] = { type, base_url, api_key: `sk-upstream-key-of-${name}` };
    models[name] = {
      targets: [{ provider: name, model: one.upstreamModel ?? 'upstream-m' }],
      price: { input: 1, output: 4 },
      ...one.model,
    };
  }
  return { providers, models };
}

before(async () => {
  upstream = await startUpstream();
  const own = ownConfig();
  const price = { input: 1, output: 4 };
  const claude = (model: string) => ({ targets: [{ provider: 'claude', model }], price });
  gateway = await startGateway({
    config: {
      server: { body_limit: '64kb' },
      providers: {
        fake: {
          type: 'openai-compatible',
          base_url: `${upstream.url}/v1`,
          api_key: 'sk-upstream',
          headers: { 'x-of-the-house': 'yes' },
        },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
        google: { type: 'gemini', base_url: upstream.url, api_key: 'AIza-upstream' },
        ...own.providers,
      },
      models: {
        m: { targets: [{ provider: 'fake', model: 'upstream-m' }], price },
        capped: { targets: [{ provider: 'fake', model: 'upstream-capped' }], price, max_output: 100 },
        'open/*': { targets: [{ provider: 'fake', model: 'hosted/*' }], price },
        embed: { targets: [{ provider: 'fake', model: 'upstream-embed' }], price: { input: 0.02, output: 0 } },
        unpriced: { targets: [{ provider: 'fake', model: 'nobody-knows-this' }] },
        auto: { route: [{ when: { keywords: ['invoice'] }, use: 'capped' }, { use: 'm' }] },
        'claude-sonnet-4-5': claude('claude-sonnet-4-5'),
        'claude-sonnet-4': claude('claude-sonnet-4-20250514'),
        'claude-opus-4-6': claude('claude-opus-4-6'),
        'claude-opus-5': claude('claude-opus-5'),
        'claude-opus-5-5': claude('claude-opus-5-5'),
        'claude-sonnet-5-5': claude('claude-sonnet-5-5'),
        'gemini/*': { targets: [{ provider: 'google', model: '*' }], price },
        'gemini-drops': { targets: [{ provider: 'google', model: 'gemini-2.5-flash' }], price, drop_params: true },
        'claude-drops': { ...claude('claude-sonnet-4-5'), drop_params: true },
        ...own.models,
      },
    },
  });
  ({ key: secret } = await gateway.key());
});

after(async () => {
  agent.destroy();
  await gateway?.close();
  await upstream?.stop();
});

for (const [file, cases] of Object.entries(files)) {
  describe(`the bytes of ${file}`, () => {
    const path = join(folder, `${file}.json`);
    const known = (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}) as Record<string, Exchange[]>;
    const now: Record<string, Exchange[]> = {};

    for (const one of cases) {
      it(one.name, async () => {
        const exchanges = await exchange(one, false);
        now[one.name] = exchanges;
        if (!recording) assert.deepEqual(exchanges, known[one.name]);
        if (!one.model && !one.key) assert.deepEqual(await exchange(one, true), exchanges, 'sent chunked');
      });
    }

    it('no recorded exchange is left over', () => {
      if (recording) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(path, `${JSON.stringify(now, null, 2)}\n`);
        return;
      }
      assert.deepEqual(
        Object.keys(known),
        cases.map(({ name }) => name),
      );
    });
  });
}

async function exchange(one: BytesCase, chunked: boolean): Promise<Exchange[]> {
  const key = one.key ? (await gateway.key(one.key)).key : secret;
  const answers = [...(one.answers ?? [])];
  upstream.always((received) => stepsOf(answers.shift() ?? faithful, received));
  const exchanges: Exchange[] = [];
  for (const body of one.sends) {
    const from = upstream.requests.length;
    const written = typeof body === 'string' ? body : JSON.stringify(body);
    const client = await send(
      one,
      key,
      written.replace(OWN, () => ownName(one)),
      chunked,
    );
    exchanges.push({ upstream: upstream.requests.slice(from).map(shown), client });
  }
  return exchanges;
}

const stepsOf = (behaviour: Behaviour, received: Received) =>
  typeof behaviour === 'function' ? behaviour(received) : behaviour;

function send(one: BytesCase, key: string, body: string, chunked: boolean): Promise<ClientAnswer> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'x-request-id': 'bytes-1',
    ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(Buffer.byteLength(body)) }),
    ...one.headers,
  };
  if (headers['authorization'] === '') delete headers['authorization'];
  return new Promise((resolve, reject) => {
    const asked = request(`${gateway.url}${one.path ?? '/v1/chat/completions'}`, { method: 'POST', agent, headers });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', () => {}); // an answer that is cut: `complete` tells
      answer.on('close', () =>
        resolve({
          status: answer.statusCode!,
          headers: headersOf(answer.headers, one.changing),
          body: linesOf(Buffer.concat(pieces)),
          complete: answer.complete,
        }),
      );
    });
    asked.end(body);
  });
}

const shown = (received: Received): UpstreamRequest => ({
  request: `${received.method} ${received.path}`,
  headers: headersOf(received.headers),
  body: linesOf(received.body),
});

function headersOf(headers: IncomingHttpHeaders, more: readonly string[] = []): Record<string, string> {
  const names = Object.keys(headers)
    .filter((name) => !connectionHeaders.has(name))
    .sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      changing.has(name) || more.includes(name) ? '<changes>' : masked(String(headers[name])),
    ]),
  );
}

function linesOf(bytes: Buffer): Lines {
  const text = bytes.toString('utf8');
  assert.deepEqual(Buffer.from(text), bytes, 'a body is not UTF-8');
  return masked(text).match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/** Masks times, the version, and the ids that the gateway made. */
function masked(text: string): string {
  return text
    .replaceAll(/"created":(\d{10})\b/g, (all, seconds) =>
      Math.abs(Number(seconds) - Date.now() / 1000) < 3600 ? '"created":<now>' : all,
    )
    .replaceAll(/\btollgate\/[\d.]+/g, 'tollgate/<version>')
    .replaceAll(/\bagain in [\d.]+s/g, 'again in <seconds>')
    .replaceAll(/\b20\d\d-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b(key_|cch_|chatcmpl-)[0-9a-hjkmnp-tv-z]{26}\b/g, '$1<id>');
}
