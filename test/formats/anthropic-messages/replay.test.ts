/** Answers of the messages dialect that are kept: put together from streams, judged, told again whole and streamed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageAsStream } from '../../../src/formats/anthropic-messages/events.js';
import { messagesReplay } from '../../../src/formats/anthropic-messages/replay.js';
import { readMessagesRequest } from '../../../src/formats/anthropic-messages/request.js';
import { wholeMessage } from '../../../src/formats/anthropic-messages/whole.js';
import { noUsage } from '../../../src/formats/usage.js';
import type { Json } from '../../../src/lib/json.js';
import { finishNow } from '../../../src/lib/turns.js';
import { atOnce } from '../../support/at-once.js';
import { fixture } from '../../translate/openai-chat--anthropic-messages/calls.js';

const usage = { ...noUsage(), input: 7, cache_read: 2, output: 5 };
const least = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const message = (more: object) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'Hello.' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 7, output_tokens: 5 },
  ...more,
});

function request(more: object = {}) {
  const read = atOnce(readMessagesRequest(Buffer.from(JSON.stringify({ ...least, ...more }))));
  assert.ok(read.ok);
  return read.value;
}

describe('a stream and its whole', () => {
  for (const name of ['text', 'tools', 'thinking', 'refusal']) {
    test(`the stream of ${name} is put together to the message that it told`, () => {
      const whole = JSON.parse(fixture(`${name}.json`).toString()) as Json;
      const put = finishNow(wholeMessage([fixture(`${name}.sse`)], usage))!;
      assert.deepEqual(
        (put['content'] as Json[]).map(({ type }) => type),
        (whole['content'] as Json[]).map(({ type }) => type),
      );
      assert.equal(put['stop_reason'], whole['stop_reason']);
      assert.deepEqual(
        (({ input_tokens, cache_read_input_tokens, output_tokens }: Json) => [
          input_tokens,
          cache_read_input_tokens,
          output_tokens,
        ])(put['usage'] as Json),
        [7, 2, 5],
      );
    });

    test(`a whole ${name} told as a stream is put together to itself`, () => {
      const told = messageAsStream(fixture(`${name}.json`));
      const { usage: _, ...whole } = JSON.parse(fixture(`${name}.json`).toString()) as Json;
      const { usage: __, ...put } = finishNow(wholeMessage([told], usage))!;
      assert.deepEqual(put, whole);
    });
  }

  test('citations survive', () => {
    const cited = message({
      content: [{ type: 'text', text: 'It is so.', citations: [{ type: 'char_location', cited_text: 'so' }] }],
    });
    const told = messageAsStream(Buffer.from(JSON.stringify(cited)));
    assert.deepEqual(finishNow(wholeMessage([told], usage))!['content'], cited.content);
  });

  test('what is not whole, or not understood, is not put together', () => {
    const events = fixture('text.sse')
      .toString()
      .split(/(?<=\n\n)/);
    const of = (...some: string[]) => finishNow(wholeMessage([Buffer.from(some.join(''))], usage));
    assert.ok(of(...events));
    assert.equal(of(...events.slice(0, -1)), undefined);
    assert.equal(of(...events.slice(1)), undefined);
    assert.equal(of(events[0]!, ...events), undefined);
    assert.equal(of(events[0]!, 'data: {"type":"from_the_future"}\n\n', ...events.slice(1)), undefined);
    assert.equal(of(events[0]!, 'data: no\n\n', ...events.slice(1)), undefined);
    const odd = 'data: {"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"x"}}\n\n';
    assert.equal(of(events[0]!, odd, ...events.slice(1)), undefined);
  });
});

describe('what may be kept', () => {
  const repeatable = (more: object) => messagesReplay.isRepeatable(Buffer.from(JSON.stringify(message(more))));

  test('words that ended by themselves, and nothing that calls, was cut, or was declined', () => {
    assert.equal(repeatable({}), true);
    assert.equal(repeatable({ stop_reason: 'stop_sequence' }), true);
    const thought = { type: 'thinking', thinking: 'x', signature: 's' };
    assert.equal(repeatable({ content: [thought, { type: 'text', text: 'a' }] }), true);
    assert.equal(repeatable({ stop_reason: 'max_tokens' }), false);
    assert.equal(repeatable({ stop_reason: 'refusal' }), false);
    assert.equal(repeatable({ stop_reason: 'pause_turn' }), false);
    assert.equal(repeatable({ content: [] }), false);
    assert.equal(repeatable({ content: [thought] }), false);
    assert.equal(repeatable({ content: [{ type: 'text', text: '' }] }), false);
    assert.equal(repeatable({ content: [{ type: 'text', text: 'a' }, { type: 'tool_use' }] }), false);
  });

  test('a request whose answer depends on more than itself is not answered from the cache', () => {
    assert.equal(messagesReplay.unfit(request()), null);
    const unfit: object[] = [
      { container: 'c' },
      { mcp_servers: [{}] },
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    ];
    for (const more of unfit) assert.notEqual(messagesReplay.unfit(request(more)), null);
    assert.equal(messagesReplay.unfit(request({ tools: [{ name: 'a', input_schema: {} }] })), null);
  });

  test('how an answer is delivered and recorded is no part of what it answers', () => {
    const identity = messagesReplay.identity(request({ stream: true, metadata: { user_id: 'ann' } }));
    assert.deepEqual(identity, { max_tokens: 10, messages: least.messages });
  });

  test('it is told again under an id of its own', () => {
    const again = JSON.parse(
      messagesReplay.retold(Buffer.from(JSON.stringify(message({}))), 1e12, request({})).toString(),
    ) as Json;
    assert.match(again['id'] as string, /^msg_0/);
    assert.deepEqual(again, { ...message({}), id: again['id'] });
    assert.equal(messagesReplay.words(Buffer.from(JSON.stringify(message({})))), 'Hello.');
  });
});

describe('what is compared by meaning', () => {
  const prompt = (messages: unknown, more: object = {}) => messagesReplay.prompt(request({ messages, ...more }), 3);

  test('is the text of the last turn, with all else of the request beside it', () => {
    const found = prompt([{ role: 'user', content: 'What is it?' }], { system: 'Be brief.' });
    assert.ok(typeof found === 'object');
    assert.equal(found.text, 'What is it?');
    assert.deepEqual(found.rest, { max_tokens: 10, system: 'Be brief.', messages: [{ role: 'user', content: null }] });
    const block = prompt([{ role: 'user', content: [{ type: 'text', text: 'What?' }] }]);
    assert.ok(typeof block === 'object' && block.text === 'What?');
  });

  test('is nothing where there is more than text, a tool, or a long conversation', () => {
    const user = (content: unknown) => ({ role: 'user', content });
    assert.equal(prompt([user('a'), { role: 'assistant', content: 'b' }]), 'no text');
    assert.equal(prompt([user(' ')]), 'no text');
    assert.equal(prompt([user([{ type: 'text', text: 'a' }, { type: 'image' }])]), 'no text');
    assert.equal(prompt([user([{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }])]), 'no text');
    const called = { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'n', input: {} }] };
    assert.equal(prompt([user('a'), called, user('b')]), 'tools');
    assert.equal(prompt([user('a'), user('b'), user('c'), user('d')]), 'turns');
  });
});
