/**
 * The table of faults: what an upstream does wrong, and what comes of it under each policy, through a real gateway process:
 * the status, the attempts on each target, the headers, and an entry of the ledger for every attempt.
 *
 * Under `single` one target is tried once; under `retry` up to three times; under `pair` there is a second target, and under
 * `fallback` a second model. The second always works.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { anthropicFaults, faultOf, faults } from '../support/faults.js';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const policies = ['single', 'retry', 'pair', 'fallback'] as const;
type Policy = (typeof policies)[number];

/** What comes of a fault under each policy: the attempts on the faulty target, and whether the second one answered. */
const outcomes = {
  /** No fault after all. */
  ok: { single: [1, false], retry: [1, false], pair: [1, false], fallback: [1, false] },
  /** May work the next time: another target at once, the same one after a backoff, then the fallback. */
  transient: { single: [1, false], retry: [3, false], pair: [1, true], fallback: [2, true] },
  /** The target has no room now: not asked again while there is another. */
  busy: { single: [1, false], retry: [3, false], pair: [1, true], fallback: [1, true] },
  /** As busy, for longer than a request waits. */
  away: { single: [1, false], retry: [1, false], pair: [1, true], fallback: [1, true] },
  /** No answer in time: other targets and the fallback are asked, and the same one not again. */
  slow: { single: [1, false], retry: [1, false], pair: [1, true], fallback: [1, true] },
  /** Nothing that any target could do better. */
  final: { single: [1, false], retry: [1, false], pair: [1, false], fallback: [1, false] },
} as const satisfies Record<string, Record<Policy, readonly [number, boolean]>>;

type Row = readonly [fault: string, outcome: keyof typeof outcomes, status: number, error?: string];

const both: readonly Row[] = [
  ['none', 'ok', 200],
  ['slow', 'ok', 200],
  ['spread', 'ok', 200],
  ['drip', 'ok', 200],
  ['huge-chunk', 'ok', 200],
  ['refused', 'transient', 502, 'upstream_error'],
  ['expired-tls', 'transient', 502, 'upstream_error'],
  ['valid-tls', 'ok', 200],
  ['reset-before-headers', 'transient', 502, 'upstream_error'],
  ['cut-before-headers', 'transient', 502, 'upstream_error'],
  ['reset-after-headers', 'transient', 502, 'upstream_error'],
  ['cut-before-content', 'transient', 502, 'upstream_error'],
  ['ends-before-content', 'transient', 502, 'upstream_error'],
  ['error-before-content', 'transient', 502, 'upstream_error'],
  ['garbage', 'transient', 502, 'upstream_error'],
  ['wrong-content-type', 'transient', 502, 'upstream_error'],
  ['not-http', 'transient', 502, 'upstream_error'],
  ['429-soon', 'busy', 429, 'rate_limit_exceeded'],
  ['429-seconds', 'busy', 429, 'rate_limit_exceeded'],
  ['429-bare', 'busy', 429, 'rate_limit_exceeded'],
  ['429-page', 'busy', 429, 'rate_limit_exceeded'],
  ['429-date', 'away', 429, 'rate_limit_exceeded'],
  ['429-long', 'away', 429, 'rate_limit_exceeded'],
  ['429-reset', 'away', 429, 'rate_limit_exceeded'],
  ['429-quota', 'away', 502, 'upstream_account_error'],
  ['402-billing', 'away', 502, 'upstream_account_error'],
  ['500', 'transient', 500, 'upstream_error'],
  ['502-page', 'transient', 502, 'upstream_error'],
  ['520-page', 'transient', 520, 'upstream_error'],
  ['503', 'busy', 503, 'overloaded'],
  ['503-later', 'away', 503, 'overloaded'],
  ['401', 'away', 502, 'upstream_account_error'],
  ['403', 'away', 502, 'upstream_account_error'],
  ['404-model', 'away', 404, 'model_not_found'], // behind a wildcard the caller names it
  ['404-page', 'away', 502, 'upstream_account_error'],
  ['500-stalls', 'transient', 500, 'upstream_error'],
  ['429-stalls', 'busy', 429, 'rate_limit_exceeded'],
  ['400', 'final', 400, 'invalid_value'],
  ['422', 'final', 422, 'invalid_value'],
  ['400-context', 'final', 400, 'context_length_exceeded'],
  ['400-policy', 'final', 400, 'content_policy_violation'],
  ['filtered', 'ok', 200],
];

