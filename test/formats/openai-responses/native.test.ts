/** A request of the Responses API to a target that speaks it: what is taken out of the bytes that go out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nativeResponses } from '../../../src/formats/openai-responses/native.js';
import { readResponsesRequest } from '../../../src/formats/openai-responses/request.js';
import type { TargetFacts } from '../../../src/formats/translation.js';

const target: TargetFacts = {
  ...{ model: 'gpt-upstream', id: 'openai/gpt-upstream', dropParams: false, forcedToolChoice: 'refuse' },
  ...{ modelFacts: null, outputField: 'max_tokens', maxOutput: null, asksUsage: true, mostInputs: 1 },
};

const own = { type: 'reasoning', summary: [], encrypted_content: 'tg1.e30' };
const theirs = { type: 'reasoning', summary: [], encrypted_content: 'gAAAA' };
const said = (content: string) => ({ role: 'user', content });

const bodyOf = (input: unknown) =>
  Buffer.from(`{"unknown": 1.0,"input":${JSON.stringify(input)}, "model":"asked","store":false}`);

async function carried(input: unknown) {
  const read = await readResponsesRequest(bodyOf(input));
  assert.ok(read.ok);
  return nativeResponses.translate(read.value, target, { maxOutput: null, nowMs: 0 });
}

async function sent(input: unknown): Promise<string> {
  const made = await carried(input);
  assert.ok(made.ok);
  return made.value.body.toString();
}

const expected = (input: unknown) => bodyOf(input).toString().replace('"asked"', '"gpt-upstream"');

test('thoughts of other makers are taken out, and all else keeps its bytes', async () => {
  assert.equal(await sent([said('a'), own, theirs, own, said('é')]), expected([said('a'), theirs, said('é')]));
  assert.equal(await sent([said('a'), theirs]), expected([said('a'), theirs]));
  assert.equal(await sent('a'), expected('a'));
});

test('a long conversation with such is written in turns of the event loop', async () => {
  const long = [own, ...Array.from({ length: 2_000 }, (_, i) => said(`${i} ${'x'.repeat(1_000)}`))];
  const read = await readResponsesRequest(bodyOf(long));
  assert.ok(read.ok);
  const made = nativeResponses.translate(read.value, target, { maxOutput: null, nowMs: 0 });
  assert.ok(made instanceof Promise, 'it comes later');
  const result = await made;
  assert.ok(result.ok);
  assert.equal(result.value.body.toString(), expected(long.slice(1)));
});
