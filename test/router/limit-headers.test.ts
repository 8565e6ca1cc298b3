import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../../providers/index.js';
import { exhaustedMs, resetMs, tightestResetMs } from '../../src/router/limit-headers.js';

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
    ['1795507260', 60_000],
    ['1795507260000', 60_000],
    ['1795507140', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [written, ms] of cases) assert.equal(resetMs(written, now), ms, written);
});

test('of an upstream that refuses, the limit of which least is left says when to come back', () => {
  const reset = (headers: Record<string, string>) => tightestResetMs(new Map(Object.entries(headers)), openai, now);
  const requests = (remaining: string, limit: string, at: string) => ({
    'x-ratelimit-remaining-requests': remaining,
    'x-ratelimit-limit-requests': limit,
    'x-ratelimit-reset-requests': at,
  });
  const tokens = (remaining: string, limit: string, at: string) => ({
    'x-ratelimit-remaining-tokens': remaining,
    'x-ratelimit-limit-tokens': limit,
    'x-ratelimit-reset-tokens': at,
  });
  assert.equal(reset({ ...requests('4999', '5000', '12ms'), ...tokens('150', '30000', '6s') }), 6_000);
  assert.equal(reset({ ...requests('1', '14400', '2h'), ...tokens('5000', '6000', '1s') }), 7_200_000);
  assert.equal(reset({ ...requests('0', '10', '3s'), ...tokens('0', '10', '9s') }), 9_000);
  assert.equal(reset({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1795507230000' }), 30_000);
  assert.equal(reset({ 'ratelimit-remaining': '0', 'ratelimit-reset': '17' }), 17_000);
  assert.equal(reset({ 'x-ratelimit-reset-requests': '4s' }), 4_000, 'what is left need not be said');
  assert.equal(reset({ 'x-ratelimit-reset-requests': 'soon' }), undefined);
  assert.equal(reset({}), undefined);
});
