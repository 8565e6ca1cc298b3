import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../../providers/index.js';
import { exhaustedMs, resetMs } from '../../src/router/limit-headers.js';

const exhausted = (headers: Record<string, string>, known: typeof openai): number =>
  exhaustedMs(new Map(Object.entries(headers)), known, now);

const now = Date.parse('2026-11-24T08:00:00Z');
const openai = providers['openai']!.limitHeaders;
const anthropic = providers['anthropic']!.limitHeaders;

test('a limit with nothing left rests its target until it is full again', () => {
  const headers = {
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '1m2s',
    'x-ratelimit-remaining-tokens': '100',
    'x-ratelimit-reset-tokens': '6m0s',
  };
  assert.equal(exhausted(headers, openai), 62_000);
  assert.equal(exhausted({ ...headers, 'x-ratelimit-remaining-tokens': '0' }, openai), 360_000);
  const theirs = {
    'anthropic-ratelimit-input-tokens-remaining': '0',
    'anthropic-ratelimit-input-tokens-reset': '2026-11-24T08:00:30Z',
  };
  assert.equal(exhausted(theirs, anthropic), 30_000);
});

test('one that has something left, or does not say when it is full, does not', () => {
  assert.equal(exhausted({}, openai), 0);
  assert.equal(exhausted({ 'x-ratelimit-remaining-requests': '1', 'x-ratelimit-reset-requests': '1m' }, openai), 0);
  assert.equal(exhausted({ 'x-ratelimit-remaining-requests': '0' }, openai), 0);
  assert.equal(exhausted({ 'x-ratelimit-remaining-requests': '-1', 'x-ratelimit-reset-requests': '1m' }, openai), 0);
});

test('times are read in every form in use', () => {
  const cases: readonly [string | undefined, number | undefined][] = [
    ['120ms', 120],
    ['1.5s', 1500],
    ['1h0m0.25s', 3_600_250],
    ['17', 17_000],
    ['0s', 0],
    ['2026-11-24T08:01:00Z', 60_000],
    ['2026-11-24T07:00:00Z', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [written, ms] of cases) assert.equal(resetMs(written, now), ms, written);
});
