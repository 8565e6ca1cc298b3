import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { readErrorBody } from '../../src/formats/error-body.js';
import { classify } from '../../src/router/classify.js';
import { cleaner } from '../../src/telemetry/redact.js';

const clean = cleaner(['plain+credential', 'gate.example.com']);

describe('what is taken out of a text', () => {
  for (const [text, told] of [
    ['Call plain+credential at gate.example.com.', 'Call [redacted] at [redacted].'],
    ['Key sk-proj-abcdef123 or Bearer abc.def-123', 'Key [redacted] or [redacted]'],
    [
      'http://10.0.0.7:8000/v1 and [fd00::1]:80 and localhost:3000',
      'http://[redacted]/v1 and [redacted] and [redacted]',
    ],
    ['http://db.internal:5432/x', 'http://[redacted]/x'],
    ['vllm-0.models.svc.cluster.local is away', '[redacted] is away'],
    ['Redis.CORP, printer.lan.', '[redacted], [redacted].'],
    ['db.internal.example.com:80 is away', '[redacted].example.com:80 is away'],
    // What only looks alike stays.
    ['the internal server is local', 'the internal server is local'],
    ['example.com:443, 1.5.2, e.g. a.b', 'example.com:443, 1.5.2, e.g. a.b'],
    ['.internal and internal.example.com', '.internal and internal.example.com'],
    ['', ''],
  ] as const) {
    test(text, () => assert.equal(clean(text), told));
  }

  test('a text is cut, and no secret is cut in two by it', () => {
    const long = 'x'.repeat(3_995);
    assert.equal(clean(`${long} plain+credential and more`), `${long} [red`);
    assert.equal(clean('y'.repeat(10_000)).length, 4_000);
  });
});

describe('a long error costs next to nothing', () => {
  const { failures } = providers['openai']!;
  const whole = (body: Buffer): void => {
    const failure = readErrorBody(400, body);
    classify(failure, failures);
    clean(failure.message);
  };
  for (const unit of [
    'a.',
    'a-a.',
    'sk-',
    '10.',
    'Bearer ',
    'violat ',
    'account ',
    '{"',
    '<title>',
    'try again in 1',
  ]) {
    for (const shape of ['an error', 'a text'] as const) {
      test(`60 kB of ${unit} as ${shape}`, () => {
        const text = unit.repeat(60_000 / unit.length);
        const body = Buffer.from(shape === 'an error' ? JSON.stringify({ error: { message: text } }) : text);
        const took = Array.from({ length: 40 }, () => {
          const begun = performance.now();
          whole(body);
          return performance.now() - begun;
        });
        assert.ok(Math.min(...took) < 1, `${Math.min(...took)} ms`);
      });
    }
  }
});
