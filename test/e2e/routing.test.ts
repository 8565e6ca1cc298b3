/** Targets, fallbacks, breakers, credentials, aliases and wildcards, through a real gateway process. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { faults } from '../support/faults.js';
import { type EntryLine, type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const DONE = 'data: [DONE]\n\n';
const messages = [{ role: 'user', content: 'Say hello.' }];

let a: FakeUpstream;
let b: FakeUpstream;
let gateway: Gateway;
let key: string;

interface Shown {
  readonly id: string;
  readonly healthy: boolean;
  readonly targets: readonly {
    readonly id: string;
    readonly breaker: string;
    readonly attempts: number;
    readonly latency_ms: number;
  }[];
  readonly credentials: readonly { readonly resting: string | null }[];
}

before(async () => {
  [a, b] = [await startUpstream(), await startUpstream()];
  const on = (provider: string, model: string, more: object = {}) => ({ provider, model, ...more });
  const pair = (name: string) => [on('a', name), on('b', name, { priority: 2 })];
  gateway = await startGateway({
    config: {
      providers: {
        a: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_key: 'sk-a' },
        b: { type: 'openai-compatible', base_url: `${b.url}/v1`, api_key: 'sk-b' },
        many: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_keys: ['sk-1', 'sk-2', 'sk-3'] },
      },
      defaults: { price: { input: 1, output: 4 }, retry: { base: '10ms' } },
      models: {
        spare: { targets: [on('b', 'spare')] },
        strict: {
          targets: [on('a', 'strict')],
          content_policy_fallbacks: ['spare'],
          context_window_fallbacks: ['spare'],
        },
        backed: { targets: [on('a', 'backed')], fallbacks: ['spare'] },
        fragile: {
          targets: pair('fragile'),
          breaker: { min_requests: 3, failure_rate: 0.5, window: '60s', open: '400ms', half_open_probes: 1 },
        },
        hedged: { targets: pair('hedged'), hedge: { after: '150ms' } },
        probed: { targets: pair('probed'), probe: { text: 12, wait: '10s' } },
        briefly: { targets: pair('briefly'), probe: { text: 5000, wait: '100ms' } },
        quick: { targets: [on('a', 'quick')], retry: { max_attempts: 20, base: '300ms' }, timeout: { total: '1s' } },
        slow: { targets: [on('a', 'slow')], retry: { max_attempts: 3, base: '20s', max: '20s' } },
        silent: { targets: pair('silent'), timeout: { keep_alive: '50ms', idle: '400ms' } },
        turns: { targets: [on('a', 'turns'), on('b', 'turns')], balance: 'round_robin' },
        sticky: { targets: [on('a', 'sticky'), on('b', 'sticky')], affinity: 'prompt' },
        manual: { targets: pair('manual') },
        told: { targets: pair('told') },
        many: { targets: [on('many', 'many')] },
        'vendor/*': { targets: [on('a', '*')] },
        'vendor/special-*': { targets: [on('b', 'x-*')] },
      },
    },
  });
  ({ key } = await gateway.key());
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

let requests = 0;

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | null;
  readonly entries: () => Promise<EntryLine[]>;
}

async function ask(model: string, body: object = {}, headers: Record<string, string> = {}, as = key): Promise<Asked> {
  const id = `routing-${++requests}`;
  const init = { headers: { 'x-request-id': id, ...headers } };
  const response = await gateway.chat(as, { model, messages, ...body }, init);
  const text = await response.text().catch(() => '');
  const header = (name: string) => response.headers.get(`x-tollgate-${name}`);
  const attempts = Number(header('attempts') ?? 0);
  const entries = async () => (await gateway.entries(id, attempts)).sort((x, y) => x.attempt - y.attempt);
  return { status: response.status, text, header, entries };
}

const shown = async (what: 'models' | 'providers', id: string): Promise<Shown> => {
  const { data } = await gateway.admin<{ data: Shown[] }>('GET', `/${what}`);
  return data.find((one) => one.id === id)!;
};

const metric = async (line: RegExp): Promise<number> => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(line.exec(text)?.[1] ?? 0);
};

/** The log is written a few times a second. */
async function printed(line: RegExp): Promise<void> {
  for (let tries = 0; !line.test(gateway.output); tries++) {
    assert.ok(tries < 200, `the log has no ${line}`);
    await sleep(50);
  }
}