/** A whole answer may be silent for as long as `total` allows, at its beginning and inside. */
const whole: readonly Row[] = [
  ['stall-before-headers', 'final', 504, 'upstream_timeout'],
  ['stall-before-content', 'final', 504, 'upstream_timeout'],
];
/** The beginning of a stream has a time of its own. */
const streamed: readonly Row[] = [
  ['stall-before-headers', 'slow', 504, 'upstream_timeout'],
  ['stall-before-content', 'slow', 504, 'upstream_timeout'],
];

/** After the first content there is no second attempt: the stream ends in an error. */
const committed: readonly Row[] = [
  ['cut-after-content', 'final', 502, 'upstream_error'],
  ['stall-after-content', 'final', 504, 'upstream_timeout'],
  ['error-after-content', 'final', 502, 'upstream_error'],
  ['garbage-after-content', 'final', 502, 'upstream_error'],
];

const messages = [{ role: 'user', content: 'Say hello.' }];
const tlsFile = (name: string) => join(packageRoot, 'test/fixtures/tls', name);
const tls = (name: string) => ({
  key: readFileSync(tlsFile(`${name}.key`)),
  cert: readFileSync(tlsFile(`${name}.pem`)),
});

let upstreams: Record<'faulty' | 'spare' | 'expired' | 'valid' | 'claude', FakeUpstream>;
let gateway: Gateway;
let key: string;

