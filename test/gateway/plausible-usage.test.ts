/** Usage within what a request can have used: totals, parts, tools. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noUsage } from '../../src/formats/usage.js';
import { entered, type MostUsage } from '../../src/gateway/plausible-usage.js';

const most: MostUsage = { sentBytes: 200, input: () => 1000, output: 50 };
const used = (fields: object) => ({ ...noUsage(), ...fields });

test('what is possible is entered as it was told, without what is no count', () => {
  const told = used({ input: 100, cache_read: 900, output: 50, reasoning: 20, tools: { web_search: 3 } });
  assert.deepEqual(entered({ ...told, service_tier: 'flex', lacks: 'output' }, most), {
    tokens: told,
    service: 'flex',
    implausible: false,
  });
});

test('an input beyond the most is brought down to it, each kind by its share', () => {
  const { tokens, implausible } = entered(used({ input: 1e12, cache_read: 1e12, cache_write_5m: 2e12 }), most);
  assert.deepEqual([tokens.input, tokens.cache_read, tokens.cache_write_5m], [250, 250, 500]);
  assert.ok(implausible);
  for (const odd of [1001, 1003, 7777, 123_456_789]) {
    const kinds = entered(used({ input: odd, cache_read: odd, cache_write_1h: 3 }), most).tokens;
    assert.equal(kinds.input + kinds.cache_read + kinds.cache_write_1h, 1000);
    for (const value of Object.values(kinds)) assert.ok(Number.isSafeInteger(value) && (value as number) >= 0);
  }
});

test('an output beyond the most is the most, and no part is more than its whole', () => {
  const told = used({
    input: 10,
    output: 51,
    reasoning: 99,
    audio_output: 99,
    image_output: 99,
    audio_input: 99,
    image_input: 99,
  });
  const { tokens, implausible } = entered(told, most);
  assert.ok(implausible);
  const { output, reasoning, audio_output, image_output, audio_input, image_input } = tokens;
  assert.deepEqual([output, reasoning, audio_output, image_output, audio_input, image_input], [50, 50, 50, 50, 10, 10]);
});

test('uses of tools are bounded', () => {
  const { tokens, implausible } = entered(used({ output: 1, tools: { web_search: 1e12, file_search: 2 } }), most);
  assert.deepEqual(tokens.tools, { web_search: 1000, file_search: 2 });
  assert.ok(implausible);
});