describe('fallbacks of their own kind', () => {
  for (const stream of [false, true]) {
    it(`a content policy, told with an error or with a 200: ${stream ? 'stream' : 'whole'}`, async () => {
      for (const fault of ['400-policy', 'filtered']) {
        a.always(faults[fault]!);
        const answer = await ask('strict', { stream });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual([answer.header('attempts'), answer.header('fallback')], ['2', 'spare'], fault);
        assert.match(answer.text, /You/);
        assert.ok(!answer.text.includes('content_filter'));
        assert.deepEqual(
          (await answer.entries()).map(({ provider, status }) => `${provider} ${status}`),
          [fault === 'filtered' && !stream ? 'a 200' : 'a 400', 'b 200'],
        );
      }
    });
  }

  it('what was withheld everywhere is told as it was', async () => {
    a.always(faults['filtered']!);
    b.always(faults['503-later']!);
    const answer = await ask('strict');
    assert.equal(answer.status, 200);
    assert.match(answer.text, /content_filter/);
    // Its target rests now, and is needed again.
    await gateway.admin('POST', `/targets/${encodeURIComponent('b/spare')}/close`);
  });

  it('a context window', async () => {
    a.always(faults['400-context']!);
    const answer = await ask('strict');
    assert.deepEqual([answer.status, answer.header('fallback'), answer.header('model')], [200, 'spare', 'strict']);
  });

  it('none of them where the caller wants none', async () => {
    a.always(faults['500']!);
    for (const [model, fault] of [
      ['backed', '500'],
      ['strict', '400-policy'],
    ] as const) {
      a.always(faults[fault]!);
      const answer = await ask(model, {}, { 'x-tollgate-fallbacks': 'off' });
      assert.notEqual(answer.status, 200);
      assert.equal(answer.header('fallback'), null);
    }
    assert.equal((await ask('backed', {}, { 'x-tollgate-fallbacks': 'maybe' })).status, 400);
  });

  it('none that the key may not use', async () => {
    a.always(faults['500']!);
    const { key: narrow } = await gateway.key({ models: ['backed'] });
    assert.equal((await ask('backed', {}, {}, narrow)).status, 500);
    const { key: wide } = await gateway.key({ models: ['backed', 'spare'] });
    const answer = await ask('backed', {}, {}, wide);
    assert.deepEqual([answer.status, answer.header('fallback')], [200, 'spare']);
  });
});

describe('breakers', () => {
  it('open, leave a failing target alone, probe it, and close again; seen in metrics and by the admin', async () => {
    a.always(faults['500']!);
    for (let i = 0; i < 3; i++) assert.equal((await ask('fragile')).header('attempts'), '2');
    const before = a.requests.length;
    const answer = await ask('fragile');
    assert.deepEqual([answer.status, answer.header('attempts'), answer.header('provider')], [200, '1', 'b']);
    assert.equal(a.requests.length, before, 'the open breaker let a request through');
    assert.equal(await metric(/^tollgate_breaker_state\{target="a\/fragile"\} (\d)$/m), 2);
    assert.equal((await shown('models', 'fragile')).targets[0]!.breaker, 'open');
    await printed(/"target":"a\/fragile","state":"opened"/);

    a.always();
    for (let tries = 0; ; tries++) {
      if ((await ask('fragile')).header('provider') === 'a') break;
      assert.ok(tries < 200, 'it never closed');
      await sleep(50);
    }
    assert.equal(await metric(/^tollgate_breaker_state\{target="a\/fragile"\} (\d)$/m), 0);
  });

  it('are opened and closed by hand', async () => {
    const path = `/targets/${encodeURIComponent('a/manual')}`;
    await gateway.admin('POST', `${path}/open`);
    assert.equal((await ask('manual')).header('provider'), 'b');
    await gateway.admin('POST', `/targets/${encodeURIComponent('b/manual')}/open`);
    const none = await ask('manual');
    assert.equal(none.status, 503);
    assert.match(none.text, /no_target_available/);
    await gateway.admin('POST', `${path}/close`);
    assert.equal((await ask('manual')).header('provider'), 'a');
  });

  it('learn from the headers of a success that the next request would be refused', async () => {
    const exhausted = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1h' };
    a.always((request) => [
      ({ response }) => {
        for (const [name, value] of Object.entries(exhausted)) response.setHeader(name, value);
      },
      ...faithful(request),
    ]);
    assert.equal((await ask('told')).header('provider'), 'a');
    assert.equal((await ask('told')).header('provider'), 'b');
  });

  it('the admin sees health and latency', async () => {
    await ask('turns');
    await ask('turns');
    const model = await shown('models', 'turns');
    assert.ok(model.healthy && model.targets.every(({ attempts, latency_ms }) => attempts > 0 && latency_ms > 0));
    assert.ok((await shown('providers', 'a')).healthy);
  });
});