before(async () => {
  upstreams = {
    faulty: await startUpstream(),
    spare: await startUpstream(),
    expired: await startUpstream(tls('expired')),
    valid: await startUpstream(tls('valid')),
    claude: await startUpstream(),
  };
  upstreams.faulty.always(faultOf(faults));
  upstreams.claude.always(faultOf(anthropicFaults));
  gateway = await startGateway({
    config: {
      providers: {
        faulty: provider(upstreams.faulty.url),
        spare: provider(upstreams.spare.url),
        expired: provider(upstreams.expired.url),
        valid: provider(upstreams.valid.url),
        refused: provider(`http://127.0.0.1:${await freePort()}`),
        claude: { type: 'anthropic', base_url: upstreams.claude.url, api_key: 'sk-upstream' },
        ...ofTheirOwn(),
      },
      defaults: {
        price: { input: 1, output: 4 },
        retry: { base: '20ms', max: '3s', budget: 'off' },
        breaker: { min_requests: 100_000 },
      },
      models: { spare: { targets: [{ provider: 'spare', model: 'spare' }] }, ...everyPolicy() },
    },
    env: { NODE_EXTRA_CA_CERTS: tlsFile('ca.pem') },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  for (const upstream of Object.values(upstreams ?? {})) await upstream.stop();
});

const provider = (url: string) => ({ type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'sk-upstream' });

/** For each provider and policy a wildcard, so that each fault has a target of its own under it. */
function everyPolicy(): Record<string, object> {
  const models: Record<string, object> = {};
  for (const first of ['faulty', 'expired', 'valid', 'refused', 'claude', ...Object.keys(ofTheirOwn())]) {
    for (const policy of policies) {
      const targets = [
        { provider: first, model: `${policy}.*` },
        ...(policy === 'pair' ? [{ provider: 'spare', model: `${policy}.*`, priority: 2 }] : []),
      ];
      const model = {
        targets,
        ...(policy === 'single' && { retry: { max_attempts: 1 } }),
        ...(policy === 'fallback' && { fallbacks: ['spare'] }),
      };
      models[`${first}/${policy}/*`] = model;
      models[`hasty/${first}/${policy}/*`] = { ...model, timeout: { first_byte: '400ms', idle: '400ms' } };
      models[`brief/${first}/${policy}/*`] = { ...model, timeout: { total: '400ms' } };
    }
  }
  return models;
}

/** Faults that rest a credential, for all that it is used for: each request of the table has a provider of its own. */
const restsCredential = ['429-quota', '429-spend', '402-billing', '401', '403'];

function ofTheirOwn(): Record<string, object> {
  const all = restsCredential.flatMap((fault) =>
    policies.flatMap((policy) => [true, false].map((stream) => ownProvider(fault, policy, stream))),
  );
  return Object.fromEntries(
    all.map((name) => [
      name,
      name.startsWith('429-spend')
        ? { type: 'anthropic', base_url: upstreams.claude.url, api_key: 'sk-upstream' }
        : provider(upstreams.faulty.url),
    ]),
  );
}

const ownProvider = (fault: string, policy: Policy, stream: boolean): string =>
  `${fault}-${policy}-${stream ? 's' : 'w'}`;

function providerOf(fault: string, policy: Policy, stream: boolean, usual: string): string {
  if (restsCredential.includes(fault)) return ownProvider(fault, policy, stream);
  return { 'expired-tls': 'expired', 'valid-tls': 'valid', refused: 'refused' }[fault] ?? usual;
}

const modelOf = (first: string, policy: Policy, fault: string, stream: boolean): string =>
  `${timesOf(fault, stream)}${first}/${policy}/${stream ? 's' : 'w'}.${fault}`;

const timesOf = (fault: string, stream: boolean): string => {
  if (fault.startsWith('stall-before-') && !stream) return 'brief/';
  return fault.includes('stall') ? 'hasty/' : '';
};

let requests = 0;

async function check(usual: string, policy: Policy, row: Row, stream: boolean): Promise<void> {
  const [fault, outcome, status, error] = row;
  const first = providerOf(fault, policy, stream, usual);
  const [onFaulty, rescued] = outcomes[outcome][policy];
  const attempts = onFaulty + (rescued ? 1 : 0);
  const requestId = `fault-${++requests}`;
  const response = await gateway.chat(
    key,
    { model: modelOf(first, policy, fault, stream), messages, stream },
    { headers: { 'x-request-id': requestId } },
  );
  const broken = committed.includes(row);
  const text = await response.text().catch(() => '');
  const what = `${policy}: ${response.status} ${text.slice(0, 300)}`;
  assert.equal(response.status, rescued || broken ? 200 : status, what);
  assert.equal(response.headers.get('x-tollgate-attempts'), String(attempts), what);
  assert.equal(response.headers.get('x-tollgate-provider'), rescued ? 'spare' : first);
  assert.equal(response.headers.get('x-tollgate-fallback'), rescued && policy === 'fallback' ? 'spare' : null);
  if (stream && response.status === 200 && !broken) assert.ok(text.endsWith('data: [DONE]\n\n'), what);

  const entries = (await gateway.entries(requestId, attempts)).sort((a, b) => a.attempt - b.attempt);
  const told = entries.map((entry) => `${entry.attempt} ${entry.provider} ${entry.status} ${entry.error}`);
  const failed = Array.from({ length: onFaulty }, (_, i) => `${i + 1} ${first} ${status} ${error ?? null}`);
  assert.deepEqual(told, rescued ? [...failed, `${attempts} spare 200 null`] : failed, what);
}

for (const stream of [false, true]) {
  describe(`faults, ${stream ? 'streamed' : 'whole'}`, () => {
    for (const row of [...both, ...(stream ? [...streamed, ...committed] : whole)]) {
      it(`${row[0]} is ${row[1]}`, async () => {
        await Promise.all(policies.map((policy) => check('faulty', policy, row, stream)));
      });
    }
  });
}

describe('faults in the words of the messages dialect', () => {
  const rows: readonly Row[] = [
    ['none', 'ok', 200],
    ['429-seconds', 'busy', 429, 'rate_limit_exceeded'],
    ['429-reset', 'away', 429, 'rate_limit_exceeded'],
    ['429-spend', 'away', 502, 'upstream_account_error'],
    ['529', 'busy', 503, 'overloaded'],
    ['500', 'transient', 500, 'upstream_error'],
    ['400', 'final', 400, 'invalid_value'],
    ['400-context', 'final', 400, 'context_length_exceeded'],
  ];
  for (const row of rows) {
    it(`${row[0]} is ${row[1]}`, async () => {
      await Promise.all(policies.map((policy) => check('claude', policy, row, false)));
    });
  }
});
