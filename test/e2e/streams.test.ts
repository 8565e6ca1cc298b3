/** Honest streams and honest failures, through a real gateway process, looked at as bytes on a connection. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EntryLine, type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk, event, usageChunk } from '../support/openai-answers.js';
import { chatBytes, type Parsed, parseAnswer, type RawAnswer, rawRequest } from '../support/raw-http.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const DONE = 'data: [DONE]\n\n';
const price = { input: 1, output: 4 };
const half = does.passedOn();

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const target = { targets: [{ provider: 'fake', model: 'm' }], price };
  gateway = await startGateway({
    config: {
      // What a failure is to the caller is looked at here, not what is tried instead.
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        nobody: { type: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-upstream' },
      },
      models: {
        m: target,
        alive: { ...target, timeout: { keep_alive: '100ms' } },
        hasty: { ...target, timeout: { first_byte: '250ms', idle: '250ms', total: '5s' } },
        brief: { ...target, timeout: { total: '400ms', keep_alive: '0s' } },
        unreachable: { targets: [{ provider: 'nobody', model: 'm' }], price },
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

let requests = 0;
const newId = () => `stream-test-${++requests}`;

function ask(body: object, requestId = newId()): RawAnswer & { requestId: string } {
  const bytes = chatBytes(key, { model: 'm', messages, ...body }, { 'x-request-id': requestId });
  return { ...rawRequest(gateway.url, bytes), requestId };
}

/** The whole answer of a request whose connection the gateway leaves open. */
async function whole(body: object): Promise<Parsed & { entry: EntryLine }> {
  const answer = ask(body);
  await answer.until(/\r\n\r\n[\s\S]*\}$/);
  const parsed = parseAnswer(answer.bytes());
  answer.socket.destroy();
  return { ...parsed, entry: (await gateway.entries(answer.requestId))[0]! };
}

/** Reads until the gateway closes the connection. */
async function broken(body: object): Promise<Parsed & { text: string; entry: EntryLine }> {
  const answer = ask({ stream: true, ...body });
  void answer.until(/Half an ans/).then(half.tell, () => {});
  // A clean end, which must not come, ends the wait as well.
  await Promise.race([answer.closed, answer.until(/\r\n0\r\n\r\n$/).catch(() => {})]);
  const parsed = parseAnswer(answer.bytes());
  return { ...parsed, text: parsed.body.toString(), entry: (await gateway.entries(answer.requestId))[0]! };
}

const lastEvent = (text: string): { error?: { message: string; type: string; code: string; param: unknown } } => {
  const events = text.trimEnd().split('\n\n');
  const last = events.at(-1)!;
  assert.ok(last.startsWith('data: '), `the stream ends in ${JSON.stringify(last)}`);
  return JSON.parse(last.slice(6)) as ReturnType<typeof lastEvent>;
};

