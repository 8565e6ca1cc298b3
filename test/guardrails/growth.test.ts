/** What guards do takes time that grows with what they read, however much is found in it and however it is cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DerivedStream } from '../../src/formats/derived-stream.js';
import { chatTexts } from '../../src/formats/openai-chat/texts.js';
import { GuardedStream } from '../../src/guardrails/guarded-stream.js';
import { PiiFinder } from '../../src/guardrails/pii.js';
import { Placeholders, placeholdersIn } from '../../src/guardrails/placeholders.js';
import { Rewrite } from '../../src/guardrails/rewrite.js';
import { GuardWords, type TextGuard } from '../../src/guardrails/text-guard.js';
import { TextStream } from '../../src/guardrails/text-stream.js';
import { piiEntities } from '../../src/lib/guard-spec.js';
import { processorTime } from '../support/processor-time.js';

const pii: TextGuard = {
  ...{ name: 'g', on: ['input', 'output'], action: 'redact', message: null, restore: true },
  finder: new PiiFinder(piiEntities),
};

function cpuMs(work: () => void): number {
  const usedMs = processorTime();
  work();
  return usedMs();
}

/** Five times as much takes not much more than five times as long. */
function grows(name: string, work: (n: number) => void, n: number): void {
  const measure = (count: number) => cpuMs(() => work(count));
  measure(n);
  const short = Math.max(2, measure(n));
  let long = measure(n * 5);
  // The collector of garbage may have its turn in one of them.
  for (let again = 0; again < 2 && long >= short * 12; again++) long = Math.min(long, measure(n * 5));
  assert.ok(long < short * 12, `${name}: ${short} ms, then ${long} ms`);
}

/** How many steps it is done in. */
function stepsOf(walk: Generator<number, unknown>): number {
  let steps = 0;
  while (!walk.next().done) steps += 1;
  return steps;
}

function redacted(json: Record<string, unknown>): Generator<number, unknown> {
  const taken = new Set<string>();
  const placeholders = new Placeholders((placeholder) => taken.has(placeholder));
  const rewrite = new Rewrite([pii], chatTexts.request, {
    ...{ side: 'input', words: new GuardWords(() => {}), placeholders },
  });
  return (function* () {
    yield* placeholdersIn(json, taken);
    return yield* rewrite.whole(json);
  })();
}

const mails = (count: number) => Array.from({ length: count }, (_, n) => `user${n}@example.com`);

describe('a request', () => {
  test('with 20,000 addresses in one text', () => {
    const request = (count: number) => ({ messages: [{ role: 'user', content: mails(count).join(' ') }] });
    grows('one text', (count) => stepsOf(redacted(request(count))), 4_000);
    // Between two of them others go on.
    assert.ok(stepsOf(redacted(request(20_000))) > 160);
  });

  test('with 20,000 addresses that go from one part to the next', () => {
    const parts = (count: number) =>
      mails(count).flatMap((mail) => [
        { type: 'text', text: ` ${mail.slice(0, 5)}` },
        { type: 'text', text: `${mail.slice(5)} ` },
      ]);
    grows('parts', (n) => stepsOf(redacted({ messages: [{ role: 'user', content: parts(n) }] })), 4_000);
  });

  test('a placeholder that it has itself is not used, however it is spelled', () => {
    const taken = new Set<string>();
    const json = { a: ['x [EMAIL_1] y'], b: '{"t":"\\u005bEMAIL_2\\u005D"}', '[EMAIL_3]': 1 };
    for (const _ of placeholdersIn(json, taken));
    assert.deepEqual([...taken].sort(), ['[EMAIL_1]', '[EMAIL_2]', '[EMAIL_3]']);
  });
});

class Whole extends DerivedStream {
  push(chunk: Buffer): Buffer {
    return chunk;
  }
  closing(): Buffer {
    return Buffer.alloc(0);
  }
}
const inner = {
  ...{ done: false, failure: undefined, usage: undefined, servedModel: undefined, begun: true, filtered: false },
  ...{ empty: false, chars: 0, text: () => '', texts: () => [], push: (chunk: Buffer) => chunk, end: () => {} },
  closing: () => Buffer.alloc(0),
};

describe('a stream that is held back', () => {
  const chunk = (content: string) =>
    Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
  const held = (guards: readonly TextGuard[], placeholders: Placeholders, words: readonly string[]) => {
    const stream = new GuardedStream(new Whole(inner), {
      ...{ texts: chatTexts, guards, sizes: [], asArray: false, holdsAll: true, onTooLarge: () => {} },
      reading: { side: 'output', words: new GuardWords(() => {}), placeholders },
    });
    for (const word of words) stream.push(chunk(word));
    stream.end();
    return stream;
  };
  const restoring = new Placeholders(() => false);
  restoring.of('EMAIL', 'jo@example.com', true);
  const cases: readonly (readonly [string, readonly TextGuard[], Placeholders, string])[] = [
    ['for guards that are asked elsewhere', [], new Placeholders(() => false), 'word [x '],
    ['with values that are put back', [], restoring, 'word [EMAIL_1] '],
    ['with patterns', [pii], new Placeholders(() => false), 'word me@example.com '],
    ['as JSON', [pii], restoring, '\\u0061 [EMAIL_1] '],
  ];
  for (const [name, guards, placeholders, word] of cases)
    test(name, () => {
      const words = (count: number) => [name === 'as JSON' ? '{"a":"' : '', ...Array(count).fill(word)];
      grows(name, (count) => held(guards, placeholders, words(count)), 2_000);
    });
});

describe('a private key in a stream', () => {
  const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(200)}-----END PRIVATE KEY-----`;

  test('of more than 6,000 characters is taken out to its end', () => {
    const words = new GuardWords(() => {});
    const stream = new TextStream([pii], { side: 'output', words, placeholders: new Placeholders(() => false) });
    const text = `see ${key} and so on`;
    for (let at = 0; at < text.length; at += 7) stream.push(text.slice(at, at + 7));
    stream.end();
    const told = stream.take(0, stream.length);
    assert.ok(told.startsWith('see [SECRET_1]') && !told.includes('MIIE'), told);
  });

  test('of the longest kind is read in a time that grows with it', () => {
    grows(
      'keys',
      (count) => {
        const words = new GuardWords(() => {});
        const stream = new TextStream([pii], { side: 'output', words, placeholders: new Placeholders(() => false) });
        for (let n = 0; n < count; n++) {
          const start = stream.length;
          for (let at = 0; at < key.length; at += 50) stream.push(key.slice(at, at + 50));
          stream.take(start, start);
          stream.given(stream.decided);
        }
      },
      4,
    );
  });
});
