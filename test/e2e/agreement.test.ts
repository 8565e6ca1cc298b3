/**
 * Whatever requests come to, all that tells of money tells the same, to the nano-dollar: the counters of limits, the ledger's
 * entries, the sums, and reports in every format. Requests that are answered, streamed, cut, refused and left, all at once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { parseCsv } from '../../src/reports/csv.js';
import { nanoFrom } from '../../src/reports/provider-export.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ledgerOf, levelIs, levels, nano } from '../support/limits-http.js';
import { contentChunk, usageChunk } from '../support/openai-answers.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, json, openaiError, pause, type Received, type Step, sse, write } from '../support/upstream-steps.js';

type How = 'whole' | 'streamed' | 'cut' | 'fails' | 'left';
interface Wanted {
  readonly how: How;
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
}

const usage = ({ prompt, cached, completion }: Wanted) => ({
  prompt_tokens: prompt + cached,
  completion_tokens: completion,
  total_tokens: prompt + cached + completion,
  prompt_tokens_details: { cached_tokens: cached },
});

/** Does what the prompt says. */
function obedient(request: Received): readonly Step[] {
  const { messages } = request.json() as { messages: { content: string }[] };
  const wanted = JSON.parse(messages[0]!.content) as Wanted;
  const { how, prompt, completion } = wanted;
  if (how === 'fails') return openaiError(500, { message: 'broken' });
  if (how === 'cut') return sse(contentChunk('one two three'), pause(5), cut);
  if (how === 'left') return sse(contentChunk('one two three'), pause(2_000), contentChunk('four'));
  if (how === 'streamed') return sse(contentChunk('Hi'), usageChunk(prompt, completion), write('data: [DONE]\n\n'));
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
  return json(200, { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage: usage(wanted) });
}

const wanted = fc.record({
  how: fc.constantFrom<How>('whole', 'whole', 'streamed', 'streamed', 'cut', 'fails', 'left'),
  prompt: fc.integer({ min: 1, max: 9_999 }),
  cached: fc.integer({ min: 0, max: 999 }),
  completion: fc.integer({ min: 0, max: 9_999 }),
});

function suite(name: string, open: () => Promise<{ url?: string; close?: () => Promise<void> }>): void {
  describe(`money agrees, counters in ${name}`, () => {
    let upstream: FakeUpstream;
    let gateway: Gateway;
    let redis: Awaited<ReturnType<typeof open>>;

    before(async () => {
      redis = await open();
      upstream = await startUpstream();
      upstream.always(obedient);
      const targets = [{ provider: 'fake', model: 'm' }];
      gateway = await startGateway({
        config: {
          providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
          models: {
            m: {
              targets,
              price: { input: 0.15, cached_input: 0.075, output: 0.6, request: 0.000_001 },
              retry: { max_attempts: 1 },
              breaker: { min_requests: 100_000 },
            },
          },
          ...(redis.url && { redis: { url: redis.url } }),
        },
      });
    });
    after(async () => {
      await gateway?.close();
      await upstream?.stop();
      await redis?.close?.();
    });

    async function send(key: string, request: Wanted): Promise<void> {
      const leave = new AbortController();
      const stream = request.how !== 'whole' && request.how !== 'fails';
      const body = {
        model: 'm',
        stream,
        max_tokens: 20_000,
        messages: [{ role: 'user', content: JSON.stringify(request) }],
      };
      try {
        const response = await gateway.chat(key, body, { signal: leave.signal });
        const reader = response.body!.getReader();
        if (request.how === 'left') await reader.read().then(() => leave.abort());
        while (!(await reader.read()).done);
      } catch {
        // Cut, or left.
      }
    }

    const report = async (query: string): Promise<Buffer> => {
      const response = await fetch(`${gateway.url}/admin/v1/reports/spend?${query}`, {
        headers: { authorization: `Bearer ${gateway.adminKey}` },
      });
      assert.equal(response.status, 200);
      return Buffer.from(await response.arrayBuffer());
    };
    const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);

    test('in every format, of every key, team and model', async () => {
      const budget = { unit: 'usd', max: 1_000, per: 'total' };
      const [a, b] = [
        await gateway.key({ team: 'red', limits: [budget] }),
        await gateway.key({ team: 'blue', limits: [budget, { unit: 'tokens', max: 1e9, per: 'total' }] }),
      ];
      await gateway.admin('PATCH', '/teams/red', { limits: [budget] });
      await fc.assert(
        fc.asyncProperty(fc.array(wanted, { minLength: 10, maxLength: 40 }), async (requests) => {
          await Promise.all(requests.map((request, i) => send(i % 3 ? a.key : b.key, request)));
          const spentBy = async (id: string): Promise<bigint> => {
            for (;;) {
              const all = await levels(gateway, `key=${id}`);
              if (all.some(({ held }) => nano(held) !== 0)) continue;
              return BigInt(nano(all.find(({ unit, scope }) => unit === 'usd' && 'key' in scope)!.spent));
            }
          };
          const spent = { a: await spentBy(a.id), b: await spentBy(b.id) };
          assert.equal(BigInt((await ledgerOf(gateway, a.id)).usdNano), spent.a);
          assert.equal(BigInt((await ledgerOf(gateway, b.id)).usdNano), spent.b);
          const team = await levelIs(gateway, 'team=red', ({ held }) => held === 0);
          assert.equal(BigInt(team.spent), spent.a);

          const all = spent.a + spent.b;
          const told = JSON.parse(String(await report('group_by=key,model'))) as {
            data: { key: string; cost_nusd: number }[];
            total: { cost_nusd: number };
          };
          assert.equal(BigInt(told.total.cost_nusd), all);
          const ofKey = (id: string) =>
            sum(told.data.filter(({ key }) => key === id).map((row) => BigInt(row.cost_nusd)));
          assert.deepEqual([ofKey(a.id), ofKey(b.id)], [spent.a, spent.b]);
          const [head, ...rows] = parseCsv(String(await report('group_by=team,status&format=csv')));
          assert.equal(sum(rows.map((row) => BigInt(row[head!.indexOf('cost_nusd')]!))), all);
          const [focusHead, ...charges] = parseCsv(String(await report('format=focus')));
          assert.equal(sum(charges.map((row) => nanoFrom(row[focusHead!.indexOf('BilledCost')]!)!)), all);
          const file = await report('group_by=user&format=parquet');
          const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer;
          assert.equal(
            sum((await parquetReadObjects({ file: bytes })).map((row) => BigInt(row['cost_nusd'] as bigint))),
            all,
          );
          const { differences } = await gateway.admin<{ differences: unknown[] }>('POST', '/ledger/verify');
          assert.deepEqual(differences, []);
        }),
        { numRuns: 8 },
      );
    });
  });
}

suite('memory', async () => ({}));
suite('Redis', () => startRedis() as Promise<TestRedis>);
