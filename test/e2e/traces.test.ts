/** Traces as a collector gets them: what a request and its attempts say, whose traces they belong to, and that nobody waits for them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Collector, startCollector, startGrpcCollector } from '../support/collector.js';
import { type Gateway, type GatewayOptions, startGateway } from '../support/gateway.js';
import { scrape } from '../support/metrics-text.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

let upstream: FakeUpstream;
let collector: Collector;
let gateway: Gateway;
let key: string;
const closing: (() => Promise<unknown>)[] = [];

const start = async (traces: object, env: GatewayOptions['env'] = {}): Promise<Gateway> => {
  const target = (model: string) => [{ provider: 'up', model }];
  const price = { input: 1, output: 2 };
  const started = await startGateway({
    env: { OTEL_BSP_SCHEDULE_DELAY: '20', ...env },
    config: {
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: {
        m: { targets: target('real-m'), price, retry: { max_attempts: 2, base: '1ms', max: '1ms' } },
        guarded: { targets: target('m'), price, guards: ['stop'] },
        kept: { targets: target('kept'), price, cache: { exact: true, ttl: '1h' } },
      },
      routes: [
        {
          name: 'shop',
          match: { path: '/shop/*' },
          auth: { none: {} },
          upstream: { targets: [{ url: upstream.url }] },
        },
      ],
      guardrails: { stop: { kind: 'pattern', patterns: ['Bohnenkaffee'], on: 'output' } },
      telemetry: { traces },
    },
  });
  closing.push(() => started.close());
  return started;
};

before(async () => {
  [upstream, collector] = await Promise.all([startUpstream(), startCollector()]);
  closing.push(
    () => upstream.stop(),
    () => collector.close(),
  );
  gateway = await start(
    { otlp: collector.url, langfuse: true, headers: { authorization: 'Basic cGstbGY6c2stbGY=' } },
    {
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'front-door',
    },
  );
  ({ key } = await gateway.key({ tags: ['prod'] }));
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

const hello = (more: object = {}) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'My secret is Bohnenkaffee.' }],
  ...more,
});

/** Asks under a trace of its own, or in none; answers the trace's id as the access log has it. */
async function ask(body: object, headers: Record<string, string> = {}, on = gateway, by = key): Promise<string> {
  const id = `req-${Math.random().toString(36).slice(2)}`;
  await (await on.chat(by, body, { headers: { 'x-request-id': id, ...headers } })).text();
  for (;;) {
    const line = on.output.split('\n').find((one) => one.includes(`"request_id":"${id}"`));
    if (line) return (JSON.parse(line) as { trace_id?: string }).trace_id ?? '';
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const sentWith = () => upstream.requests.at(-1)!.headers;

test('a request is a span and its attempt another, by the conventions for generative AI; no prompt is in them', async () => {
  const trace = await ask(hello({ stream: true, max_tokens: 40 }), { 'x-tollgate-user': 'ann' });
  const [request, attempt, ...more] = await collector.trace(trace, 2);
  assert.deepEqual(more, []);
  assert.deepEqual([request!.kind, request!.name, request!.parentSpanId, request!.code], [SERVER, 'chat m', '', 0]);
  assert.deepEqual([attempt!.kind, attempt!.name, attempt!.parentSpanId], [CLIENT, 'chat real-m', request!.spanId]);
  assert.ok(request!.startNano <= attempt!.startNano && attempt!.endNano <= request!.endNano);
  assert.ok(Math.abs(Number(request!.startNano / 1_000_000n) - Date.now()) < 60_000);
  const { attributes: asked } = request!;
  assert.equal(asked['http.response.status_code'], 200);
  assert.equal(asked['gen_ai.request.model'], 'm');
  assert.equal(asked['user.id'], 'ann');
  assert.deepEqual(asked['tollgate.tags'], ['prod']);
  assert.equal(asked['tollgate.attempts'], 1);
  const { attributes: said } = attempt!;
  const [entry] = await gateway.entries(String(asked['tollgate.request_id']));
  assert.equal(said['gen_ai.operation.name'], 'chat');
  assert.equal(said['gen_ai.provider.name'], 'openai-compatible');
  assert.equal(said['gen_ai.request.model'], 'real-m');
  assert.equal(said['gen_ai.request.max_tokens'], 40);
  assert.equal(said['gen_ai.response.model'], entry!.served_model);
  assert.equal(said['gen_ai.usage.input_tokens'], entry!.tokens['input']);
  assert.equal(said['gen_ai.usage.output_tokens'], entry!.tokens['output']);
  assert.equal(said['tollgate.cost_usd'], Number(entry!.cost_usd));
  assert.ok(!Buffer.concat(collector.got.map(({ body }) => body)).includes('Bohnenkaffee'));
  assert.equal(sentWith()['traceparent'], `00-${trace}-${attempt!.spanId}-01`);
});

test("Langfuse's form: its path, its credential, its attributes; and the resource is as the environment names it", () => {
  const [first] = collector.got;
  assert.equal(first!.path, '/v1/traces');
  assert.equal(first!.headers['content-type'], 'application/x-protobuf');
  assert.equal(first!.headers['authorization'], 'Basic cGstbGY6c2stbGY=');
  const { resource, scope } = first!.exported[0]!;
  assert.equal(resource['service.name'], 'front-door');
  assert.equal(resource['deployment.environment.name'], 'test');
  assert.equal(scope, 'tollgate');
  const [request, attempt] = [...collector.spans].sort((a, b) => a.kind - b.kind);
  assert.equal(request!.attributes['langfuse.observation.type'], 'span');
  assert.deepEqual(request!.attributes['langfuse.trace.tags'], ['prod']);
  assert.equal(attempt!.attributes['langfuse.observation.type'], 'generation');
  const cost = JSON.parse(String(attempt!.attributes['langfuse.observation.cost_details'])) as { total: number };
  assert.equal(cost.total, attempt!.attributes['tollgate.cost_usd']);
  assert.ok(
    !JSON.stringify(collector.spans, (_, value) => (typeof value === 'bigint' ? String(value) : value)).includes('sk-'),
  );
});

test("a caller's trace is gone on with, and its decision stands", async () => {
  const tracestate = 'vendor=a:b,other=1';
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  assert.equal(await ask(hello(), { traceparent, tracestate }), TRACE);
  const [request, attempt] = await collector.trace(TRACE, 2);
  assert.deepEqual([request!.parentSpanId, request!.traceState], [PARENT, tracestate]);
  assert.equal(sentWith()['traceparent'], `00-${TRACE}-${attempt!.spanId}-01`);
  assert.equal(sentWith()['tracestate'], tracestate);
  const unsampled = `00-${TRACE.replace('0af', '1af')}-${PARENT}-00`;
  await ask(hello(), { traceparent: unsampled, tracestate });
  assert.equal(sentWith()['traceparent'], unsampled, 'it goes on as it came');
  const later = await ask(hello());
  await collector.trace(later, 2);
  assert.ok(!collector.spans.some(({ traceId }) => traceId === TRACE.replace('0af', '1af')));
  for (const bad of [
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    'nonsense',
    `00-${TRACE}-${PARENT}`,
  ]) {
    const made = await ask(hello(), { traceparent: bad, tracestate });
    assert.match(made, /^[\da-f]{32}$/);
    assert.notEqual(made, TRACE);
    assert.equal(sentWith()['tracestate'], undefined);
  }
});

test('a retry is an event and a span of its own; failures have a status and a type', async () => {
  const failure = does.openaiError(500, { message: 'Broken.', type: 'server_error' });
  upstream.next(failure);
  const [request, first, second] = await collector.trace(await ask(hello()), 3);
  assert.deepEqual(
    request!.events.map(({ name, attributes }) => [name, attributes['reason']]),
    [['retry', 'transient']],
  );
  assert.equal(request!.attributes['tollgate.attempts'], 2);
  assert.deepEqual(
    [first!.code, first!.attributes['error.type'], first!.attributes['http.response.status_code']],
    [ERROR, 'transient', 500],
  );
  assert.deepEqual([second!.code, second!.attributes['tollgate.attempt']], [0, 2]);
  upstream.next(failure, failure);
  const [failed] = await collector.trace(await ask(hello()), 3);
  assert.deepEqual([failed!.code, failed!.attributes['error.type']], [ERROR, 'upstream_error']);
  const { key: poor } = await gateway.key({
    limits: [{ unit: 'usd', max: '0.000001', per: 'day', on_exhausted: 'reject' }],
  });
  const [refused, ...none] = await collector.trace(await ask(hello(), {}, gateway, poor), 1);
  assert.deepEqual([refused!.code, refused!.attributes['error.type'], none], [0, 'budget_exceeded', []]);
});

test('an answer that a guard blocks is no error of the target', async () => {
  const [request, attempt] = await collector.trace(await ask(hello({ model: 'guarded' })), 2);
  assert.equal(request!.attributes['error.type'], 'content_blocked');
  const {
    'gen_ai.response.model': served,
    'http.response.status_code': status,
    'error.type': type,
  } = attempt!.attributes;
  assert.deepEqual([attempt!.code, status, type], [0, 200, undefined]);
  assert.match(String(served), /^m/);
});

test('an answer from the cache has no attempt, and says so', async () => {
  await collector.trace(await ask(hello({ model: 'kept' })), 2);
  const [request, ...none] = await collector.trace(await ask(hello({ model: 'kept' })), 1);
  assert.deepEqual(
    [request!.attributes['tollgate.cache'], request!.attributes['tollgate.attempts'], none],
    ['hit', 0, []],
  );
});

test('a classic route has its spans, and its upstream is asked by them', async () => {
  const traceparent = `00-${TRACE.replace('0af', '2af')}-${PARENT}-01`;
  await (await fetch(`${gateway.url}/shop/shoes?size=44`, { headers: { traceparent } })).text();
  const [request, attempt] = await collector.trace(TRACE.replace('0af', '2af'), 2);
  assert.deepEqual([request!.name, request!.parentSpanId], ['GET shop', PARENT]);
  assert.equal(request!.attributes['http.response.status_code'], 404);
  assert.equal(request!.attributes['url.path'], '/shop/shoes');
  assert.deepEqual([attempt!.kind, attempt!.parentSpanId], [CLIENT, request!.spanId]);
  assert.equal(sentWith()['traceparent'], `00-${TRACE.replace('0af', '2af')}-${attempt!.spanId}-01`);
});

test('by the environment alone: gRPC and its headers; and a shutdown sends what waits', async () => {
  const grpc = await startGrpcCollector();
  closing.push(() => grpc.close());
  const own = await start(
    {},
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: grpc.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=blue',
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    },
  );
  const trace = await ask(hello(), {}, own, (await own.key()).key);
  assert.equal(grpc.got.length, 0);
  assert.equal(await own.stop(), 0);
  const [request] = await grpc.trace(trace, 2);
  assert.equal(request!.name, 'chat m');
  assert.equal(grpc.got[0]!.headers['x-team'], 'blue');
});

test('a collector that is slow or refuses costs no request and no memory: spans are dropped and counted', async () => {
  let answers: number | 'never' = 400;
  const bad = await startCollector(() => answers);
  closing.push(() => bad.close());
  const own = await start({ otlp: bad.url, protocol: 'http/json', queue: 16 });
  const { key: by } = await own.key();
  await ask(hello(), {}, own, by);
  const told = async (result: string) => (await scrape(own.url)).value('tollgate_trace_spans_total', { result })!;
  while ((await told('failed')) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  while (!own.output.includes('the collector does not take spans'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(bad.got[0]!.headers['content-type']!, /application\/json/);
  const { resourceSpans } = JSON.parse(bad.got[0]!.body.toString()) as { resourceSpans: unknown[] };
  assert.equal(resourceSpans.length, 1);
  answers = 'never';
  const startedAt = performance.now();
  for (let i = 0; i < 40; i++) await (await own.chat(by, hello())).text();
  assert.ok(performance.now() - startedAt < 10_000);
  // At most one batch is on its way and one queue waits; what was taken before the collector stood still failed.
  const [dropped, failed] = [await told('dropped'), await told('failed')];
  assert.ok(dropped >= 1 && dropped + failed >= 82 - 16 * 2 && dropped <= 80, `${dropped} and ${failed}`);
});
