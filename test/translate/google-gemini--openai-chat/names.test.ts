/** Names of functions that Google takes and chat completions do not, on their way there and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGeminiRequest } from '../../../src/formats/google-gemini/request.js';
import type { TargetFacts } from '../../../src/formats/translation.js';
import { Findings } from '../../../src/translate/findings.js';
import { geminiByChat } from '../../../src/translate/google-gemini--openai-chat/request.js';
import { atOnce } from '../../support/at-once.js';

const NAMES = ['files.read:v2', `list_${'very_'.repeat(20)}long`, 'look'];
const CHAT_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

const part = (name: string) => ({ functionCall: { name, args: { a: 1 } } });
const body = {
  contents: [
    { role: 'user', parts: [{ text: 'Look.' }] },
    { role: 'model', parts: NAMES.map(part) },
    { role: 'user', parts: NAMES.map((name) => ({ functionResponse: { name, response: { output: 'ok' } } })) },
  ],
  tools: [{ functionDeclarations: NAMES.map((name) => ({ name })) }],
  toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: NAMES.slice(0, 2) } },
};
const target = { model: 'm', id: 'p/m', dropParams: false } as TargetFacts;

test('odd and long names are sent as chat completions take them, the same everywhere, and told in full in answers', () => {
  const read = atOnce(
    readGeminiRequest(Buffer.from(JSON.stringify(body)), { model: 'm', stream: false, asArray: false }),
  );
  assert.ok(read.ok);
  const request = read.value as Parameters<typeof geminiByChat.toChat>[0];
  // biome-ignore lint/suspicious/noExplicitAny: what is sent is looked at field by field
  const sent = geminiByChat.toChat(request, target, new Findings(false)) as any;
  const named = (calls: { function: { name: string } }[]): string[] => calls.map((call) => call.function.name);
  const names = named(sent.tools);
  assert.ok(names.every((name) => CHAT_NAME.test(name)) && new Set(names).size === 3, String(names));
  assert.equal(names[2], 'look');
  assert.deepEqual(named(sent.messages[1].tool_calls), names);
  assert.deepEqual(named(sent.tool_choice.allowed_tools.tools), names.slice(0, 2));

  const calls = names.map((name, index) => ({ index, id: `c${index}`, function: { name, arguments: '{"a":1}' } }));
  const terms = { request, model: 'm', target: 'p/m', nowMs: 0 };
  const whole = JSON.stringify(
    geminiByChat.answer(
      { choices: [{ message: { tool_calls: calls }, finish_reason: 'tool_calls' }] },
      undefined,
      terms,
    ),
  );
  const writer = geminiByChat.writer(terms);
  const streamed =
    writer.chunk({ choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: 'tool_calls' }] }) +
    writer.closing(undefined, { cost_usd: '0', attempts: 1, cache: 'off' });
  for (const text of [whole, streamed]) for (const name of NAMES) assert.ok(text.includes(`"name":"${name}"`), text);
});
