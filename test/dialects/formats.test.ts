/** What holds for every wire format that clients call: one test for each promise and row, natively and crossed. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import { html, type Received } from '../support/upstream-steps.js';
import { type EmbeddingsRow, embeddingsRows } from './embeddings-rows.js';
import { type Asked, type FormatRow, formatRows, halfAnswer, untoldAnswer } from './rows.js';

const price = { input: 1, output: 4 };
/** A model for each type of provider: a row's own, and those of the others. */
const kinds = [...new Set(formatRows.map(({ provider }) => provider))];

let upstream: FakeUpstream;
let gateway: Gateway;
let secret: string;
let run = 0;

before(async () => {
  upstream = await startUpstream();
  const target = (kind: string, model: string) => ({ targets: [{ provider: kind, model }], price });
  const models: Record<string, object> = { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price } };
  for (const kind of kinds) {
    models[kind] = target(kind, 'claude-sonnet-4-5');
    models[`cached-${kind}`] = { ...target(kind, 'claude-sonnet-4-5'), cache: { exact: true, ttl: '1h' } };
    models[`fallback-${kind}`] = { ...target(kind, 'failing'), fallbacks: ['sandbox'] };
  }
  const embeds = (provider: string, name: string) => ({ targets: [{ provider, model: name }], price });
  models['embeds'] = embeds('openai-compatible', 'text-embedding-3-small');
  models['embeds-google'] = embeds('gemini', 'gemini-embedding-001');
  models['cached-embeds'] = {
    ...embeds('openai-compatible', 'text-embedding-3-small'),
    cache: { exact: true, ttl: '1h' },
  };
  models['failing-embeds'] = { ...embeds('openai-compatible', 'failing'), fallbacks: ['embeds'] };
  models['routed-embeds'] = { route: [{ use: 'embeds' }] };
  models['routed'] = { route: [{ when: { keywords: ['invoice'] }, use: kinds[0] }, { use: 'sandbox' }] };
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 2, base: '1ms', max: '2ms' }, breaker: { min_requests: 100_000 } },
      providers: {
        'openai-compatible': { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        anthropic: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'g-upstream' },
        sandbox: { type: 'sandbox' },
      },
      models,
    },
  });
  ({ key: secret } = await gateway.key());
});

afterEach(() => upstream?.always());

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

