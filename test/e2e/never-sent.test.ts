/** What was never sent costs nothing, and a fee for the request is charged for what was answered only. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type EntryLine, type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { level } from '../support/limits-http.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, openaiError, sse, stall } from '../support/upstream-steps.js';

/** Nano-dollars. */
const FEE = 10_000_000;
const word = (content: string) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

describe('an attempt', () => {
  /** Takes connections, and never says a word of TLS. */
  let mute: Server;
  const connected: (() => void)[] = [];
  let upstream: FakeUpstream;
  let gateway: Gateway;
  let key: NewKey;

  before(async () => {
    mute = createServer((socket) => {
      socket.on('error', () => {});
      for (const tell of connected.splice(0)) tell();
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    upstream = await startUpstream();
    const price = { input: 1, output: 10, request: 0.01 };
    const of = (provider: string, timeout: object) => ({
      ...{ targets: [{ provider, model: 'm' }], price, retry: { max_attempts: 1 }, timeout },
    });
    gateway = await startGateway({
      config: {
        providers: {
          mute: {
            type: 'openai-compatible',
            base_url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`,
            api_key: 'none',
          },
          up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' },
        },
        models: {
          slow: of('mute', { connect: '300ms' }),
          patient: of('mute', { connect: '30s' }),
          impatient: of('mute', { connect: '30s', total: '300ms' }),
          up: of('up', { total: '300ms' }),
          fine: of('up', {}),
        },
      },
    });
    key = await gateway.key({ limits: [{ unit: 'usd', max: 5, per: 'month' }] });
  });
  after(async () => {
    await gateway?.close();
    await upstream?.stop();
    mute?.close();
  });

  const bodyOf = (model: string, stream = false) => ({
    model,
    stream,
    messages: [{ role: 'user', content: 'Say hello.' }],
  });
  async function ask(id: string, model: string, stream = false): Promise<EntryLine> {
    const response = await gateway.chat(key.key, bodyOf(model, stream), { headers: { 'x-request-id': id } });
    await response.text().catch(() => {});
    return (await gateway.entries(id))[0]!;
  }
  const isNothing = (entry: EntryLine) => {
    assert.equal(entry.cost_nusd['total'], 0);
    assert.ok(Object.values(entry.tokens).every((count) => count === 0));
  };

  test('that found no connection in time costs nothing', async () => {
    isNothing(await ask('connect-1', 'slow'));
    isNothing(await ask('connect-2', 'impatient'));
    assert.equal((await level(gateway, `key=${key.id}`)).spent, 0);
  });

  test('whose caller leaves while the gateway connects costs nothing', async () => {
    const connecting = new Promise<void>((resolve) => connected.push(resolve));
    const leaving = new AbortController();
    const asked = gateway.chat(key.key, bodyOf('patient', true), {
      headers: { 'x-request-id': 'left-1' },
      signal: leaving.signal,
    });
    await connecting;
    leaving.abort();
    await assert.rejects(asked);
    const [entry] = await gateway.entries('left-1');
    assert.equal(entry!.status, 499);
    isNothing(entry!);
    assert.equal((await level(gateway, `key=${key.id}`)).spent, 0);
  });

  test('that an upstream refused costs nothing', async () => {
    upstream.next(openaiError(500, { message: 'oops' }));
    isNothing(await ask('refused-1', 'fine'));
  });

  test('that an upstream left unanswered costs its input, and no fee', async () => {
    upstream.next([stall]);
    const entry = await ask('unanswered-1', 'up');
    assert.ok(entry.tokens['input']! > 0);
    assert.equal(entry.cost_nusd['total'], entry.tokens['input']! * 1_000);
    assert.equal(entry.cost_nusd['request'], undefined);
  });

  test('that was answered, or in part, costs its fee', async () => {
    const whole = await ask('whole-1', 'fine');
    assert.equal(whole.cost_nusd['request'], FEE);
    upstream.next(sse(word('Hello'), cut));
    const part = await ask('part-1', 'fine', true);
    assert.equal(part.status, 502);
    assert.equal(part.cost_nusd['request'], FEE);
    assert.ok(part.tokens['output']! > 0);
  });
});
