/**
 * An upstream that says in its error what must not be known: the provider's credential, its host, the values of the headers
 * that are configured for it. None of it reaches the caller, the log, the ledger or the metrics, in whichever way it is said.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { anthropicError, type Behaviour, html, json, openaiError, sse } from '../support/upstream-steps.js';

// None of them looks like a secret: only who knows them can take them out.
const CREDENTIAL = 'plain+credential/of~the=house';
const OTHER_CREDENTIAL = 'another.credential.of.the.house';
const HEADER = 'tenant 4711 of the house';
const price = { input: 1, output: 4 };
const messages = [{ role: 'user', content: 'Say hello.' }];

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let secrets: readonly string[];

before(async () => {
  upstream = await startUpstream();
  const provider = (type: string, base_url: string, more: object) => ({
    type,
    base_url,
    headers: { 'x-tenant': HEADER },
    ...more,
  });
  const once = { price, retry: { max_attempts: 1 }, breaker: { min_requests: 100_000 } };
  gateway = await startGateway({
    config: {
      providers: {
        chats: provider('openai-compatible', `${upstream.url}/v1`, { api_keys: [CREDENTIAL, OTHER_CREDENTIAL] }),
        claude: provider('anthropic', upstream.url, { api_keys: [OTHER_CREDENTIAL, CREDENTIAL] }),
      },
      models: {
        m: { targets: [{ provider: 'chats', model: 'm' }], ...once },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], ...once },
      },
    },
  });
  ({ key } = await gateway.key());
  secrets = [CREDENTIAL, OTHER_CREDENTIAL, HEADER, new URL(upstream.url).host];
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const said = (): string => `MARK ${secrets.join(' , ')} MARK`;
const told = () => ({ message: said(), type: said(), code: said() });

/** Where an upstream can say it. */
const ways: readonly (readonly [string, string, () => Behaviour])[] = [
  ['as an error of the request', 'm', () => openaiError(400, told())],
  ['as an error of the server', 'm', () => openaiError(500, told())],
  ['as an error without a shape', 'm', () => json(400, { detail: said() })],
  ['on a page', 'm', () => html(500, `<html>${said()}</html>`)],
  ['as an error under status 200', 'm', () => json(200, { error: told() })],
  ['inside a stream', 'm', () => sse(contentChunk('Half'), event({ error: told() }))],
  ['at the beginning of a stream', 'm', () => sse(event({ error: told() }))],
  ['in the messages dialect', 'claude', () => anthropicError(400, said(), said())],
  [
    'inside a stream of the messages dialect',
    'claude',
    () => sse(`event: error\ndata: ${JSON.stringify({ type: 'error', error: told() })}\n\n`),
  ],
];

describe('what an upstream says of secrets', () => {
  for (const [way, model, behaviour] of ways) {
    it(`${way} reaches nobody`, async () => {
      upstream.next(behaviour());
      const stream = way.includes('stream');
      const response = await gateway.chat(key, { model, messages, stream });
      const requestId = response.headers.get('x-request-id')!;
      let text = JSON.stringify([...response.headers]);
      try {
        for await (const piece of response.body!) text += Buffer.from(piece).toString();
      } catch {
        // A stream that failed is cut.
      }
      const entries = await gateway.entries(requestId);
      assertClean(text, 'the caller');
      assertClean(JSON.stringify(entries), 'the ledger');
    });
  }

  it('is in neither metrics, nor log, nor what an admin is shown of targets', async () => {
    const headers = { authorization: `Bearer ${gateway.adminKey}` };
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
    assert.match(metrics, /tollgate_/);
    assertClean(metrics, 'the metrics');
    assertClean(JSON.stringify(await gateway.admin('GET', '/models')), 'the models');
    // The log is written by now, for the process has ended.
    assert.equal(await gateway.stop(), 0);
    assert.match(gateway.output, /"status":400/);
    assertClean(gateway.output, 'the log');
  });
});

/** JSON may escape what is in it; none of the secrets has a character that it would. */
function assertClean(text: string, where: string): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), `${where} has ${secret}: ${text}`);
}
