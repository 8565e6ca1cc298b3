/**
 * What the APIs in use say when they fail, as their bodies have it, and what it means. Every rule, and every way in which a rule
 * words it, has a row here: the last tests find one that has none.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { errorIn, readErrorBody } from '../../src/formats/error-body.js';
import type { FailureClass, UpstreamFailure } from '../../src/formats/failure.js';
import type { FailureRule } from '../../src/formats/failure-rules.js';
import { vendorFailures } from '../../src/formats/vendor-failures.js';
import { classify } from '../../src/router/classify.js';
import { error } from './failure-words.js';
import { failuresOfClouds } from './failures-of-clouds.js';
import { failuresOfServers } from './failures-of-servers.js';
import { failuresOfVendors } from './failures-of-vendors.js';

const vendors = { ...failuresOfClouds, ...failuresOfVendors, ...failuresOfServers };

/** Under status 200, with no status of its own. */
const inBand: readonly (readonly [FailureClass, unknown])[] = [
  ['rate_limit', { base_resp: { status_code: 1002, status_msg: 'rate limit' } }],
  ['rate_limit', { base_resp: { status_code: 1039, status_msg: 'TPM limit' } }],
  ['credential', { base_resp: { status_code: 1004, status_msg: 'login fail' } }],
  ['credential', { base_resp: { status_code: 2049, status_msg: 'invalid api key' } }],
  ['quota', { base_resp: { status_code: 1008, status_msg: 'insufficient balance' } }],
  ['content_policy', { base_resp: { status_code: 1026, status_msg: 'input new_sensitive' } }],
  ['content_policy', { base_resp: { status_code: 1027, status_msg: 'output new_sensitive' } }],
  ['context_window', error("This model's maximum context length is 8 tokens.")],
  ['quota', error('Insufficient credits', { code: 402 })],
  ['overload', error('Overloaded', { type: 'overloaded_error' })],
  ['transient', error('Something broke')],
];

const failures: UpstreamFailure[] = [];

for (const [vendor, rows] of Object.entries(vendors)) {
  describe(vendor, () => {
    for (const [is, status, body] of rows) {
      const failure = readErrorBody(status, Buffer.from(JSON.stringify(body)));
      failures.push(failure);
      test(`${status} ${failure.code ?? failure.type ?? ''} ${failure.message.slice(0, 90)} is ${is}`, () => {
        for (const type of ['openai-compatible', 'openai'])
          assert.equal(classify(failure, providers[type]!.failures), is);
      });
    }
  });
}

describe('inside an answer', () => {
  for (const [is, body] of inBand) {
    const failure: UpstreamFailure = { kind: 'in_band', ...errorIn(body)! };
    failures.push(failure);
    test(`${JSON.stringify(body).slice(0, 90)} is ${is}`, () =>
      assert.equal(classify(failure, providers['openai-compatible']!.failures), is));
  }
});

describe('what a caller wrote', () => {
  for (const words of [
    'insufficient balance',
    'your account is suspended',
    'no capacity',
    'spending limit',
    'Overloaded',
    'api key not valid',
  ]) {
    test(`"${words}" in a message about its request means nothing`, () => {
      const body = Buffer.from(JSON.stringify(error(`Invalid value: "${words}"`, { code: 'invalid_value' })));
      assert.equal(classify(readErrorBody(400, body), providers['openai']!.failures), 'caller');
    });
  }
});

describe('every rule has its row', () => {
  for (const rule of vendorFailures) {
    test(`${rule.is} ${rule.status ?? ''} ${rule.code ?? rule.type ?? ''} ${String(rule.message ?? '').slice(0, 60)}`, () => {
      assert.deepEqual(
        waysOf(rule).filter(
          (way) => !failures.some((failure) => classify(failure, [way]) === rule.is && matches(way, failure)),
        ),
        [],
      );
    });
  }
});

/** By itself, whatever the status would mean. */
const matches = (way: FailureRule, failure: UpstreamFailure): boolean =>
  classify(failure, [{ ...way, is: 'caller' }]) !== classify(failure, [{ ...way, is: 'transient' }]);

/** The rule with each of the alternatives of its pattern alone. */
function waysOf(rule: FailureRule): FailureRule[] {
  const field = (['message', 'code', 'type'] as const).find((name) => rule[name] instanceof RegExp);
  if (field === undefined) return [rule];
  const { source, flags } = rule[field] as RegExp;
  return alternativesOf(source).map((one) => ({ ...rule, [field]: new RegExp(one, flags) }));
}

function alternativesOf(source: string): string[] {
  const wrapped = /^\^\(\?:(.*)\)(\$|\\b)?$/.exec(source);
  const [inner, before, after] = wrapped ? [wrapped[1]!, '^(?:', `)${wrapped[2] ?? ''}`] : [source, '', ''];
  const parts = [''];
  let depth = 0;
  for (let at = 0; at < inner.length; at++) {
    const char = inner[at]!;
    depth += char === '(' || char === '[' ? 1 : char === ')' || char === ']' ? -1 : 0;
    if (char === '|' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char === '\\' ? char + inner[++at]! : char;
  }
  return parts.map((part) => `${before}${part}${after}`);
}