describe('what a stream passes on', () => {
  it('is there at once: an event is with the client while the upstream waits', async () => {
    let go: () => void = () => {};
    const waits = new Promise<void>((resolve) => {
      go = resolve;
    });
    upstream.next(does.sse(contentChunk('first'), does.until(waits), contentChunk(' second', 'stop'), DONE));
    const answer = ask({ stream: true });
    const soFar = await answer.until(/first/);
    assert.ok(!soFar.includes('second'));
    go();
    await answer.until(/\[DONE\]\n\n\r\n0\r\n\r\n$/);
    answer.socket.destroy();
  });

  it('has the bytes that the upstream sent, however they were cut into packets', async () => {
    // Unusual but valid: spaces, key order, escapes, a precise number, fields that nobody knows, a comment, an id line.
    const odd = [
      ': a comment\n\n',
      'data: {"choices": [ {"delta":{"content":"caf\\u00e9 \u{1f600}"},"index":0} ], "precise":0.1000000000000000055511151231257827,"x":{"y":[1,2]},"model":"m"}\n\n',
      'id: 7\ndata:{"model":"m","choices":[{"index":0,"delta":{"content":"no space after the colon"}}]}\n\n',
      contentChunk('', 'stop'),
    ];
    // Where the client did not ask for usage its `"usage":null` goes; here the client asks, so that nothing at all changes.
    for (const size of [1, 7, 64, 100_000]) {
      upstream.next([
        does.head(200, does.sseHeaders),
        does.writeInPieces(odd.join('') + usageChunk(3, 4) + DONE, size, size === 1 ? 0 : 1),
      ]);
      const answer = ask({ stream: true, stream_options: { include_usage: true } });
      await answer.until(/0\r\n\r\n$/, 20_000);
      const { body } = parseAnswer(answer.bytes());
      assert.ok(body.toString().startsWith(odd.join('')), `in pieces of ${size}: ${body.toString()}`);
      assert.ok(body.toString().endsWith(DONE));
      answer.socket.destroy();
    }
  });

  it('holds no usage where none was asked for, and differs in nothing else', async () => {
    const chunk = (usage: string) =>
      `data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]${usage},"z":1.50}\n\n`;
    upstream.next(does.sse(chunk(',"usage":null'), usageChunk(3, 4), DONE));
    const answer = ask({ stream: true });
    await answer.until(/0\r\n\r\n$/);
    assert.equal(parseAnswer(answer.bytes()).body.toString(), chunk('') + DONE);
    answer.socket.destroy();
    const [entry] = await gateway.entries(answer.requestId);
    assert.equal(entry!.usage_source, 'provider');
    assert.deepEqual([entry!.tokens['input'], entry!.tokens['output']], [3, 4]);
    assert.deepEqual(upstream.requests.at(-1)!.json()['stream_options'], { include_usage: true });
  });

  it('carries an event of 4 MB', async () => {
    const large = contentChunk('x'.repeat(4 * 1024 * 1024), 'stop');
    upstream.next(does.sse(large, DONE));
    const response = await gateway.chat(key, { model: 'm', messages, stream: true });
    const text = await response.text();
    assert.ok(text.length > 4 * 1024 * 1024 && text.endsWith(DONE));
  });

  it('is kept alive by comments while the upstream is silent after its head', async () => {
    upstream.next(does.sse(contentChunk('a'), does.pause(450), contentChunk('b', 'stop'), DONE));
    const answer = ask({ model: 'alive', stream: true });
    await answer.until(/0\r\n\r\n$/);
    const text = parseAnswer(answer.bytes()).body.toString();
    const between = text.slice(text.indexOf('"a"'), text.indexOf('"b"'));
    assert.ok((between.match(/^: .*\n\n/gm) ?? []).length >= 2, text);
    answer.socket.destroy();
  });
});