describe('balance', () => {
  it('round_robin takes turns', async () => {
    const providers = [];
    for (let i = 0; i < 6; i++) providers.push((await ask('turns')).header('provider'));
    assert.match(providers.join(''), /^(ab){3}$|^(ba){3}$/);
  });

  it('affinity keeps a conversation where it began, and spreads conversations', async () => {
    const seen = new Set<string>();
    for (let talk = 0; talk < 12; talk++) {
      const said = [{ role: 'system', content: `Talk ${talk}` }, ...messages];
      const first = (await ask('sticky', { messages: said })).header('provider')!;
      const more = [...said, { role: 'assistant', content: 'Hello.' }, { role: 'user', content: 'More.' }];
      assert.equal((await ask('sticky', { messages: more })).header('provider'), first);
      seen.add(first);
    }
    assert.equal(seen.size, 2);
  });
});

describe('credentials', () => {
  const used = (from: number) => a.requests.slice(from).map(({ headers }) => headers.authorization);

  it('are used in turn; one whose quota is used up rests, and the request goes on with the next', async () => {
    const from = a.requests.length;
    for (let i = 0; i < 3; i++) await ask('many');
    assert.deepEqual(new Set(used(from)), new Set(['Bearer sk-1', 'Bearer sk-2', 'Bearer sk-3']));
    a.always((request) =>
      request.headers.authorization === 'Bearer sk-2' ? faults['429-quota']!(request) : faithful(request),
    );
    for (let i = 0; i < 4; i++) assert.equal((await ask('many')).status, 200);
    const later = a.requests.length;
    for (let i = 0; i < 6; i++) assert.equal((await ask('many')).header('attempts'), '1');
    assert.ok(!used(later).includes('Bearer sk-2'));
    const { credentials } = await shown('providers', 'many');
    assert.deepEqual(
      credentials.map(({ resting }) => resting),
      [null, 'quota', null],
    );
    assert.ok(!JSON.stringify(credentials).includes('sk-'));
  });
});

describe('streams', () => {
  it('one that dies within the probed text is answered by another target, and none of its text is seen', async () => {
    a.always(() => does.sse(contentChunk('Oops'), does.pause(20), does.cut));
    const answer = await ask('probed', { stream: true });
    assert.equal(answer.header('attempts'), '2');
    assert.ok(answer.text.endsWith(DONE) && !answer.text.includes('Oops'), answer.text);
    assert.ok((await answer.entries())[0]!.tokens['output']! > 0, 'what was thrown away is billed');
  });

  it('text is held back no longer than it may be', async () => {
    let go: () => void = () => {};
    const waits = new Promise<void>((resolve) => {
      go = resolve;
    });
    a.always(() => does.sse(contentChunk('short'), does.until(waits), contentChunk('', 'stop'), DONE));
    const response = await gateway.chat(key, { model: 'briefly', messages, stream: true });
    const { value } = await response.body!.getReader().read();
    assert.match(Buffer.from(value!).toString(), /short/);
    go();
  });

  it('comments that keep the line alive do not end the search for a target that works', async () => {
    const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';
    a.always(() => does.sse(role, does.stall));
    const answer = await ask('silent', { stream: true });
    assert.equal(answer.status, 200);
    assert.match(answer.text, /^: keep-alive/);
    assert.ok(answer.text.endsWith(DONE));
    assert.equal(answer.text.match(/"role":"assistant"/g)!.length, 1, answer.text);
  });
});

/** How many requests reports say that it was. */
async function reported(entries: readonly EntryLine[]): Promise<number> {
  const path = `/reports/spend?request_id=${entries[0]!.request_id}`;
  return (await gateway.admin<{ total: { requests: number } }>('GET', path)).total.requests;
}

describe('hedging', () => {
  for (const stream of [false, true]) {
    it(`a second target is asked where the first is slow to begin, and the slower is given up: ${stream}`, async () => {
      a.always([does.stall]);
      const arrived = a.arrival();
      const answer = await ask('hedged', { stream });
      assert.deepEqual([answer.status, answer.header('provider'), answer.header('attempts')], [200, 'b', '2']);
      assert.equal(answer.header('fallback'), null);
      const slow = await arrived;
      await slow.over;
      assert.notEqual(slow.abortedAt, undefined);
      const entries = await answer.entries();
      const told = entries.map(({ provider, status, error }) => `${provider} ${status} ${error}`);
      assert.deepEqual(told, ['a 499 superseded', 'b 200 null']);
      assert.equal(await reported(entries), 1);
    });
  }

  it('where the first answers after all, it wins', async () => {
    b.always([does.stall]);
    a.always((request) => [does.pause(400), ...faithful(request)]);
    const answer = await ask('hedged', { stream: true });
    assert.deepEqual([answer.status, answer.header('provider')], [200, 'a']);
    assert.ok(answer.text.endsWith(DONE));
    const entries = await answer.entries();
    const told = entries.map(({ provider, status, flags }) => `${provider} ${status} ${flags}`);
    assert.deepEqual(told, ['a 200 hedged', 'b 499 hedged']);
    assert.equal(await reported(entries), 1);
  });

  it('a first that fails before its time is no race', async () => {
    a.always(faults['500']!);
    const answer = await ask('hedged');
    assert.deepEqual([answer.status, answer.header('provider'), answer.header('attempts')], [200, 'b', '2']);
  });
});

