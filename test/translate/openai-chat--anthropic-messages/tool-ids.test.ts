import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ToolIds } from '../../../src/translate/openai-chat--anthropic-messages/tool-ids.js';
import { assistant, refusal, sent, toolCall, toolResult, user } from './calls.js';

interface Told {
  readonly type: string;
  readonly id?: string;
  readonly tool_use_id?: string;
  readonly content?: unknown;
}

/** Calls and results in the order in which the target reads them: `+id` and `-id`. */
function idsOf(messages: readonly object[]): string[] {
  const blocks = sent({ messages }).messages.flatMap(({ content }) => content as unknown as Told[]);
  return blocks.flatMap(({ type, id, tool_use_id }) =>
    type === 'tool_use' ? [`+${id}`] : type === 'tool_result' ? [`-${tool_use_id}`] : [],
  );
}

const turn = (id: string, result = id) => [
  assistant(null, { tool_calls: [toolCall(id)] }),
  toolResult(result, `result of ${id}`),
];

test('an id that comes again in a later turn becomes another one, and its result with it', () => {
  const look = 'functions.look:0';
  assert.deepEqual(idsOf([user('x'), ...turn(look), ...turn(look), user('y'), ...turn(look)]), [
    ...['+functions_2elook_3a0', '-functions_2elook_3a0', '+functions_2elook_3a0_2', '-functions_2elook_3a0_2'],
    ...['+functions_2elook_3a0_3', '-functions_2elook_3a0_3'],
  ]);
});

test('ids of several calls in turns that begin anew are told apart', () => {
  const both = [
    assistant(null, { tool_calls: [toolCall('call_0'), toolCall('call_1')] }),
    toolResult('call_1', 'b'),
    toolResult('call_0', 'a'),
  ];
  assert.deepEqual(idsOf([user('x'), ...both, ...both]), [
    ...['+call_0', '+call_1', '-call_1', '-call_0', '+call_0_2', '+call_1_2', '-call_1_2', '-call_0_2'],
  ]);
});

test('an id that looks as another one becomes is no obstacle', () => {
  assert.deepEqual(idsOf([user('x'), ...turn('a.b'), ...turn('a_2eb'), ...turn('a_2eb_2'), ...turn('a.b')]), [
    ...['+a_2eb', '-a_2eb', '+a_2eb_2', '-a_2eb_2', '+a_2eb_2_2', '-a_2eb_2_2', '+a_2eb_3', '-a_2eb_3'],
  ]);
});

test('the beginning of a conversation has the same ids when it goes on', () => {
  const begin = [user('x'), ...turn('look:0'), ...turn('look:0')];
  assert.deepEqual(idsOf([...begin, ...turn('look:0')]).slice(0, 4), idsOf(begin));
});

test('two calls of one id that both wait are refused, since nobody can tell their results apart', () => {
  const messages = [
    user('x'),
    assistant(null, { tool_calls: [toolCall('a')] }),
    assistant(null, { tool_calls: [toolCall('a')] }),
  ];
  assert.equal(refusal({ messages }), 'invalid_value messages[2].tool_calls[0].id');
});

test('whatever the ids are, each is sent once, in letters that the target takes, and has its result', () => {
  const id = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.constantFrom('a', 'a_2', 'a_2_2', 'a.b', 'a_2eb'),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 30 }), (ids) => {
      const told = new ToolIds();
      const all = ids.map((one) => {
        const call = told.call(one, 'path');
        assert.ok(call !== undefined);
        assert.equal(told.answered(one), call);
        assert.equal(told.answered(one), undefined);
        return call;
      });
      assert.equal(new Set(all).size, ids.length);
      for (const one of all) assert.match(one, /^[a-zA-Z0-9_-]+$/);
    }),
  );
});

test('a hundred thousand turns of one id take no time to speak of', () => {
  const ids = new ToolIds();
  const before = performance.now();
  for (let i = 0; i < 100_000; i++) {
    ids.call('look:0', 'path');
    ids.answered('look:0');
  }
  assert.ok(performance.now() - before < 20_000);
});
