/** Streams whose upstream lets wait: a status as long as it may be one, then comments, and failures inside the stream. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const DONE = 'data: [DONE]\n\n';
const messages = [{ role: 'user', content: 'Say hello.' }];
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const to = (timeout: object, more: object = {}) => ({ targets: [{ provider: 'p', model: 'm' }], timeout, ...more });
  const early = { first_keep_alive: '100ms', keep_alive: '50ms' };
  gateway = await startGateway({
    config: {
      providers: { p: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' } },
      defaults: { price: { input: 1, output: 4 }, retry: { max_attempts: 2, base: '400ms' } },
      models: {
        early: to(early),
        cached: to(early, { cache: { ttl: '1h' } }),
        usual: to({ keep_alive: '50ms' }),
        never: to({ first_keep_alive: '0s', keep_alive: '50ms' }),
        once: to(early, { retry: { max_attempts: 1 } }),
        late: to({ ...early, first_byte: '300ms' }, { retry: { max_attempts: 1 } }),
        hedged: {
          ...to(early),
          targets: [
            { provider: 'p', model: 'm' },
            { provider: 'p', model: 'm2' },
          ],
          hedge: { after: '200ms' },
        },
      },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

beforeEach(() => upstream.always());

const down = does.openaiError(503, { message: 'Down for now.', type: 'server_error' });

/** A promise and what settles it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

let requests = 0;
const ask = (model: string, body: object = {}) =>
  gateway.chat(
    key,
    { model, messages, stream: true, ...body },
    { headers: { 'x-request-id': `keep-alive-${++requests}` } },
  );

/** Reads until the text matches; the reader goes on with the rest. */
async function reads(response: Response) {
  const reader = response.body!.getReader();
  let text = '';
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(text)) {
      const { value, done } = await reader.read();
      assert.ok(!done, `the stream ended: ${text}`);
      text += Buffer.from(value).toString();
    }
    return text;
  };
  return { until };
}

const comments = (text: string): number => text.split(': keep-alive').length - 1;

describe('an upstream that has not begun to answer', () => {
  it('lets a stream have its head and comments, and its answer then', async () => {
    const { opened, open } = gate();
    upstream.next((request) => [does.until(opened), ...faithful(request)]);
    const response = await ask('early');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('x-tollgate-target'), 'p/m');
    const { until } = await reads(response);
    assert.ok(comments(await until(/(: keep-alive\n\n){2}/)) >= 2);
    open();
    const text = await until(/\[DONE\]/);
    assert.match(text, /^(: keep-alive\n\n)+data: \{/);
    assert.equal(text.match(/"role":"assistant"/g)!.length, 1);
  });

  it('and fails is told inside the stream, which does not end cleanly; the ledger has the status', async () => {
    const { opened, open } = gate();
    upstream.next([does.until(opened), ...down]);
    const response = await ask('once');
    assert.equal(response.status, 200);
    open();
    const text = await textAsFarAsItComes(response.clone());
    await assert.rejects(response.text(), 'it ended as if it were whole');
    assert.match(text, /^(: keep-alive\n\n)+data: \{"error":\{"message":"Down for now\."/);
    assert.ok(!text.includes('[DONE]'));
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.deepEqual([entry!.status, entry!.error], [503, 'overloaded']);
  });

  it('and times out is told inside the stream too', async () => {
    upstream.next([does.stall]);
    const response = await ask('late');
    assert.equal(response.status, 200);
    assert.match(await textAsFarAsItComes(response), /upstream_timeout/);
  });

  it('and is tried again after a wait: comments come in the wait as well', async () => {
    upstream.next(down);
    const response = await ask('early', { seed: 1 });
    const text = await response.text();
    assert.ok(response.status === 200 && text.endsWith(DONE), text);
  });

  for (const model of ['usual', 'never']) {
    it(`is answered for with a status as long as that may be: ${model}`, async () => {
      const { opened, open } = gate();
      const arrived = upstream.arrival();
      upstream.always([does.until(opened), ...does.openaiError(400, { message: 'No.', type: 'x' })]);
      const asked = ask(model);
      await arrived;
      setTimeout(open, 300);
      const response = await asked;
      assert.deepEqual([response.status, comments(await response.text())], [400, 0]);
    });
  }

  it('is never given a head by the gateway alone where that is off', async () => {
    upstream.next((request) => [does.pause(400), ...faithful(request)]);
    const response = await ask('never');
    assert.match(await response.text(), /^data: /);
  });

  it('lets hedged streams have comments as well', async () => {
    const { opened, open } = gate();
    upstream.always((request) => [does.until(opened), ...faithful(request)]);
    const response = await ask('hedged');
    const { until } = await reads(response);
    await until(/(: keep-alive\n\n){4}/);
    open();
    const text = await until(/\[DONE\]/);
    assert.equal(text.match(/"role":"assistant"/g)!.length, 1);
  });

  it('lets a whole answer have nothing', async () => {
    upstream.next((request) => [does.pause(300), ...faithful(request)]);
    const response = await ask('early', { stream: false });
    assert.match(await response.text(), /^\{/);
  });
});

describe('silences of a stream', () => {
  it('have comments in the middle, never inside an event', async () => {
    const { opened, open } = gate();
    const chunk = contentChunk('hello');
    upstream.next(does.sse(chunk.slice(0, 20), does.until(opened), chunk.slice(20), contentChunk('', 'stop'), DONE));
    const response = await ask('early');
    const { until } = await reads(response);
    await until(/(: keep-alive\n\n){2}/);
    open();
    const text = await until(/\[DONE\]/);
    for (const event of text.split('\n\n').filter((one) => one !== ''))
      assert.match(event, /^(: keep-alive|data: (\{.*\}|\[DONE\]))$/);
    assert.match(text, /hello/);
  });
});

describe('a request that waits for the answer to an identical one', () => {
  it('has comments, and then that answer', async () => {
    const { opened, open } = gate();
    const before = upstream.requests.length;
    upstream.next((request) => [does.until(opened), ...faithful(request)]);
    const [leader, follower] = await Promise.all([ask('cached', { seed: 7 }), ask('cached', { seed: 7 })]);
    const [one, other] = [await reads(leader), await reads(follower)];
    await Promise.all([one.until(/(: keep-alive\n\n){2}/), other.until(/(: keep-alive\n\n){2}/)]);
    open();
    const texts = await Promise.all([one.until(/\[DONE\]/), other.until(/\[DONE\]/)]);
    for (const text of texts) assert.match(text, /"content":"/);
    assert.equal(upstream.requests.length, before + 1);
  });

  it('whose answer fails asks by itself', async () => {
    const { opened, open } = gate();
    upstream.next([does.until(opened), ...does.openaiError(400, { message: 'No.', type: 'x' })]);
    const asked = await Promise.all([ask('cached', { seed: 8 }), ask('cached', { seed: 8 })]);
    open();
    const texts = await Promise.all(asked.map(textAsFarAsItComes));
    assert.equal(texts.filter((text) => text.includes('"error"')).length, 1, texts.join('\n---\n'));
    assert.equal(texts.filter((text) => text.endsWith(DONE)).length, 1);
  });
});
