/** A request of the messages dialect to a target that speaks it: the bytes that go out, and those that come back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unknownModel } from '../../../src/formats/anthropic-messages/model-facts.js';
import { nativeMessages } from '../../../src/formats/anthropic-messages/native.js';
import { OWN_CITATION, ownSignature } from '../../../src/formats/anthropic-messages/own-signature.js';
import { readMessagesRequest } from '../../../src/formats/anthropic-messages/request.js';
import type { TargetFacts } from '../../../src/formats/translation.js';
import { atOnce } from '../../support/at-once.js';
import { fixture } from '../../translate/openai-chat--anthropic-messages/calls.js';

const target: TargetFacts = {
  model: 'claude-upstream',
  id: 'anthropic/claude-upstream',
  dropParams: false,
  forcedToolChoice: 'refuse',
  modelFacts: { ...unknownModel, maxOutput: 64_000 },
  outputField: 'max_tokens',
  maxOutput: 64_000,
  asksUsage: true,
  mostInputs: 1,
};

function carried(body: string, maxOutput: number | null = null) {
  const read = atOnce(readMessagesRequest(Buffer.from(body)));
  assert.ok(read.ok, read.ok ? '' : read.refusal.message);
  const translated = nativeMessages.translate(read.value, target, { maxOutput, nowMs: 0 });
  assert.ok('ok' in translated && translated.ok);
  return translated.value;
}

const sent = (body: string, maxOutput: number | null = null) => carried(body, maxOutput).body.toString();
const plain = (more = '') =>
  `{ "max_tokens": 1000,"messages":[{"role":"user","content":"hi"}] , "model" : "asked"${more}, "big": 12345678901234567890 }`;

describe('the request', () => {
  test('keeps its bytes, but for the model', () => {
    assert.equal(sent(plain()), plain().replace('"asked"', '"claude-upstream"'));
  });

  test('has a smaller maximum where a budget affords no more, or the model has no more', () => {
    assert.match(sent(plain(), 77), /"max_tokens": 77,/);
    assert.match(sent(plain(), 5000), /"max_tokens": 1000,/);
    assert.match(sent(plain().replace('1000', '128000')), /"max_tokens": 64000,/);
  });

  test('has a budget of thinking that fits into its maximum', () => {
    const thinking = (budget: number) => plain(`,"thinking": {"type":"enabled", "budget_tokens" : ${budget} }`);
    assert.match(sent(thinking(3000).replace('1000', '9000'), 2000), /"budget_tokens" : 1999 }/);
    assert.match(sent(thinking(1500).replace('1000', '9000'), 2000), /"budget_tokens" : 1500 }/);
    // Less than the least cannot be asked for: the target says so.
    assert.match(sent(thinking(3000).replace('1000', '9000'), 500), /"budget_tokens" : 3000 }/);
  });

  test('loses thinking that this gateway signed for another target, and nothing else', () => {
    const own = JSON.stringify({
      type: 'thinking',
      thinking: 'x',
      signature: ownSignature('other/m', 'reasoning', 'x'),
    });
    const real = '{"type":"thinking", "thinking":"" , "signature":"EqQB+/=="}';
    const body = (content: string) =>
      `{"model":"asked","max_tokens":1,"messages":[{"role":"user","content":"tg1."}, { "content" : ${content},"role":"assistant"}]}`;
    const out = (content: string) => sent(body(content)).replace('"claude-upstream"', '"asked"');
    assert.equal(out(`[ ${real} , {"type":"text","text":"a"} ]`), body(`[ ${real} , {"type":"text","text":"a"} ]`));
    assert.equal(
      out(`[ ${own}, ${real}, {"type":"tool_use","id":"t","name":"n","input":{"n": 1.0}} ]`),
      body(`[${real},{"type":"tool_use","id":"t","name":"n","input":{"n": 1.0}}]`),
    );
    assert.equal(out(`[${own}]`), body('[{"type":"text","text":"(thinking)"}]'));
    const cited = (text: string) =>
      JSON.stringify({ type: 'text', text, citations: [{ encrypted_index: OWN_CITATION }] });
    assert.equal(out(`[${cited('a')},${cited('')}]`), body('[{"type":"text","text":"a"}]'));
  });
});

describe('the answer', () => {
  const read = (body: string | Buffer) => {
    const answer = carried(plain()).answer(Buffer.from(body));
    assert.ok(!(answer instanceof Promise));
    return answer;
  };

  for (const name of ['text.json', 'tools.json', 'thinking.json', 'refusal.json']) {
    test(`keeps its bytes: ${name}`, () => {
      const answer = read(fixture(name));
      assert.ok(answer.ok);
      assert.equal(answer.body.toString(), fixture(name).toString());
      assert.ok(answer.usage && answer.usage.output >= 0);
      assert.equal(answer.filtered, name === 'refusal.json');
      assert.ok(answer.servedModel?.startsWith('claude'));
      assert.equal(answer.text() === '', name === 'refusal.json');
    });
  }

  test('that is none is a failure: an error, no JSON, no message, nothing said', () => {
    const cases = ['', 'no', '[]', '{}', '{"content":"x"}', '{"type":"message","content":[],"stop_reason":null}'];
    for (const body of cases) {
      const answer = read(body);
      assert.ok(!answer.ok, body);
      assert.equal(answer.failure.kind, 'garbage');
    }
    const error = read('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
    assert.ok(!error.ok);
    assert.deepEqual([error.failure.kind, error.failure.status], ['in_band', 529]);
  });
});

describe('the stream', () => {
  const extra = { cost_usd: '0', attempts: 1, cache: 'off' };

  /** Fed in pieces of so many bytes. */
  function streamed(bytes: Buffer, size = bytes.length) {
    const reader = carried(plain()).stream();
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) out.push(reader.push(bytes.subarray(at, at + size)));
    reader.end();
    return { reader, before: Buffer.concat(out).toString(), after: reader.closing(extra).toString() };
  }

  for (const name of [
    'text.sse',
    'tools.sse',
    'thinking.sse',
    'max-tokens.sse',
    'refusal.sse',
    'corrected-usage.sse',
  ]) {
    for (const size of [1, 7, 100_000]) {
      test(`keeps its bytes, and holds back its end: ${name} in pieces of ${size}`, () => {
        const bytes = fixture(name);
        const { reader, before, after } = streamed(bytes, size);
        assert.equal(reader.failure, undefined);
        assert.ok(reader.done);
        assert.equal(before + after, bytes.toString());
        assert.match(after, /^event: message_delta\n.*event: message_stop\n/s);
        assert.ok(!before.includes('stop_reason":"'), 'the reason of the end is held back');
        assert.equal(reader.filtered, name === 'refusal.sse');
        assert.ok((reader.usage?.input ?? 0) + (reader.usage?.cache_read ?? 0) > 0);
      });
    }
  }

  test('usage is the last that was told', () => {
    assert.equal(streamed(fixture('corrected-usage.sse')).reader.usage?.input, 61);
  });

  test('is begun with the first word, not with its frame, and has text for what was generated', () => {
    const reader = carried(plain()).stream();
    const [start, open, ping, delta] = fixture('text.sse')
      .toString()
      .split(/(?<=\n\n)/);
    reader.push(Buffer.from(start! + open!));
    assert.equal(reader.begun, false);
    reader.push(Buffer.from(ping! + delta!));
    assert.equal(reader.begun, true);
    assert.notEqual(reader.text(), '');
    assert.equal(reader.empty, false);
  });

  test('that ends too early, is cut in an event, or holds what is none is a failure', () => {
    const events = fixture('text.sse')
      .toString()
      .split(/(?<=\n\n)/);
    assert.equal(streamed(Buffer.from(events.slice(0, -1).join(''))).reader.failure?.kind, 'cut');
    assert.equal(streamed(Buffer.from(`${events.slice(0, 3).join('')}event: content`)).reader.failure?.kind, 'cut');
    const broken = ['data: {"type":\n\n', 'data: 7\n\n', 'data: {}\n\n', 'data: {"type":"message_stop"}\n\n'];
    for (const bytes of broken) assert.equal(streamed(Buffer.from(bytes)).reader.failure?.kind, 'garbage', bytes);
    assert.equal(streamed(fixture('spliced-start.sse')).reader.failure?.kind, 'garbage');
    assert.equal(streamed(fixture('overloaded.sse')).reader.failure?.status, 529);
    const alone = `${events[0]}${events.at(-1)}`;
    assert.equal(streamed(Buffer.from(alone)).reader.failure?.kind, 'garbage');
  });

  test('a second start of the same message is left out, which clients would not take', () => {
    const { before } = streamed(fixture('duplicate-start.sse'));
    assert.equal(before.match(/event: message_start/g)?.length, 1);
  });

  test('events without a name get theirs: clients pass over those that have none', () => {
    const nameless = fixture('text.sse')
      .toString()
      .replaceAll(/^event: .*\n/gm, '');
    const { before, after, reader } = streamed(Buffer.from(nameless));
    assert.ok(reader.done);
    assert.match(before, /^event: message_start\ndata: /);
    assert.match(after, /event: message_stop\ndata: /);
  });

  test('kinds of events that are not known go through, and a last line may lack its blank one', () => {
    const bytes = fixture('text.sse').toString();
    const odd = bytes.replace('event: ping', 'event: from_the_future\ndata: {"type":"from_the_future"}\n\nevent: ping');
    assert.match(streamed(Buffer.from(odd)).before, /from_the_future/);
    const { reader, after } = streamed(Buffer.from(bytes.trimEnd()));
    assert.ok(reader.done);
    assert.ok(after.endsWith('\n\n'));
  });
});
