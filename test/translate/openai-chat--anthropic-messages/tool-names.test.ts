import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletion } from 'openai/resources/chat/completions';
import { atOnce } from '../../support/at-once.js';
import {
  assistant,
  deltasOf,
  refusal,
  sent,
  streamed,
  tool,
  toolCall,
  toolResult,
  translation,
  user,
} from './calls.js';

const LONG = `mcp.${'x'.repeat(200)}`;
const names = ['caldav.create-event', 'caldav/create-event', 'wetter für:heute', LONG];
const named = (name: string) => ({ type: 'function', function: { name } });

interface Sent {
  readonly tools: readonly { readonly name: string }[];
  readonly tool_choice?: { readonly name?: string };
}
const toolsOf = (body: object) => sent(body) as unknown as Sent;

test('a name that the target takes stays as it is', () => {
  assert.deepEqual(
    toolsOf({ tools: [tool('get_weather-2')] }).tools.map(({ name }) => name),
    ['get_weather-2'],
  );
});

test('other names become names that the target takes, each its own and the same in every request', () => {
  const body = { tools: names.map((name) => tool(name)) };
  const sentNames = toolsOf(body).tools.map(({ name }) => name);
  for (const name of sentNames) assert.match(name, /^[a-zA-Z0-9_-]{1,128}$/);
  assert.equal(new Set(sentNames).size, names.length);
  assert.match(sentNames[0]!, /^caldav_create-event_/);
  assert.deepEqual(
    toolsOf(body).tools.map(({ name }) => name),
    sentNames,
  );
});

for (const name of names) {
  const body = { tools: [tool('other'), tool(name)], messages: [user('x')] };
  const sentName = toolsOf(body).tools[1]!.name;
  const use = { type: 'tool_use', id: 't1', name: sentName, input: {} };

  test(`${name.slice(0, 30)} is what the caller sees called, whole and streamed`, () => {
    const answer = atOnce(translation(body).answer(Buffer.from(JSON.stringify({ type: 'message', content: [use] }))));
    assert.ok(answer.ok);
    const [call] = (JSON.parse(answer.body.toString('utf8')) as ChatCompletion).choices[0]!.message.tool_calls!;
    assert.ok(call?.type === 'function' && call.function.name === name);
    const event = (data: object) => Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
    const { bytes } = streamed(body, [
      event({ type: 'message_start', message: { id: 'm' } }),
      event({ type: 'content_block_start', index: 0, content_block: use }),
      event({ type: 'content_block_stop', index: 0 }),
      event({ type: 'message_stop' }),
    ]);
    const [told] = deltasOf(bytes).flatMap(({ tool_calls }) => (tool_calls ?? []) as { function: { name?: string } }[]);
    assert.equal(told?.function.name, name);
  });

  test(`${name.slice(0, 30)} is the same tool in a choice and in the conversation`, () => {
    const messages = [user('x'), assistant(null, { tool_calls: [toolCall('a', name)] }), toolResult('a', 'ok')];
    const request = sent({ ...body, messages, tool_choice: named(name) });
    assert.deepEqual(request.tool_choice, { type: 'tool', name: sentName });
    assert.ok(JSON.stringify(request.messages).includes(`"name":"${sentName}"`));
  });
}

test('a choice of a tool that is not declared is refused, whatever its name', () => {
  const body = { tools: [tool('a.b')], tool_choice: named('a.c') };
  assert.equal(refusal(body), 'invalid_value tool_choice.function.name');
});
