/** Limits on every attempt: what retries, fallbacks and rivals take of a budget, and targets at limits of their own. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { faults } from '../support/faults.js';
import { type EntryLine, type Gateway, startGateway } from '../support/gateway.js';
import { level, watch } from '../support/limits-http.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

let a: FakeUpstream;
let b: FakeUpstream;
let gateway: Gateway;

before(async () => {
  [a, b] = [await startUpstream(), await startUpstream()];
  const on = (provider: string, model: string, more: object = {}) => ({ provider, model, ...more });
  const day = (max: number) => ({ limits: [{ unit: 'requests', max, per: 'day' }] });
  const cheap = { input: 1, output: 4 };
  const budget = { limits: [{ unit: 'usd', max: 5, per: 'month' }] };
  gateway = await startGateway({
    config: {
      providers: {
        a: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_key: 'sk-a' },
        b: { type: 'openai-compatible', base_url: `${b.url}/v1`, api_key: 'sk-b' },
      },
      defaults: { price: cheap, retry: { base: '5ms' }, breaker: { min_requests: 100_000 } },
      models: {
        dear: { targets: [on('b', 'dear')], price: { input: 100, output: 400 } },
        cheap: { targets: [on('a', 'cheap')], fallbacks: ['dear'] },
        patient: {
          targets: [on('a', 'patient')],
          timeout: { first_byte: '60ms', keep_alive: '0s' },
          retry: { base: '5ms', on_timeout: 'anywhere' },
        },
        hedged: { targets: [on('a', 'hedged'), on('b', 'hedged', { priority: 2 })], hedge: { after: '20ms' } },
        full: { targets: [on('a', 'full', day(2)), on('b', 'full', { priority: 2, ...day(1) })] },
        'full-backed': { targets: [on('a', 'full-backed', day(1))], fallbacks: ['spare'] },
        spare: { targets: [on('b', 'spare')] },
        named: { targets: [on('a', 'named', day(2))] },
        'named-too': { targets: [on('a', 'named')] },
        split: {
          targets: [on('a', 'split', budget), on('b', 'split', { priority: 2, ...budget })],
          timeout: { first_byte: '400ms' },
        },
      },
    },
  });
});

after(async () => {
  await gateway?.close();
  await a?.stop();
  await b?.stop();
});

beforeEach(() => {
  a.always();
  b.always();
});

const usd = (nano: number) => (nano / 1e9).toFixed(9);
const month = (max: string) => [{ unit: 'usd', max, per: 'month' }];
const messages = [{ role: 'user', content: 'Say hello to everybody in the house, and to the cat.' }];

async function ask(key: string, model: string, body: object = {}) {
  const response = await gateway.chat(key, { model, messages, max_tokens: 50, ...body });
  const text = await response.text().catch(() => '');
  return { status: response.status, text, header: (name: string) => response.headers.get(name) };
}

async function ledgerOf(key: string): Promise<EntryLine[]> {
  const { data } = await gateway.admin<{ data: EntryLine[] }>('GET', `/usage?key=${key}&limit=200`);
  return data;
}

const spentBy = (entries: readonly EntryLine[]) => entries.reduce((sum, entry) => sum + entry.cost_nusd['total']!, 0);

test('a hold covers the dearest fallback from the start: what only the cheap target would afford is clamped', async () => {
  // The cheap target's worst is 50 x 4 micro-dollars and a little input; the dear one's is a hundred times that.
  const { key, id } = await gateway.key({ limits: month('0.008') });
  a.always(faults['503']!);
  const answer = await ask(key, 'cheap');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.header('x-tollgate-fallback'), 'dear');
  const clamped = Number(answer.header('x-tollgate-max-tokens-clamped'));
  assert.ok(clamped > 0 && clamped < 50, String(clamped));
  assert.equal(b.requests.at(-1)!.json()['max_tokens'], clamped);
  const { spent, held, max } = await level(gateway, `key=${id}`);
  assert.ok(spent <= max && held === 0);
  assert.equal(spent, spentBy(await ledgerOf(id)));
});

test('at 60 requests at once, each of which fails over to a dear target, a budget is never exceeded', async () => {
  const { key, id } = await gateway.key({ limits: month('0.1') });
  a.always(faults['500']!);
  b.always((request) => [does.pause(20 + (b.requests.length % 7) * 10), ...faithful(request)]);
  const all = Promise.all(Array.from({ length: 60 }, (_, i) => ask(key, 'cheap', { stream: i % 2 === 0 })));
  const [answers] = await Promise.all([all, watch(gateway, `key=${id}`, all)]);
  assert.ok(answers.some(({ status }) => status === 200));
  const { spent, held, max } = await level(gateway, `key=${id}`);
  assert.ok(held === 0 && spent <= max, `${spent} of ${max}`);
  assert.equal(spent, spentBy(await ledgerOf(id)));
});

test('attempts that were billed and failed are held beside the next one, which is not sent where both do not fit', async () => {
  const { key: probe, id: probeId } = await gateway.key();
  a.always([does.stall]);
  assert.equal((await ask(probe, 'patient', { stream: true })).status, 504);
  const once = await ledgerOf(probeId);
  assert.equal(once.length, 3);
  const input = once[0]!.cost_nusd['total']!;
  assert.ok(input > 0, 'an upstream that was left working is billed for its input');
  // Room for the most that an attempt can come to beside one that was billed, and not beside two.
  const { key, id } = await gateway.key({ limits: [{ ...month(usd(input * 4))[0]!, on_exhausted: 'clamp' }] });
  assert.equal((await ask(key, 'patient', { max_tokens: 1, stream: true })).status, 504);
  const { spent, held, max } = await level(gateway, `key=${id}`);
  assert.ok(held === 0 && spent <= max, `${spent} of ${max}`);
  const entries = await ledgerOf(id);
  assert.ok(entries.length < 3, `${entries.length} attempts`);
  assert.equal(spent, spentBy(entries));
});

test('a rival is held beside the attempt that runs, and not asked where both do not fit', async () => {
  const { key: rich, id: richId } = await gateway.key();
  a.always((request) => [does.pause(250), ...faithful(request)]);
  b.always([does.stall]);
  assert.equal((await ask(rich, 'hedged')).status, 200);
  assert.equal((await ledgerOf(richId)).length, 2);
  // A request may cost 200 micro-dollars of output; two at once do not fit.
  const { key, id } = await gateway.key({ limits: [{ ...month('0.0003')[0]!, on_exhausted: 'reject' }] });
  const answer = await ask(key, 'hedged');
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await ledgerOf(id)).length, 1);
  const { spent, held, max } = await level(gateway, `key=${id}`);
  assert.ok(held === 0 && spent <= max);
});

test('a target at a limit of its own is passed over; when all are, the request is refused', async () => {
  const { key } = await gateway.key();
  const seen = [];
  for (let i = 0; i < 4; i++) {
    const answer = await ask(key, 'full');
    seen.push(`${answer.status} ${answer.header('x-tollgate-provider')} ${answer.header('x-tollgate-attempts')}`);
  }
  assert.deepEqual(seen.slice(0, 3), ['200 a 1', '200 a 1', '200 b 1']);
  assert.match(seen[3]!, /^429 /);
});

test('so is one whose only other place is a fallback', async () => {
  const { key } = await gateway.key();
  assert.equal((await ask(key, 'full-backed')).header('x-tollgate-fallback'), null);
  const answer = await ask(key, 'full-backed');
  assert.deepEqual([answer.status, answer.header('x-tollgate-fallback')], [200, 'spare']);
});

test('a target that is at its limit is passed over after a failure too', async () => {
  const { key } = await gateway.key();
  a.always(faults['503']!);
  const answer = await ask(key, 'full');
  // Both targets had their limits used up by the requests before.
  assert.equal(answer.status, 429);
});

test('the budget of a target counts what was spent there, and nothing of the attempts on other targets', async () => {
  const { key, id } = await gateway.key();
  a.always([does.stall]);
  const answer = await ask(key, 'split', { stream: true });
  assert.deepEqual([answer.status, answer.header('x-tollgate-provider')], [200, 'b'], answer.text);
  const entries = await ledgerOf(id);
  for (const target of ['a/split', 'b/split']) {
    const own = spentBy(entries.filter((entry) => entry.target === target));
    assert.ok(own > 0, `${target}: an upstream that was left working is billed for its input`);
    const { spent, held } = await level(gateway, `target=${target}`);
    assert.deepEqual({ spent, held }, { spent: own, held: 0 }, target);
  }
});

test('a limit of a target holds for every model that names the target, whichever of them states it', async () => {
  const { key } = await gateway.key();
  const statuses = [];
  for (const model of ['named-too', 'named', 'named-too', 'named']) statuses.push((await ask(key, model)).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  assert.equal((await level(gateway, 'target=a/named')).spent, 2);
});