describe('a stream that breaks ends in an error event, and its connection without a clean end', () => {
  const start = contentChunk('Half an ans');
  const cases: readonly { what: string; steps: readonly does.Step[]; model?: string; code: string; status: number }[] =
    [
      {
        what: 'is cut between events',
        steps: does.sse(start, does.pause(20), does.cut),
        code: 'upstream_error',
        status: 502,
      },
      {
        what: 'is cut inside an event',
        steps: does.sse(start, 'data: {"choi', does.pause(20), does.cut),
        code: 'upstream_error',
        status: 502,
      },
      { what: 'is reset', steps: does.sse(start, does.pause(20), does.reset), code: 'upstream_error', status: 502 },
      { what: 'ends cleanly without a finish', steps: does.sse(start), code: 'upstream_error', status: 502 },
      {
        what: 'ends cleanly inside an event',
        steps: does.sse(start, 'data: {"choi'),
        code: 'upstream_error',
        status: 502,
      },
      {
        what: 'turns into garbage',
        steps: does.sse(start, half.step, 'data: <html>oops</html>\n\n', does.stall),
        code: 'upstream_error',
        status: 502,
      },
      {
        what: 'breaks its chunked framing',
        steps: does.sse(start, does.pause(20), does.raw('not a chunk size\r\n'), does.stall),
        code: 'upstream_error',
        status: 502,
      },
      { what: 'stalls', steps: does.sse(start, does.stall), model: 'hasty', code: 'upstream_timeout', status: 504 },
      {
        what: 'takes too long in all',
        steps: does.sse(...Array.from({ length: 40 }, () => [contentChunk('.'), does.pause(40)]).flat()),
        model: 'brief',
        code: 'upstream_timeout',
        status: 504,
      },
    ];
  for (const { what, steps, model, code, status } of cases) {
    it(`where the upstream ${what}`, async () => {
      upstream.next(steps);
      const { text, complete, status: line, entry } = await broken(model ? { model } : {});
      assert.equal(line, 200);
      assert.equal(complete, false, 'HTTP says that the answer is whole');
      assert.ok(!text.includes('[DONE]'));
      assert.match(text, /^data: \{"id":"chatcmpl-/);
      const { error } = lastEvent(text);
      assert.equal(error?.code, code);
      assert.equal(error?.type, 'api_error');
      assert.ok('param' in error! && error.message.length > 10);
      assert.equal(entry.status, status);
      assert.equal(entry.error, code);
      assert.match(entry.usage_source, /^(counted|estimated)$/);
      assert.ok(
        entry.tokens['output']! > 0 && entry.tokens['input']! > 0 && entry.cost_nusd['total']! > 0,
        'what arrived is billed',
      );
    });
  }

  it("where the upstream tells of an error itself, in the upstream's words", async () => {
    const told = event({
      error: { message: 'The engine is overloaded.', type: 'server_error', param: null, code: 'engine_overloaded' },
    });
    upstream.next(does.sse(start, half.step, told));
    const { text, complete, entry } = await broken({});
    assert.equal(complete, false);
    assert.ok(!text.includes('[DONE]'));
    assert.match(lastEvent(text).error!.message, /engine is overloaded/);
    assert.equal(lastEvent(text).error!.code, 'engine_overloaded');
    assert.notEqual(entry.status, 200);
  });
});

describe('an upstream that fails before its first event is answered with a status', () => {
  const cases: readonly { what: string; steps: readonly does.Step[]; model?: string; status: number; code: string }[] =
    [
      { what: 'closes the connection', steps: [does.cut], status: 502, code: 'upstream_error' },
      { what: 'resets the connection', steps: [does.reset], status: 502, code: 'upstream_error' },
      {
        what: 'does not speak HTTP',
        steps: [does.raw('SSH-2.0-OpenSSH_9.2\r\n\r\n'), does.stall],
        status: 502,
        code: 'upstream_error',
      },
      { what: 'says nothing', steps: [does.stall], model: 'hasty', status: 504, code: 'upstream_timeout' },
      { what: 'answers with a page', steps: does.html(200), status: 502, code: 'upstream_error' },
      { what: 'answers an error page', steps: does.html(502), status: 502, code: 'upstream_error' },
      {
        what: 'tells of an error with status 200',
        steps: does.json(200, { error: { message: 'No.', type: 'server_error', code: 'nope' } }),
        status: 502,
        code: 'nope',
      },
      {
        what: 'is busy',
        steps: does.openaiError(
          429,
          { message: 'Slow down.', type: 'rate_limit_error', code: 'rate_limit_exceeded' },
          { 'retry-after': '2' },
        ),
        status: 429,
        code: 'rate_limit_exceeded',
      },
      {
        what: 'is out of order',
        steps: does.openaiError(503, { message: 'Down.', type: 'server_error', code: 'down' }),
        status: 503,
        code: 'down',
      },
    ];
  for (const stream of [false, true]) {
    for (const { what, steps, model, status, code } of cases) {
      it(`${stream ? 'stream' : 'whole'}: ${what}`, async () => {
        upstream.next(steps);
        const answer = await whole({ stream, ...(model && { model }) });
        assert.equal(answer.status, status);
        assert.ok(answer.complete);
        const { error } = JSON.parse(answer.body.toString()) as { error: Record<string, unknown> };
        assert.equal(error['code'], code);
        assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
        assert.equal(answer.entry.status, status);
        assert.equal(answer.entry.stream, stream);
        assert.notEqual(answer.entry.error, null);
        if (status === 429) assert.equal(answer.headers.get('retry-after'), '2');
      });
    }
  }

  it('whole: its answer is cut in the middle', async () => {
    const body = JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(500) } }] });
    upstream.next([
      does.head(200, { 'content-type': 'application/json', 'content-length': body.length }),
      does.write(body.slice(0, 200)),
      does.pause(20),
      does.cut,
    ]);
    const answer = await whole({});
    assert.equal(answer.status, 502);
    assert.equal(answer.entry.error, 'upstream_error');
  });

  it('whole: its answer is not JSON, though it says so', async () => {
    upstream.next(does.json(200, '{"choices": [oops'));
    const answer = await whole({});
    assert.equal(answer.status, 502);
    assert.equal(answer.entry.error, 'upstream_error');
  });

  it('whole: it stalls in the middle of its answer', async () => {
    upstream.next([does.head(200, { 'content-type': 'application/json' }), does.write('{"choices":'), does.stall]);
    const answer = await whole({ model: 'hasty' });
    assert.equal(answer.status, 504);
    assert.equal(answer.entry.error, 'upstream_timeout');
  });

  it('nobody listens there: 502, and no address in the words', async () => {
    const response = await gateway.chat(key, { model: 'unreachable', messages });
    assert.equal(response.status, 502);
    assert.ok(!/127\.0\.0\.1|:9\b/.test(await response.text()));
  });
});

