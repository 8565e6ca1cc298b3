/** What counting costs: short prompts, ordinary megabytes and the inputs that make tokenisers quadratic. */

import { chatCountables } from '../src/formats/openai-chat/countables.js';
import type { CountingRule } from '../src/provider/provider-type.js';
import { warmTokenizers } from '../src/tokens/encodings.js';
import { countText, estimate } from '../src/tokens/estimate.js';

const factsOf = (request: unknown) => ({ countables: () => chatCountables(request) });

const MB = 1024 * 1024;
const bounded = { encoding: 'o200k_base', factor: 1.1, exact: false, bound: 'open' } as const;
const rule = { encoding: 'o200k_base', factor: 1, exact: true } as const;

interface Watched {
  readonly tokens: number;
  readonly ms: number;
  readonly longestMs: number;
}

const sentences = [
  'The gateway counts what a request will cost before it is sent, and settles the difference afterwards. ',
  'Nobody in the harbour had seen the second lighthouse, although everyone remembered its colour. ',
  'const total = items.reduce((sum, item) => sum + item.price * item.amount, 0);\n',
  '{"name": "search", "arguments": {"query": "weather in Lisbon", "limit": 10}}\n',
];

export async function run(): Promise<void> {
  const before = performance.now();
  await warmTokenizers();
  console.log(`tokens: both encodings read in ${(performance.now() - before).toFixed(0)} ms`);
  shortPrompts('300-byte prompts', rule);
  shortPrompts('300-byte prompts with their bound', bounded);
  await cooperative('English and code, 1 MB', repeated(sentences.join('')));
  await cooperative('letter a, 1 MB', repeated('a'));
  await cooperative('spaces, 1 MB', repeated(' '));
  await cooperative('newlines, 1 MB', repeated('\n'));
  await cooperative(
    'random CJK, 1 MB',
    random(MB / 3, (unit) => String.fromCharCode(0x4e00 + Math.floor(unit * 20_000))),
  );
  await cooperative(
    'random emoji, 1 MB',
    random(MB / 4, (unit) => String.fromCodePoint(0x1f300 + Math.floor(unit * 768))),
  );
  await cooperative(
    'random punctuation, 1 MB',
    random(MB, (unit) => '!"#$%&()*+,-./:;<=>?@[]^_{|}~'.charAt(unit * 29)),
  );
  await cooperative(
    'lone surrogates, 1 M',
    random(MB, (unit) => String.fromCharCode(0xd800 + Math.floor(unit * 2048))),
  );
  await cooperative('letter a, 20 MB', flat('a'.repeat(20 * MB)));
  await manyMessages();
}

function shortPrompts(name: string, by: CountingRule): void {
  const text = repeated(sentences.join(''));
  const requests = Array.from({ length: 2000 }, (_, at) => ({
    messages: [{ role: 'user', content: flat(`${at} ${text.slice(at * 300, at * 300 + 295)}`) }],
  }));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (const request of requests) counted(estimate(factsOf(request), by, 'gpt-4o-mini'));
    best = Math.min(best, performance.now() - start);
  }
  const each = (best * 1000) / requests.length;
  console.log(`tokens: ${name}: ${Math.round(1e6 / each).toLocaleString('en')} counts/s, ${each.toFixed(1)} us each`);
}

/** A short prompt has to be counted without a promise. */
function counted(counted: number | Promise<number>): number {
  if (typeof counted === 'number') return counted;
  throw new Error('a short prompt was not counted at once');
}

async function manyMessages(): Promise<void> {
  const messages = JSON.parse(`[${'{"role":"user"},'.repeat(499_999)}{}]`);
  print('500,000 empty messages', await watched(() => estimate(factsOf({ messages }), rule, 'gpt-4o-mini')));
}

async function cooperative(name: string, text: string): Promise<void> {
  print(name, await watched(() => countText(text, 'o200k_base')));
}

function print(name: string, { tokens, ms, longestMs }: Watched): void {
  const rate = (1000 / ms).toFixed(1);
  console.log(
    `tokens: ${name}: ${tokens.toLocaleString('en')} tokens in ${ms.toFixed(0)} ms (${rate}/s), longest stretch of the event loop ${longestMs.toFixed(1)} ms`,
  );
}

/** The second of two runs: the first pays for collecting what making its input left behind. */
async function watched(count: () => number | Promise<number>): Promise<Watched> {
  await ticked(count);
  return ticked(count);
}

/** Runs `count` beside a ticker that measures how long the event loop was held at most. */
async function ticked(count: () => number | Promise<number>): Promise<Watched> {
  let longestMs = 0;
  let running = true;
  const start = performance.now();
  let last = start;
  const tick = (): void => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  const tokens = await count();
  running = false;
  tick();
  return { tokens, ms: last - start, longestMs };
}

const repeated = (text: string): string => flat(text.repeat(Math.ceil(MB / text.length)).slice(0, MB));

/** Text of `count` characters from a fixed sequence of pseudo-random numbers. */
function random(count: number, character: (unit: number) => string): string {
  let seed = 1;
  let text = '';
  for (let at = 0; at < count; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    text += character(seed / 2 ** 32);
  }
  return flat(text);
}

/** A string as a parsed body has it: in one piece, not as the tree that concatenation leaves. */
const flat = (text: string): string => JSON.parse(JSON.stringify(text));
