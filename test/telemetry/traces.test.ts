/** What is traced, and what of it waits: sampling, the standard variables of the environment, the queue. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { startTracing } from '../../src/app/tracing.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { SpanQueue } from '../../src/telemetry/span-queue.js';
import { type SpanRecord, Tracing } from '../../src/telemetry/trace.js';
import { good } from '../config/support.js';

const clock = { now: () => 1_000, monotonic: () => 500 };
const traceId = (end: string): string => `0af7651916cd43dd8448eb21${end}`;
const parent = (end: string, flags = '01'): string => `00-${traceId(end)}-b7ad6b7169203331-${flags}`;
const tracing = (ratio: number, byParent: boolean): Tracing =>
  new Tracing({ clock, sampling: { ratio, byParent }, add: () => {}, langfuse: false });

test("a caller's decision stands, or where it does not, the end of the trace's id decides for all alike", () => {
  assert.equal(tracing(0, true).begin(parent('80319c00'), undefined)?.traceId, traceId('80319c00'));
  assert.equal(tracing(1, true).begin(parent('80319c00', '00'), undefined), null);
  assert.ok(tracing(0.1, false).begin(parent('10000000', '00'), undefined));
  assert.equal(tracing(0.1, false).begin(parent('f0000000'), undefined), null);
});

test('of the traces that begin here the share is kept that is asked for', () => {
  const some = tracing(0.1, true);
  let kept = 0;
  for (let i = 0; i < 20_000; i++) if (some.begin(undefined, undefined)) kept++;
  assert.ok(kept > 1_600 && kept < 2_400, String(kept));
  assert.equal(tracing(0, true).begin(undefined, undefined), null);
  const made = tracing(1, true).begin(undefined, undefined)!;
  assert.match(made.traceparent(), /^00-[\da-f]{32}-[\da-f]{16}-01$/);
});

test('the configuration and the standard variables say whether there are traces', async (t) => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:9';
  const at = 'telemetry: { traces: { otlp: "http://127.0.0.1:9" } }';
  const cases: readonly (readonly [boolean, string, Record<string, string>])[] = [
    [false, '{}', {}],
    [true, at, {}],
    [true, '{}', { OTEL_EXPORTER_OTLP_ENDPOINT }],
    [true, '{}', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT }],
    [false, at, { OTEL_SDK_DISABLED: 'true' }],
    [false, at, { OTEL_TRACES_EXPORTER: 'none' }],
    [false, at, { OTEL_TRACES_SAMPLER: 'always_off' }],
    [true, at, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }],
    [true, at, { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }],
    [true, at, { OTEL_EXPORTER_OTLP_PROTOCOL: 'smoke signals' }],
  ];
  for (const [on, config, env] of cases) {
    const log = pino({ level: 'silent' });
    const started = await startTracing({
      ...{ env, clock, log, version: '0' },
      config: good(t, config),
      metrics: new Metrics(),
    });
    assert.equal(started.tracing !== null, on, JSON.stringify([config, env]));
    await started.close();
  }
});

test('a queue holds so many spans at most, sends one batch at a time, and loses no more than it says', async () => {
  const sent: { count: number; done: (error?: Error) => void }[] = [];
  const counts: Record<string, number> = {};
  const queue = new SpanQueue({
    send: (batch) =>
      new Promise((resolve, reject) => {
        sent.push({ count: batch.length, done: (error) => (error ? reject(error) : resolve()) });
      }),
    ...{ most: 10, batch: 4, delayMs: 60_000 },
    onResult: (result, count) => {
      counts[result] = (counts[result] ?? 0) + count;
    },
    onError: () => {},
  });
  for (let i = 0; i < 20; i++) queue.add({} as SpanRecord);
  assert.deepEqual([sent.map(({ count }) => count), counts], [[4], { dropped: 6 }]);
  sent[0]!.done(new Error('refused'));
  await new Promise(setImmediate);
  assert.deepEqual([sent.length, counts['failed']], [2, 4]);
  const closing = queue.close(1_000);
  for (const at of [1, 2, 3]) {
    sent[at]!.done();
    await new Promise(setImmediate);
  }
  await closing;
  assert.deepEqual([sent.map(({ count }) => count), counts], [[4, 4, 4, 2], { dropped: 6, failed: 4, exported: 10 }]);
});