describe('a client that leaves takes its upstream along within 100 ms', () => {
  const cases = [
    { what: 'before the upstream has answered', stream: true, steps: [does.stall], seen: undefined },
    { what: 'while a whole answer is awaited', stream: false, steps: [does.stall], seen: undefined },
    {
      what: 'in the middle of a stream',
      stream: true,
      steps: does.sse(contentChunk('going'), does.stall),
      seen: /going/,
    },
  ];
  for (const { what, stream, steps, seen } of cases) {
    it(what, async () => {
      upstream.next(steps);
      const arrived = upstream.arrival();
      const answer = ask({ stream });
      const request = await arrived;
      if (seen) await answer.until(seen);
      const leftAt = performance.now();
      answer.socket.destroy();
      await request.over;
      const tookMs = request.abortedAt! - leftAt;
      assert.ok(tookMs < 100, `${tookMs} ms`);
      const [entry] = await gateway.entries(answer.requestId);
      assert.equal(entry!.status, 499);
      assert.equal(entry!.error, 'client_closed_request');
    });
  }

  it('while it is still sending its body, no upstream is called', async () => {
    const before = upstream.requests.length;
    const bytes = chatBytes(key, { model: 'm', messages });
    const answer = rawRequest(gateway.url, bytes.subarray(0, -10));
    await sleep(50);
    answer.socket.destroy();
    const next = await gateway.chat(key, { model: 'm', messages });
    assert.equal(next.status, 200);
    assert.equal(upstream.requests.length, before + 1);
  });
});

describe('backpressure', () => {
  it('a client that does not read stops the upstream from being read', async () => {
    const piece = contentChunk('x'.repeat(64 * 1024));
    const total = 1500; // about 96 MB, far more than all socket buffers hold
    upstream.next(does.sse(...Array.from({ length: total }, () => does.write(piece)), contentChunk('', 'stop'), DONE));
    const arrived = upstream.arrival();
    const answer = ask({ stream: true });
    const request = await arrived;
    await answer.until(/HTTP\/1\.1 200/);
    answer.socket.pause();
    const held = await stopsAt(() => request.sentBytes);
    assert.ok(held < (total * piece.length) / 2, `${held} bytes were taken from the upstream`);
    let tail = Buffer.alloc(0);
    const ended = new Promise<void>((resolve) => {
      answer.socket.on('data', (bytes) => {
        tail = Buffer.concat([tail, bytes]).subarray(-7);
        if (tail.toString('latin1') === '\r\n0\r\n\r\n') resolve();
      });
    });
    answer.socket.resume();
    await ended;
    assert.ok(answer.bytes().length > total * 64 * 1024);
    answer.socket.destroy();
  });

  /** The value at which it has stood still for 300 ms. */
  async function stopsAt(value: () => number): Promise<number> {
    for (let last = -1; ; ) {
      const now = value();
      if (now === last && now > 0) return now;
      last = now;
      await sleep(300);
    }
  }
});

describe('connections', () => {
  it('one of the upstream serves request after request, whole and streamed', async () => {
    const ports = new Set<number>();
    upstream.always((request) => [({ socket }) => void ports.add(socket.remotePort!), ...faithful(request)]);
    for (let i = 0; i < 10; i++) {
      const response = await gateway.chat(key, { model: 'm', messages, stream: i % 2 === 0 });
      await response.text();
    }
    assert.ok(ports.size <= 2, `${ports.size} connections for ten requests, one after the other`);
  });

  it('a client may send its next request on the connection of a refused one', async () => {
    const first = chatBytes(key, '{"model":');
    const answer = rawRequest(gateway.url, Buffer.concat([first, chatBytes(key, { model: 'm', messages })]));
    const text = await answer.until(/HTTP\/1\.1 400[\s\S]*HTTP\/1\.1 200[\s\S]*\}$/);
    assert.match(text, /invalid_json/);
    answer.socket.destroy();
  });
});
