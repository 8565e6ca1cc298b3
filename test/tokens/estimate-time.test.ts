import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { warmTokenizers } from '../../src/tokens/encodings.js';
import { countText } from '../../src/tokens/estimate.js';
import { estimateChat } from './estimate-chat.js';
import { ordinaryTexts, pathological } from './reference.js';

// What is measured is processor time of this process, which a busy machine does not lengthen as it does the clock's. The
// bounds are still several times what is needed; the bench prints the real figures.
const MOST_MS = 10_000;
const LONGEST_STRETCH_MS = 50;
const MB = 1024 * 1024;
const rule = { encoding: 'o200k_base', factor: 1, exact: true } as const;

before(warmTokenizers);

interface Watched<T> {
  readonly result: T;
  readonly ms: number;
  /** How long the event loop was held at most. */
  readonly longestMs: number;
}

/** Runs `count` beside a ticker. */
async function watched<T>(count: () => T | Promise<T>): Promise<Watched<T>> {
  let longestMs = 0;
  let running = true;
  const start = cpuMs();
  let last = start;
  const tick = (): void => {
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  const result = await count();
  running = false;
  tick();
  return { result, ms: last - start, longestMs };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The first of three runs that held the event loop no longer than it should: the garbage collector can hold it too. */
async function steady<T>(count: () => T | Promise<T>): Promise<Watched<T>> {
  for (let round = 1; ; round++) {
    const seen = await watched(count);
    if (round === 3 || seen.longestMs < LONGEST_STRETCH_MS) return seen;
  }
}

for (const [name, make] of Object.entries(pathological)) {
  test(`a megabyte of ${name} takes linear time and never holds the event loop`, async () => {
    const tenth = await watched(() => countText(make(MB / 10), 'o200k_base'));
    const text = make(MB);
    const whole = await steady(() => countText(text, 'o200k_base'));
    assert.ok(whole.ms < MOST_MS, `${whole.ms} ms`);
    assert.ok(whole.ms < 25 * Math.max(tenth.ms, 5), `${whole.ms} ms, a tenth took ${tenth.ms} ms`);
    assert.ok(whole.longestMs < LONGEST_STRETCH_MS, `held for ${whole.longestMs} ms`);
  });
}

test('20 MB of text are bounded in time and never counted too low', async () => {
  const text = '中a '.repeat((20 * MB) / 5);
  const { result, ms } = await watched(() =>
    estimateChat({ messages: [{ role: 'user', content: text }] }, rule, 'gpt-4o'),
  );
  const rate = (await countText(text.slice(0, 300_000), 'o200k_base')) / 300_000;
  assert.ok(result >= rate * text.length);
  assert.ok(result <= 20 * MB + 10);
  assert.ok(ms < MOST_MS, `${ms} ms`);
});

test('the text that is counted exactly is bounded for the whole request, not for each message', async () => {
  const content = 'word '.repeat(MB / 5);
  const messages = Array.from({ length: 20 }, () => ({ role: 'user', content }));
  const counted = await estimateChat({ messages }, rule, 'gpt-4o');
  assert.ok(counted > 4 * (MB / 5) + 15 * MB && counted <= 20 * MB + 200, `${counted}`);
});

test('a small request is counted at once, a larger one later', async () => {
  const request = (size: number) => ({ messages: [{ role: 'user', content: 'some words '.repeat(size / 11) }] });
  assert.equal(typeof estimateChat(request(300), rule, 'gpt-4o'), 'number');
  assert.equal(typeof estimateChat(request(8000), rule, 'gpt-4o'), 'number');
  const later = estimateChat(request(100_000), rule, 'gpt-4o');
  assert.ok(later instanceof Promise);
  await later;
});

test('at once or later, the count is the same', async () => {
  const content = Object.values(ordinaryTexts).join('\n');
  const short = { role: 'user', content };
  const one = estimateChat({ messages: [short] }, rule, 'gpt-4o');
  assert.equal(typeof one, 'number');
  const many = await estimateChat({ messages: Array.from({ length: 40 }, () => short) }, rule, 'gpt-4o');
  assert.equal(many, 40 * ((one as number) - 3) + 3);
});

test('a request of nothing but frames does not hold the event loop', async () => {
  const frames = [
    { messages: Array.from({ length: 200_000 }, () => ({})) },
    { messages: [{ content: Array.from({ length: 200_000 }, () => ({ type: 'text', text: '' })) }] },
    { messages: [{ tool_calls: Array.from({ length: 200_000 }, () => ({ function: {} })) }] },
    { messages: [], tools: Array.from({ length: 100_000 }, () => ({ function: { name: '' } })) },
    { messages: [{ content: Array.from({ length: 200_000 }, () => []) }] },
    { messages: [{ content: [Array.from({ length: 200_000 }, () => [[]])] }] },
  ];
  for (const [at, request] of frames.entries()) {
    const first = estimateChat(request, rule, 'gpt-4o');
    assert.ok(first instanceof Promise, `request ${at} was counted at once`);
    await first;
    const { longestMs } = await steady(() => estimateChat(request, rule, 'gpt-4o'));
    assert.ok(longestMs < LONGEST_STRETCH_MS, `request ${at} held for ${longestMs} ms`);
  }
});

test('a text does not wait for the larger ones that came before it', async () => {
  const text = pathological['random letters']!(MB / 2);
  let finishedLarge = 0;
  const large = Array.from({ length: 20 }, async () => {
    await countText(text, 'o200k_base');
    finishedLarge++;
  });
  await countText(text.slice(0, 20_000), 'o200k_base');
  assert.equal(finishedLarge, 0);
  await Promise.all(large);
  assert.equal(finishedLarge, 20);
});

test('many counts at once hold the event loop no longer than one', async () => {
  const text = pathological['random letters']!(30_000);
  let longest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && longest >= LONGEST_STRETCH_MS; round++) {
    const counts = Array.from({ length: 100 }, () => countText(text, 'o200k_base'));
    const { longestMs } = await watched(() => Promise.all(counts));
    longest = Math.min(longest, longestMs);
  }
  assert.ok(longest < LONGEST_STRETCH_MS, `held for ${longest} ms`);
});