function ask(row: FormatRow, more: Partial<Asked>, key = secret, headers: Record<string, string> = {}) {
  const asked = { model: row.provider, words: 'good day', maxTokens: 50, ...more };
  return fetch(`${gateway.url}${row.pathFor?.(asked) ?? row.path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(row.body(asked)),
  });
}

/** Rows of other formats, each format once. */
const othersOf = (row: FormatRow): readonly FormatRow[] =>
  formatRows.filter(({ name, sameAs }) => sameAs === undefined && name !== (row.sameAs ?? row.name));

const failing = (request: Received) => (request.json()['model'] === 'failing' ? html(503) : faithful(request));

for (const row of formatRows) {
  describe(row.name, () => {
    for (const model of [...kinds, 'sandbox']) {
      const words = model === 'sandbox' ? /good day/ : /^You said: good day$/;

      it(`to ${model}: an answer, and its entry`, async () => {
        const response = await ask(row, { model });
        assert.equal(response.status, 200, await response.clone().text());
        const answer: unknown = await response.json();
        assert.match(row.words(answer), words);
        const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
        const [input, output] = row.usage(answer);
        assert.deepEqual([entry!.tokens['input'], entry!.tokens['output']], [input, output]);
        assert.equal(entry!.cost_nusd['total'], input * 1000 + output * 4000);
        assert.equal(entry!.usage_source, 'provider');
        assert.equal(response.headers.get('x-tollgate-cost-usd'), entry!.cost_usd);
      });

      it(`to ${model}: a stream, and its entry with the same usage`, async () => {
        const response = await ask(row, { model, stream: true });
        assert.match(response.headers.get('content-type')!, /event-stream/);
        const text = await response.text();
        assert.match(row.streamed(text), words);
        assert.ok(row.ended(text), text.slice(-300));
        const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
        assert.equal(entry!.stream, true);
        assert.equal(entry!.usage_source, 'provider');
        const [whole] = await gateway.entries((await ask(row, { model })).headers.get('x-request-id')!);
        assert.deepEqual(entry!.tokens, whole!.tokens);
      });
    }

    it('what cannot be read, a stranger, and a model that is not there, in its own words', async () => {
      const statuses: [Promise<Response>, number, RegExp][] = [
        [ask(row, {}, 'sk-nobody'), 401, /invalid_request_error|authentication_error/],
        [ask(row, { model: 'nobody' }), 404, /invalid_request_error|not_found_error/],
        [
          fetch(`${gateway.url}${row.path}`, {
            method: 'POST',
            headers: { authorization: `Bearer ${secret}` },
            body: '{',
          }),
          400,
          /invalid_request_error/,
        ],
      ];
      for (const [asked, status, type] of statuses) {
        const response = await asked;
        assert.equal(response.status, status);
        assert.match(row.error(await response.json()).type, type);
      }
    });

    it('an upstream that fails, whole and in the stream, in its own words', async () => {
      upstream.always(html(500));
      const whole = await ask(row, {});
      assert.ok(whole.status >= 500);
      assert.match(row.error(await whole.json()).message, /status 500|page/);
      upstream.always(halfAnswer);
      for (const model of kinds) {
        const response = await ask(row, { model, stream: true });
        const text = await textAsFarAsItComes(response);
        assert.equal(row.streamed(text), 'Half a');
        assert.ok(row.brokeOff(text), text);
        const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
        assert.ok(entry!.tokens['output']! > 0, 'what was received is billed');
      }
    });

    it('limits: of requests, of money, and a budget that affords less than was asked for', async () => {
      const limited = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'minute' }] });
      assert.equal((await ask(row, { model: 'sandbox' }, limited.key)).status, 200);
      const over = await ask(row, { model: 'sandbox' }, limited.key);
      assert.equal(over.status, 429);
      assert.match(row.error(await over.json()).type, /rate_limit_error/);
      assert.ok(Number(over.headers.get('retry-after')) > 0);
      const poor = await gateway.key({ limits: [{ unit: 'usd', max: '0.0003', per: 'month' }] });
      const clamped = await ask(row, { model: 'sandbox', maxTokens: 5000 }, poor.key);
      assert.equal(clamped.status, 200);
      assert.ok(Number(clamped.headers.get('x-tollgate-max-tokens-clamped')) < 100);
      const broke = await gateway.key({ limits: [{ unit: 'usd', max: '0.000001', per: 'month' }] });
      const refused = await ask(row, { model: 'sandbox' }, broke.key);
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('x-should-retry'), 'false');
      assert.match(row.error(await refused.json()).type, /insufficient_quota|billing_error/);
    });

    it('the maximum that is sent is no more than what is held', async () => {
      const poor = await gateway.key({ limits: [{ unit: 'usd', max: '0.0005', per: 'month' }] });
      for (const model of kinds) {
        const arrival = upstream.arrival();
        const response = await ask(row, { model, maxTokens: 5000 }, poor.key);
        const sent = (await arrival).json();
        const told = Number(response.headers.get('x-tollgate-max-tokens-clamped'));
        assert.ok(told > 0 && told < 200);
        assert.equal(sent['max_tokens'], told);
        await response.arrayBuffer();
      }
    });

    it('the exact cache: a hit for the same request, whole and streamed, in the format’s own entries', async () => {
      for (const kind of kinds) {
        const model = `cached-${kind}`;
        const words = `cache ${row.name} ${++run}`;
        const first = await ask(row, { model, words });
        assert.equal(first.headers.get('x-tollgate-cache'), 'miss');
        const answer: unknown = await first.json();
        const again = await ask(row, { model, words });
        assert.equal(again.headers.get('x-tollgate-cache'), 'hit');
        assert.equal(row.words(await again.json()), row.words(answer));
        const streamed = await ask(row, { model, words, stream: true });
        assert.equal(streamed.headers.get('x-tollgate-cache'), 'hit');
        const text = await streamed.text();
        assert.equal(row.streamed(text), row.words(answer));
        assert.ok(row.ended(text));
        for (const other of othersOf(row))
          assert.equal((await ask(other, { model, words })).headers.get('x-tollgate-cache'), 'miss');
      }
    });

    it('the exact cache: a stream that was told is a hit for a whole answer', async () => {
      for (const kind of kinds) {
        const asked = { model: `cached-${kind}`, words: `stream first ${++run}` };
        const text = await (await ask(row, { ...asked, stream: true })).text();
        const whole = await ask(row, asked);
        assert.equal(whole.headers.get('x-tollgate-cache'), 'hit', kind);
        assert.equal(row.words(await whole.json()), row.streamed(text));
      }
    });

    it('routing: by what is asked, and to a fallback where a target fails', async () => {
      const arrival = upstream.arrival();
      assert.equal(
        (await ask(row, { model: 'routed', words: 'an invoice' })).headers.get('x-tollgate-model'),
        kinds[0],
      );
      await arrival;
      assert.equal((await ask(row, { model: 'routed' })).headers.get('x-tollgate-model'), 'sandbox');
      upstream.always(failing);
      for (const kind of kinds) {
        const response = await ask(row, { model: `fallback-${kind}` });
        assert.equal(response.headers.get('x-tollgate-fallback'), 'sandbox');
        assert.match(row.words(await response.json()), /good day/);
      }
    });

    it('explain tells what would become of it, by its path', async () => {
      const told = await gateway.admin<{ would: string; plan: { input_tokens: number }[] }>('POST', '/explain', {
        key: secret,
        endpoint: row.path,
        request: row.body({ model: kinds[0]!, words: 'good day', maxTokens: 9 }),
      });
      assert.equal(told.would, 'send');
      assert.ok(told.plan[0]!.input_tokens > 0);
    });

    it('an upstream that answers a stream request whole is told as a stream', async () => {
      upstream.always((request) => {
        const { stream: _, ...whole } = request.json();
        return row.answer({ ...request, headers: request.headers, json: () => whole });
      });
      const response = await ask(row, { stream: true });
      const text = await response.text();
      assert.equal(row.streamed(text), 'You said: good day');
      assert.ok(row.ended(text));
    });

    it('usage that nobody told is counted, and never nothing', async () => {
      upstream.always(untoldAnswer);
      for (const model of kinds) {
        const response = await ask(row, { model });
        assert.equal(response.status, 200);
        const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
        assert.ok(entry!.tokens['output']! >= 4 && entry!.tokens['input']! > 0);
        assert.notEqual(entry!.usage_source, 'provider');
      }
    });
  });
}

function embed(row: EmbeddingsRow, model: string, texts: readonly string[], key = secret) {
  return fetch(`${gateway.url}${row.path(model)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(row.body(model, texts)),
  });
}

