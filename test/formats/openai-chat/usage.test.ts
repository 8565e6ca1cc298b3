/** Usage in the chat dialect, wherever providers put it: one recorded form for each place, and what numbers may be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { usageIn } from '../../../src/formats/openai-chat/usage.js';
import { laterUsage, noUsage, type Usage } from '../../../src/formats/usage.js';

const used = (fields: object): Usage => ({ ...noUsage(), ...fields });

describe('where usage stands', () => {
  const rows: readonly (readonly [name: string, wire: object, expected: object])[] = [
    [
      'OpenAI: prompt and completion with parts',
      {
        service_tier: 'flex',
        usage: {
          ...{ prompt_tokens: 1000, completion_tokens: 300, total_tokens: 1300 },
          prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 100, audio_tokens: 20, image_tokens: 30 },
          completion_tokens_details: { reasoning_tokens: 200, audio_tokens: 5, image_tokens: 7 },
        },
      },
      {
        ...{ input: 300, cache_read: 600, cache_write_5m: 100, output: 300, reasoning: 200 },
        ...{ audio_input: 20, image_input: 30, audio_output: 5, image_output: 7, service_tier: 'flex' },
      },
    ],
    ['Groq: x_groq', { usage: null, x_groq: { usage: { prompt_tokens: 9, completion_tokens: 4 } } }, [9, 0, 4]],
    ['Moonshot: choices[0]', { choices: [{ usage: { prompt_tokens: 9, completion_tokens: 4 } }] }, [9, 0, 4]],
    [
      'Moonshot: cached_tokens',
      { usage: { prompt_tokens: 90, completion_tokens: 4, total_tokens: 94, cached_tokens: 64 } },
      [26, 64, 4],
    ],
    [
      'DeepSeek: prompt_cache_hit_tokens',
      { usage: { prompt_tokens: 90, completion_tokens: 4, prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 26 } },
      [26, 64, 4],
    ],
    [
      'Mistral: num_cached_tokens',
      { usage: { prompt_tokens: 90, completion_tokens: 4, num_cached_tokens: 64 } },
      [26, 64, 4],
    ],
    [
      'Mistral: prompt_token_details',
      { usage: { prompt_tokens: 90, completion_tokens: 4, prompt_token_details: { cached_tokens: 64 } } },
      [26, 64, 4],
    ],
    [
      'OpenRouter: server_tool_use',
      { usage: { prompt_tokens: 9, completion_tokens: 4, server_tool_use: { web_search_requests: 2 } } },
      { input: 9, output: 4, tools: { web_search: 2 } },
    ],
    [
      'Perplexity: num_search_queries',
      { usage: { prompt_tokens: 9, completion_tokens: 4, num_search_queries: 21 } },
      { input: 9, output: 4, tools: { web_search: 21 } },
    ],
    [
      'xAI: server_side_tool_usage_details',
      {
        usage: {
          ...{ prompt_tokens: 9, completion_tokens: 4 },
          server_side_tool_usage_details: { web_search_calls: 1, file_search_calls: 3, x_search_calls: 5 },
        },
      },
      { input: 9, output: 4, tools: { web_search: 1, file_search: 3 } },
    ],
    [
      'uses of tools that are no counts',
      { usage: { prompt_tokens: 9, completion_tokens: 4, num_search_queries: '7', server_tool_use: null } },
      [9, 0, 4],
    ],
    [
      'one figure under several names counts once',
      {
        usage: {
          ...{ prompt_tokens: 90, completion_tokens: 4, total_tokens: 94 },
          ...{ prompt_tokens_details: { cached_tokens: 64 }, prompt_cache_hit_tokens: 64, cache_read_input_tokens: 64 },
        },
        choices: [{ usage: { prompt_tokens: 90, completion_tokens: 4, total_tokens: 94, cached_tokens: 64 } }],
      },
      [26, 64, 4],
    ],
    [
      'a proxy in front of Anthropic, cached tokens inside the prompt',
      {
        usage: {
          ...{ prompt_tokens: 950, completion_tokens: 20, total_tokens: 970 },
          ...{ cache_read_input_tokens: 800, cache_creation_input_tokens: 50 },
        },
      },
      { input: 100, cache_read: 800, cache_write_5m: 50, output: 20 },
    ],
    [
      'a proxy in front of Anthropic, cached tokens beside the prompt',
      {
        usage: {
          ...{ prompt_tokens: 100, completion_tokens: 20, total_tokens: 970 },
          ...{ cache_read_input_tokens: 800, cache_creation_input_tokens: 50 },
        },
      },
      { input: 100, cache_read: 800, cache_write_5m: 50, output: 20 },
    ],
    [
      'cached tokens that the prompt cannot hold stand beside it',
      { usage: { prompt_tokens: 100, completion_tokens: 20, prompt_tokens_details: { cached_tokens: 800 } } },
      [100, 800, 20],
    ],
    [
      'prompt_tokens_details.cache_creation_tokens, with lifetimes',
      {
        usage: {
          ...{ prompt_tokens: 950, completion_tokens: 20 },
          prompt_tokens_details: {
            ...{ cached_tokens: 800, cache_creation_tokens: 50 },
            cache_creation_token_details: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
          },
        },
      },
      { input: 100, cache_read: 800, cache_write_5m: 20, cache_write_1h: 30, output: 20 },
    ],
    [
      'hidden thinking: what the total has beyond the two is output',
      { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 215 } },
      { input: 10, output: 205 },
    ],
    [
      'xAI: reasoning beside the completion',
      {
        usage: {
          ...{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 215 },
          completion_tokens_details: { reasoning_tokens: 200 },
        },
      },
      { input: 10, output: 205, reasoning: 200 },
    ],
    [
      'reasoning that the completion cannot hold stands beside it',
      { usage: { prompt_tokens: 10, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 200 } } },
      { input: 10, output: 205, reasoning: 200 },
    ],
    [
      'reasoning inside the completion is not counted twice',
      {
        usage: {
          ...{ prompt_tokens: 10, completion_tokens: 205, total_tokens: 215 },
          completion_tokens_details: { reasoning_tokens: 200 },
        },
      },
      { input: 10, output: 205, reasoning: 200 },
    ],
    [
      'cached tokens and reasoning both beside',
      {
        usage: {
          ...{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 95, prompt_cache_hit_tokens: 50 },
          completion_tokens_details: { reasoning_tokens: 30 },
        },
      },
      { input: 10, cache_read: 50, output: 35, reasoning: 30 },
    ],
    ['a total says what the prompt was', { usage: { completion_tokens: 5, total_tokens: 95 } }, [90, 0, 5]],
    ['a total says what the completion was', { usage: { prompt_tokens: 90, total_tokens: 95 } }, [90, 0, 5]],
  ];
  for (const [name, wire, expected] of rows) {
    test(name, () => {
      const [input, cache_read, output] = Array.isArray(expected) ? (expected as number[]) : [];
      assert.deepEqual(usageIn(wire), used(Array.isArray(expected) ? { input, cache_read, output } : expected));
    });
  }
});

describe('numbers that are none', () => {
  for (const bad of ['null', '"12"', '-4', '{"a":1}', '[3]', 'true', '-1e999']) {
    test(`${bad} beside a good figure is not told`, () => {
      const output = usageIn(JSON.parse(`{"usage":{"prompt_tokens":10,"completion_tokens":${bad}}}`) as object);
      assert.deepEqual(output, used({ input: 10, lacks: 'output' }));
      const input = usageIn(JSON.parse(`{"usage":{"prompt_tokens":${bad},"completion_tokens":10}}`) as object);
      assert.deepEqual(input, used({ output: 10, lacks: 'input' }));
      assert.equal(usageIn(JSON.parse(`{"usage":{"prompt_tokens":${bad}}}`) as object), undefined);
    });
  }

  for (const huge of ['18446744073709551615', '1e300', '1e999']) {
    test(`${huge} is a safe integer wherever it stands`, () => {
      const text = `{"usage":{"prompt_tokens":${huge},"completion_tokens":${huge},"total_tokens":${huge},
        "prompt_tokens_details":{"cached_tokens":${huge},"cache_write_tokens":${huge},"audio_tokens":${huge},"image_tokens":${huge}},
        "completion_tokens_details":{"reasoning_tokens":${huge},"audio_tokens":${huge}}}}`;
      const usage = usageIn(JSON.parse(text) as object);
      for (const [kind, value] of Object.entries(usage ?? {}))
        assert.ok(Number.isSafeInteger(value), `${kind}: ${value}`);
      assert.ok(usage!.output > 1e11);
    });
  }

  test('a fraction is cut to what is whole of it', () => {
    assert.deepEqual(usageIn({ usage: { prompt_tokens: 10.9, completion_tokens: 0.5 } }), used({ input: 10 }));
  });

  test('what holds no usage reports none', () => {
    for (const wire of [
      {},
      { usage: null },
      { usage: 7 },
      { usage: [] },
      { usage: {} },
      { choices: 'x' },
      { choices: [null] },
    ])
      assert.equal(usageIn(wire), undefined);
  });
});

describe('later reports of one answer', () => {
  const before = used({ input: 100, cache_read: 800, output: 50, reasoning: 20 });

  test('zeros after good figures erase nothing', () => {
    assert.deepEqual(laterUsage(before, noUsage()), before);
    assert.deepEqual(laterUsage(before, used({ input: 100, cache_read: 800, output: 0 })), before);
  });

  test('a report that moves input from one kind to another is not added up', () => {
    const moved = used({ input: 0, cache_read: 900, output: 60, reasoning: 20 });
    assert.deepEqual(laterUsage(before, moved), moved);
  });

  test('uses of tools are kept where a later report does not tell them', () => {
    const searched = used({ input: 1, output: 1, tools: { web_search: 2 } });
    assert.deepEqual(laterUsage(searched, used({ input: 1, output: 5 }))?.tools, { web_search: 2 });
    const more = used({ input: 1, output: 5, tools: { web_search: 1, file_search: 4 } });
    assert.deepEqual(laterUsage(searched, more)?.tools, { web_search: 2, file_search: 4 });
  });

  test('a side that is not told keeps the earlier figures, and one that was not told takes them', () => {
    assert.deepEqual(laterUsage(before, used({ output: 70, lacks: 'input' })), { ...before, output: 70 });
    assert.deepEqual(
      laterUsage(used({ input: 900, lacks: 'output' }), used({ output: 7, lacks: 'input' })),
      used({ input: 900, output: 7 }),
    );
  });
});