describe('one deadline for everything', () => {
  it("the model's total bounds all attempts and waits together", async () => {
    a.always(faults['500']!);
    const began = performance.now();
    const answer = await ask('quick');
    const tookMs = performance.now() - began;
    assert.equal(answer.status, 500);
    assert.ok(Number(answer.header('attempts')) >= 2 && tookMs < 3000, `${answer.header('attempts')}, ${tookMs} ms`);
  });

  it("so does the caller's", async () => {
    a.always([does.stall]);
    const began = performance.now();
    const answer = await ask('turns', {}, { 'x-tollgate-timeout': '300ms' });
    assert.ok([504, 200].includes(answer.status));
    b.always([does.stall]);
    const both = await ask('turns', {}, { 'x-tollgate-timeout': '300ms' });
    assert.deepEqual([both.status, both.header('attempts')], [504, '1']);
    assert.ok(performance.now() - began < 5000);
  });

  it('a caller who leaves while the gateway waits to try again is not waited for', async () => {
    a.always(faults['500']!);
    const leaving = new AbortController();
    const failed = gateway
      .chat(key, { model: 'slow', messages }, { headers: { 'x-request-id': 'leaver' }, signal: leaving.signal })
      .catch(() => undefined);
    await gateway.entries('leaver');
    leaving.abort();
    await failed;
    const from = a.requests.length;
    await ask('spare');
    assert.equal(a.requests.length, from);
    assert.equal((await gateway.entries('leaver')).length, 1);
  });
});

describe('names', () => {
  it('a wildcard stands for every name, the most telling one first', async () => {
    const answer = await ask('vendor/llama-3.1:70b');
    assert.equal(answer.status, 200, answer.text);
    assert.equal(a.requests.at(-1)!.json()['model'], 'llama-3.1:70b');
    assert.deepEqual([answer.header('model'), answer.header('target')], ['vendor/llama-3.1:70b', 'a/llama-3.1:70b']);
    await ask('vendor/special-7');
    assert.equal(b.requests.at(-1)!.json()['model'], 'x-7');
    for (const name of ['vendor/', 'vendor/a b', `vendor/${'x'.repeat(200)}`, 'other/m']) {
      assert.equal((await ask(name)).status, 404, name);
    }
    const { key: narrow } = await gateway.key({ models: ['vendor/llama-*'] });
    assert.equal((await ask('vendor/llama-2', {}, {}, narrow)).status, 200);
    assert.equal((await ask('vendor/gpt', {}, {}, narrow)).status, 403);
  });

  it('metrics do not grow with the names that callers make up', async () => {
    for (let i = 0; i < 5; i++) await ask(`vendor/made-up-${i}`);
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.ok(!text.includes('made-up'));
    assert.match(text, /model="vendor\/\*"/);
  });

  it("aliases stand for models, a key's own before its team's, and are listed", async () => {
    await gateway.admin('POST', '/teams', { name: 'house', aliases: { fast: 'turns', best: 'turns' } });
    const { key: mine } = await gateway.key({ team: 'house', aliases: { best: 'spare', ghost: 'nothing' } });
    assert.equal((await ask('fast', {}, {}, mine)).header('model'), 'turns');
    assert.equal((await ask('best', {}, {}, mine)).header('model'), 'spare');
    assert.equal((await ask('ghost', {}, {}, mine)).status, 404);
    assert.equal((await ask('fast')).status, 404);
    const listed = await (
      await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${mine}` } })
    ).json();
    const ids = (listed as { data: { id: string }[] }).data.map(({ id }) => id);
    assert.ok(ids.includes('fast') && ids.includes('best') && !ids.includes('ghost') && !ids.includes('vendor/*'));
    const { key: narrow } = await gateway.key({ team: 'house', models: ['fast'] });
    assert.equal((await ask('fast', {}, {}, narrow)).status, 200);
    assert.equal((await ask('turns', {}, {}, narrow)).status, 403);
  });
});

it('retries and fallbacks are counted', async () => {
  const retries = /^tollgate_retries_total\{reason="transient"\} (\d+)$/m;
  const fallbacks = /^tollgate_fallbacks_total (\d+)$/m;
  const before = [await metric(retries), await metric(fallbacks)];
  a.always(faults['500']!);
  await ask('backed');
  assert.deepEqual([await metric(retries), await metric(fallbacks)], [before[0]! + 1, before[1]! + 1]);
});