for (const row of embeddingsRows)
  describe(`embeddings: ${row.name}`, () => {
    const [texts] = row.texts;

    for (const model of ['embeds', 'embeds-google', 'routed-embeds', 'failing-embeds'])
      it(`to ${model}: vectors, their entry, and another target where one fails`, async () => {
        upstream.always(failing);
        const response = await embed(row, model, texts);
        assert.equal(response.status, 200, await response.clone().text());
        assert.equal(row.vectors(await response.json()), texts.length);
        const entries = await gateway.entries(response.headers.get('x-request-id')!);
        const entry = entries.find(({ status }) => status === 200)!;
        assert.ok(entry.tokens['input']! > 0);
        assert.equal(entry.tokens['output'], 0);
        assert.equal(entry.cost_nusd['total'], entry.tokens['input']! * 1000);
        assert.equal(response.headers.get('x-tollgate-fallback'), model === 'failing-embeds' ? 'embeds' : null);
      });

    it('errors, in its own words', async () => {
      for (const [asked, status] of [
        [embed(row, 'embeds', texts, 'sk-nobody'), 401],
        [embed(row, 'nobody', texts), 404],
      ] as const) {
        const response = await asked;
        assert.equal(response.status, status);
        assert.notEqual(row.error(await response.json()), '');
      }
      upstream.always(html(500));
      const failed = await embed(row, 'embeds', texts);
      assert.ok(failed.status >= 500);
      assert.notEqual(row.error(await failed.json()), '');
    });

    it('limits: of requests and of money', async () => {
      const limited = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'minute' }] });
      assert.equal((await embed(row, 'embeds', texts, limited.key)).status, 200);
      const over = await embed(row, 'embeds', texts, limited.key);
      assert.equal(over.status, 429);
      assert.ok(Number(over.headers.get('retry-after')) > 0);
      const broke = await gateway.key({ limits: [{ unit: 'usd', max: '0.000000001', per: 'month' }] });
      assert.equal((await embed(row, 'embeds', texts, broke.key)).headers.get('x-should-retry'), 'false');
    });

    it('the exact cache: vectors of the same texts come from it, in the format’s own entries', async () => {
      const cached = texts.map((text) => `${text} ${row.name} ${++run}`);
      const first = await embed(row, 'cached-embeds', cached);
      assert.equal(first.headers.get('x-tollgate-cache'), 'miss');
      const again = await embed(row, 'cached-embeds', cached);
      assert.equal(again.headers.get('x-tollgate-cache'), 'hit');
      assert.equal(await again.text(), await first.text());
      for (const other of embeddingsRows.filter(({ format, again }) => format !== row.format && !again))
        assert.equal((await embed(other, 'cached-embeds', cached)).headers.get('x-tollgate-cache'), 'miss');
    });

    it('explain tells what would become of it, by its path', async () => {
      const told = await gateway.admin<{ would: string; plan: { input_tokens: number }[] }>('POST', '/explain', {
        key: secret,
        endpoint: row.address,
        request: { model: 'embeds', ...row.body('embeds', texts) },
      });
      assert.equal(told.would, 'send');
      assert.ok(told.plan[0]!.input_tokens > 0);
    });
  });
