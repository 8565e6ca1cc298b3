/** Deadlines bound what they are named for, end with words that can be read, and are repeated only where the model says so. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { completionOf } from '../support/openai-answers.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import { type Behaviour, head, openaiError, pause, stall, write } from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const price = { input: 1, output: 4 };

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const provider = { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' };
  const to = (provider_: string, more: object = {}) => ({
    targets: [{ provider: provider_, model: 'm' }],
    price,
    ...more,
  });
  gateway = await startGateway({
    config: {
      providers: { one: provider, two: provider },
      defaults: { retry: { max_attempts: 3, base: '1ms', max: '5ms' }, breaker: { min_requests: 100_000 } },
      models: {
        hasty: to('one', { timeout: { first_byte: '300ms' } }),
        silent: to('one', { timeout: { idle: '300ms' } }),
        brief: to('one', { timeout: { total: '500ms' } }),
        again: to('one', { timeout: { first_byte: '300ms' }, retry: { max_attempts: 2, on_timeout: 'anywhere' } }),
        spare: to('two'),
        elsewhere: to('one', { timeout: { first_byte: '300ms' }, fallbacks: ['spare'] }),
        never: to('one', { timeout: { first_byte: '300ms' }, fallbacks: ['spare'], retry: { on_timeout: 'never' } }),
        plain: to('one', { retry: { max_attempts: 1 } }),
        retried: to('one'),
      },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

interface Asked {
  readonly stream?: boolean;
  readonly headers?: Record<string, string>;
}

async function ask(model: string, behaviours: readonly Behaviour[], { stream = false, headers = {} }: Asked = {}) {
  const before = upstream.requests.length;
  upstream.next(...behaviours);
  const response = await gateway.chat(key, { model, messages, stream }, { headers });
  const text = await response.text();
  const { error } = (text.startsWith('{') ? JSON.parse(text) : {}) as { error?: { message: string; code: string } };
  return { response, text, error, sent: upstream.requests.length - before };
}

const late =
  (ms: number): Behaviour =>
  (request) => [pause(ms), ...faithful(request)];

describe('the first byte', () => {
  it('of a whole answer may be as late as its last one', async () => {
    const { response, sent } = await ask('hasty', [late(900)]);
    assert.equal(response.status, 200);
    assert.equal(sent, 1);
  });

  it('and so may a silence inside a whole answer be as long as total allows', async () => {
    const halting: Behaviour = (request) => {
      const bytes = JSON.stringify(completionOf(request.json() as never));
      const type = { 'content-type': 'application/json' };
      return [head(200, type), write(bytes.slice(0, 40)), pause(900), write(bytes.slice(40))];
    };
    const whole = await ask('silent', [halting]);
    assert.equal(whole.response.status, 200, whole.text);
    const stalls = [head(200, { 'content-type': 'application/json' }), write('{"choices":'), stall];
    const bounded = await ask('silent', [stalls], { headers: { 'x-tollgate-timeout': '900ms' } });
    assert.equal(bounded.response.status, 504);
    assert.match(bounded.error!.message, /timeout\.total/);
  });

  it('of a stream may not, and the stream is not asked for again where it did not come', async () => {
    const { response, error, sent } = await ask('hasty', [[stall]], { stream: true });
    assert.equal(response.status, 504);
    assert.equal(error!.code, 'upstream_timeout');
    assert.equal(error!.message, 'The upstream sent nothing within 300 ms (timeout.first_byte).');
    assert.equal(sent, 1);
  });
});

describe('a time-out of a request that was sent', () => {
  it('of a whole answer is that of the whole request, and is not tried again', async () => {
    const { response, error, sent } = await ask('brief', [[stall]]);
    assert.equal(response.status, 504);
    assert.match(error!.message, /^The upstream did not finish within 500 ms \(timeout\.total\)\.$/);
    assert.equal(sent, 1);
  });

  it('is answered for by a fallback', async () => {
    const { response, sent } = await ask('elsewhere', [[stall]], { stream: true });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-tollgate-fallback'), 'spare');
    assert.equal(sent, 2);
  });

  it('ends the request where the model says never', async () => {
    const { response, sent } = await ask('never', [[stall]], { stream: true });
    assert.equal(response.status, 504);
    assert.equal(sent, 1);
    const failed = await ask('never', [openaiError(500, { message: 'x' }), openaiError(500, { message: 'x' })], {
      stream: true,
    });
    assert.equal(failed.response.status, 200, 'other failures are tried again as before');
  });

  it('is tried again on the same target where the model says anywhere', async () => {
    const { response, sent } = await ask('again', [[stall]], { stream: true });
    assert.equal(response.status, 200);
    assert.equal(sent, 2);
  });
});

describe('an error whose body does not come', () => {
  for (const [status, code] of [
    [400, 'invalid_value'],
    [500, 'upstream_error'],
  ] as const) {
    it(`keeps its status ${status}, and is not waited for as an answer is`, async () => {
      const steps = [
        head(status, { 'content-type': 'application/json', 'content-length': 500 }),
        write('{"error":{"mess'),
        stall,
      ];
      const begun = performance.now();
      const { response, error } = await ask('plain', [steps]);
      assert.equal(response.status, status);
      assert.equal(error!.message, `The upstream answered with status ${status}.`);
      assert.ok(error!.code === code || error!.code === null);
      assert.ok(performance.now() - begun < 30_000, 'it waited for the idle time');
    });
  }
});

describe('the words of a time-out', () => {
  it('have whole milliseconds, also where it is what earlier attempts left', async () => {
    const { response, error, sent } = await ask('retried', [openaiError(500, { message: 'x' }), [stall]], {
      headers: { 'x-tollgate-timeout': '0.75' },
    });
    assert.equal(response.status, 504);
    assert.equal(sent, 2);
    assert.match(error!.message, /within \d{1,3} ms \(timeout\.total\)\.$/);
  });
});

describe('durations in headers', () => {
  it('are seconds where they have no unit', async () => {
    const { response } = await ask('plain', [late(300)], { headers: { 'x-tollgate-timeout': '20' } });
    assert.equal(response.status, 200);
    const short = await ask('plain', [[stall]], { headers: { 'x-tollgate-timeout': '0.2' } });
    assert.equal(short.response.status, 504);
  });

  it('may have a unit', async () => {
    for (const written of ['200ms', '0.2s', ' 200ms ']) {
      const { response } = await ask('plain', [[stall]], { headers: { 'x-tollgate-timeout': written } });
      assert.equal(response.status, 504, written);
    }
  });

  for (const name of ['x-tollgate-timeout', 'x-tollgate-cache-ttl']) {
    for (const written of ['soon', '0', '0ms', '-1', '1.5.2', '5 s', '5 minutes', '1e3', `${'9'.repeat(40)}s`]) {
      it(`that are none are refused: ${name}: ${written.slice(0, 20)}`, async () => {
        const { response, error, sent } = await ask('plain', [], { headers: { [name]: written } });
        assert.equal(response.status, 400);
        assert.equal(error!.code, 'invalid_value');
        assert.match(error!.message, new RegExp(`The header ${name} must be a duration`));
        assert.equal(sent, 0);
      });
    }
  }
});
