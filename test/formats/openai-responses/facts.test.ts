/** What limits, prices and routes learn of a request of the Responses API. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readResponsesRequest } from '../../../src/formats/openai-responses/request.js';
import { responsesUsage, responsesUsageIn } from '../../../src/formats/openai-responses/usage.js';
import type { Countable } from '../../../src/formats/request-facts.js';

const factsOf = (body: object) => {
  const read = readResponsesRequest(Buffer.from(JSON.stringify({ model: 'm', input: 'hi', ...body })));
  assert.ok(!(read instanceof Promise));
  assert.ok(read.ok);
  return read.value.facts;
};
const texts = (all: Iterable<Countable>) => [...all].filter((one) => typeof one === 'string');
const kinds = (all: Iterable<Countable>) =>
  [...all].flatMap((one) => (typeof one === 'string' || one.kind === 'frame' ? [] : [one.kind]));

describe('what is counted', () => {
  it('is all that the model reads: instructions, messages, calls, results, tools', () => {
    const facts = factsOf({
      instructions: 'Be brief.',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'look' },
            { type: 'input_image', image_url: 'data:x' },
            { type: 'input_file', file_data: 'AA==' },
            { type: 'input_audio', input_audio: { data: 'AA==' } },
          ],
        },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"x":1}' },
        { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: 'result' }] },
        { type: 'custom_tool_call', call_id: 'd', name: 'p', input: 'patch' },
        { type: 'reasoning', summary: [], encrypted_content: 'blob' },
      ],
      tools: [
        { type: 'function', name: 'f', parameters: {} },
        { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'g' }] },
      ],
      text: { format: { type: 'json_schema', name: 's', schema: {} } },
    });
    for (const text of ['Be brief.', 'look', '{"x":1}', 'result', 'patch'])
      assert.ok(texts(facts.countables()).includes(text), text);
    assert.deepEqual(kinds(facts.countables()).sort(), [
      'audio',
      'document',
      'id',
      'id',
      'id',
      'image',
      'json',
      'json',
      'tool',
      'tool',
    ]);
  });

  it('is never free, whatever it is', () => {
    for (const input of [
      [{ type: 'new_item', anything: 'at all' }],
      [{ role: 'user', content: [{ type: 'new_part', x: 1 }] }],
    ])
      assert.ok(kinds(factsOf({ input }).countables()).includes('json'));
  });
});

describe('what may be dearer', () => {
  it('is known by its kind, and what is not known is the dearest', () => {
    const part = (type: string) => factsOf({ input: [{ role: 'user', content: [{ type }] }] });
    assert.deepEqual([part('input_text').billable.images, part('input_text').mediaTokensMost()], [false, 0]);
    assert.equal(part('input_image').billable.images, true);
    assert.equal(part('input_audio').billable.audioInput, true);
    const unknown = part('hologram');
    assert.ok(unknown.billable.images && unknown.billable.audioInput);
    assert.ok(unknown.mediaTokensMost() >= part('input_file').mediaTokensMost());
  });

  it('is what a tool of the provider reads, and what a template says', () => {
    assert.equal(
      factsOf({
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'c' },
        ],
      }).mediaTokensMost(),
      0,
    );
    for (const body of [
      { tools: [{ type: 'web_search' }] },
      { prompt: { id: 'p' } },
      { input: [{ type: 'file_search_call' }] },
    ])
      assert.ok(factsOf(body).mediaTokensMost() > 100_000);
  });

  it('is found in results of tools', () => {
    const input = [{ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: 'x' }] }];
    assert.equal(factsOf({ input }).billable.images, true);
    assert.equal(factsOf({ input }).has('image'), true);
  });
});

it('features, maximum, last words and prefix', () => {
  const facts = factsOf({
    max_output_tokens: 50,
    input: [
      { role: 'developer', content: 'd' },
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'a' },
      { role: 'user', content: [{ type: 'input_text', text: 'last' }] },
    ],
    tools: [{ type: 'function', name: 'f' }],
    reasoning: { effort: 'low' },
    text: { format: { type: 'json_object' } },
    stream: true,
  });
  for (const feature of ['tools', 'json', 'reasoning', 'stream', 'system'] as const)
    assert.ok(facts.has(feature), feature);
  for (const feature of ['image', 'file', 'audio', 'json_schema'] as const) assert.ok(!facts.has(feature), feature);
  assert.equal(facts.maxOutput, 50);
  assert.equal(facts.lastUserText(), 'last');
  const same = factsOf({
    input: [
      { role: 'user', content: 'one' },
      { role: 'user', content: 'two' },
    ],
  }).prefix();
  assert.equal(
    factsOf({
      input: [
        { role: 'user', content: 'one' },
        { role: 'user', content: 'three' },
      ],
    }).prefix(),
    same,
  );
  assert.equal(factsOf({ prompt_cache_key: 'mine' }).prefix(), 'mine');
});

describe('usage', () => {
  const read = (usage: object, more: object = {}) => responsesUsageIn({ usage, ...more });

  it('has its input without what was cached, and its kinds', () => {
    const told = read(
      {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 30, cache_write_tokens: 20 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 4 },
      },
      { service_tier: 'flex', output: [{ type: 'web_search_call' }, { type: 'message' }] },
    )!;
    assert.equal(told.input, 50);
    assert.deepEqual([told.cache_read, told.cache_write_5m, told.output, told.reasoning], [30, 20, 9, 4]);
    assert.equal(told.service_tier, 'flex');
    assert.deepEqual(told.tools, { web_search: 1 });
    assert.deepEqual(responsesUsage(told), {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 30, cache_write_tokens: 20 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 109,
    });
  });

  it('is never below nothing, and says what it lacks', () => {
    assert.equal(read({ input_tokens: 5, input_tokens_details: { cached_tokens: 50 }, output_tokens: 1 })!.input, 5);
    assert.equal(read({ output_tokens: 3, output_tokens_details: { reasoning_tokens: 99 } })!.reasoning, 3);
    assert.equal(read({ output_tokens: 3 })!.lacks, 'input');
    assert.equal(read({ input_tokens: 3 })!.lacks, 'output');
    for (const usage of [null, 5, {}, { input_tokens: 'x' }]) assert.equal(responsesUsageIn({ usage }), undefined);
  });
});
