/** Vendors that speak like OpenAI: one request with all that they differ in, and what each is sent of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { providers } from '../../providers/index.js';
import { packageRoot } from '../../src/lib/root.js';
import { catalogueProvider, isCatalogueProvider } from '../../src/pricing/catalogue-provider.js';
import { isReached, reach, refusal } from './reach.js';

const system = { role: 'system', content: 'Be brief.' };
const call = { id: 'call_abc', type: 'function', function: { name: 'f', arguments: '{}' } };
const messages = [
  system,
  { role: 'developer', content: 'Use tools.' },
  { role: 'user', content: 'Hi', name: 'ann' },
  { role: 'assistant', content: null, tool_calls: [call], reasoning_content: 'hm' },
  { role: 'tool', tool_call_id: 'call_abc', content: '4' },
  { role: 'user', content: 'And?' },
  { role: 'assistant', content: 'Well.' },
  { role: 'user', content: 'Go on.' },
];
const tools = ['f', 'g'].map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } }));
const full = {
  ...{ model: 'alias', messages, tools, tool_choice: 'required', parallel_tool_calls: false },
  ...{ max_completion_tokens: 50, reasoning_effort: 'minimal', temperature: 0.5, top_p: 0.9, seed: 7, stop: ['x'] },
  ...{ n: 2, logprobs: true, top_logprobs: 2, logit_bias: { 5: 1 }, frequency_penalty: 1, presence_penalty: 1 },
  ...{ user: 'u', store: true, metadata: { a: 'b' }, service_tier: 'auto', verbosity: 'low' },
  response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } },
};

type Message = Record<string, unknown>;
/** What nearly all have: no role `developer`. */
const plain: Message[] = messages.map((one) => (one.role === 'developer' ? { ...one, role: 'system' } : one));
const withoutReasoning = plain.map(({ reasoning_content: _gone, ...rest }) => rest);
const NINE = 'ed01972d3';

interface Row {
  readonly type: string;
  readonly model: string;
  readonly url: string;
  /** Fields that are not sent; those that are named to the caller unless `silent`. */
  readonly gone?: readonly string[];
  readonly silent?: readonly string[];
  readonly named?: readonly string[];
  readonly set?: object;
  readonly messages?: readonly Message[];
}

/** Everywhere: the maximum has its older name, and a small effort the vendor's. */
const rows: readonly Row[] = [
  {
    ...{ type: 'mistral', model: 'mistral-medium-latest', url: 'https://api.mistral.ai/v1/chat/completions' },
    gone: ['logprobs', 'top_logprobs', 'logit_bias', 'user', 'store', 'verbosity'],
    silent: ['seed'],
    set: { max_tokens: 50, random_seed: 7, tool_choice: 'any', reasoning_effort: 'none' },
  },
  {
    ...{ type: 'cohere', model: 'command-a-03-2025', url: 'https://api.cohere.ai/compatibility/v1/chat/completions' },
    gone: ['n', 'logit_bias', 'top_logprobs', 'user', 'store', 'metadata', 'service_tier', 'parallel_tool_calls'],
    set: { max_tokens: 50, reasoning_effort: 'none' },
    messages: withoutReasoning,
  },
  {
    ...{ type: 'groq', model: 'openai/gpt-oss-120b', url: 'https://api.groq.com/openai/v1/chat/completions' },
    gone: ['n', 'logit_bias', 'logprobs', 'top_logprobs'],
    set: { max_completion_tokens: 50, reasoning_effort: 'low' },
    messages: withoutReasoning,
  },
  {
    ...{ type: 'groq', model: 'qwen/qwen3-32b', url: 'https://api.groq.com/openai/v1/chat/completions' },
    gone: ['n', 'logit_bias', 'logprobs', 'top_logprobs'],
    set: { max_completion_tokens: 50, reasoning_effort: 'default' },
    messages: withoutReasoning,
  },
  {
    ...{ type: 'deepseek', model: 'deepseek-v4-pro', url: 'https://api.deepseek.com/chat/completions' },
    gone: ['n', 'logit_bias', 'seed', 'user', 'store', 'metadata', 'parallel_tool_calls'],
    named: ['response_format.json_schema'],
    set: {
      ...{ max_tokens: 50, thinking: { type: 'enabled' }, reasoning_effort: 'low' },
      response_format: { type: 'json_object' },
    },
    messages: plain.map((one) => (one['role'] === 'assistant' ? { reasoning_content: '', ...one } : one)),
  },
  {
    ...{ type: 'deepseek', model: 'deepseek-r1', url: 'https://api.deepseek.com/chat/completions' },
    gone: ['n', 'logit_bias', 'seed', 'user', 'store', 'metadata', 'parallel_tool_calls'],
    named: ['response_format.json_schema'],
    set: {
      ...{ max_tokens: 50, thinking: { type: 'enabled' }, reasoning_effort: 'low' },
      response_format: { type: 'json_object' },
    },
    messages: withoutReasoning,
  },
  {
    ...{ type: 'xai', model: 'grok-4.5', url: 'https://api.x.ai/v1/chat/completions' },
    gone: ['stop', 'frequency_penalty', 'presence_penalty', 'logit_bias'],
    silent: ['parallel_tool_calls'],
    set: { max_completion_tokens: 50, reasoning_effort: 'low', parallel_function_calling: false },
  },
  {
    ...{ type: 'xai', model: 'grok-4.20-non-reasoning', url: 'https://api.x.ai/v1/chat/completions' },
    gone: ['stop', 'frequency_penalty', 'presence_penalty', 'logit_bias', 'reasoning_effort'],
    silent: ['parallel_tool_calls'],
    set: { max_completion_tokens: 50, parallel_function_calling: false },
  },
  {
    ...{ type: 'together', model: 'openai/gpt-oss-20b', url: 'https://api.together.xyz/v1/chat/completions' },
    set: { max_tokens: 50 },
  },
  {
    type: 'fireworks',
    model: 'accounts/fireworks/models/glm-5',
    url: 'https://api.fireworks.ai/inference/v1/chat/completions',
    set: { max_tokens: 50, reasoning_effort: 'low', context_length_exceeded_behavior: 'error' },
  },
  {
    ...{ type: 'openrouter', model: 'z-ai/glm-5', url: 'https://openrouter.ai/api/v1/chat/completions' },
    silent: ['reasoning_effort'],
    set: { max_tokens: 50, reasoning: { effort: 'minimal' } },
  },
  {
    ...{ type: 'cerebras', model: 'gpt-oss-120b', url: 'https://api.cerebras.ai/v1/chat/completions' },
    gone: ['frequency_penalty', 'presence_penalty', 'logit_bias'],
    set: { max_completion_tokens: 50, reasoning_effort: 'low' },
    messages: plain.map(({ reasoning_content, ...one }) => (reasoning_content ? { ...one, reasoning: 'hm' } : one)),
  },
  {
    ...{ type: 'nvidia', model: 'nvidia/nemotron-4', url: 'https://integrate.api.nvidia.com/v1/chat/completions' },
    gone: ['user', 'store', 'metadata', 'service_tier'],
    set: { max_tokens: 50 },
  },
  {
    ...{ type: 'huggingface', model: 'zai-org/GLM-5:groq', url: 'https://router.huggingface.co/v1/chat/completions' },
    set: { max_tokens: 50 },
  },
  {
    ...{ type: 'databricks', model: 'my-endpoint', url: '/serving-endpoints/chat/completions' },
    gone: ['user', 'store', 'metadata', 'service_tier', 'seed'],
    set: { max_tokens: 50 },
    messages: withoutReasoning,
  },
  {
    ...{ type: 'moonshot', model: 'kimi-k3', url: 'https://api.moonshot.ai/v1/chat/completions' },
    gone: ['n', 'temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'tool_choice'],
    set: { max_tokens: 50, reasoning_effort: 'low' },
  },
  {
    ...{
      type: 'qwen',
      model: 'qwen3-max',
      url: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions',
    },
    silent: ['reasoning_effort'],
    set: { max_tokens: 50, enable_thinking: false },
  },
  {
    ...{ type: 'zai', model: 'GLM-5.3', url: 'https://api.z.ai/api/paas/v4/chat/completions' },
    gone: ['n', 'logit_bias', 'logprobs', 'top_logprobs', 'tool_choice'],
    silent: ['reasoning_effort'],
    set: { max_tokens: 50, thinking: { type: 'disabled' } },
  },
  {
    ...{ type: 'minimax', model: 'minimax-m3', url: 'https://api.minimax.io/v1/chat/completions' },
    gone: ['n', 'logit_bias'],
    set: { max_tokens: 50, reasoning_split: true },
    messages: [{ role: 'system', content: 'Be brief.\n\nUse tools.' }, ...plain.slice(2)],
  },
  ...(
    [
      ['ollama', 'http://127.0.0.1:11434/v1'],
      ['vllm', 'http://127.0.0.1:8000/v1'],
      ['lmstudio', 'http://127.0.0.1:1234/v1'],
      ['llamacpp', 'http://127.0.0.1:8080/v1'],
      ['sglang', 'http://127.0.0.1:30000/v1'],
    ] as const
  ).map(([type, base]) => ({ type, model: 'own', url: `${base}/chat/completions`, set: { max_tokens: 50 } })),
];

const mistralMessages = [
  ...withoutReasoning.slice(0, 3),
  { ...withoutReasoning[3], tool_calls: [{ ...call, id: NINE }] },
  { ...withoutReasoning[4], tool_call_id: NINE },
  { role: 'assistant', content: 'I have the result.' },
  ...withoutReasoning.slice(5),
];

describe('a request with everything', () => {
  for (const row of rows)
    test(`${row.type} is sent what it knows, where it is (${row.model})`, () => {
      const type = providers[row.type]!;
      const { path, headers, body, translation } = reach(type, 'openai-chat', full, {
        model: row.model,
        dropParams: true,
      });
      assert.equal(`${type.baseUrl ?? ''}${path}`, row.url);
      assert.equal(headers['authorization'], 'Bearer sk-1');
      const { gone = [], silent = [], named = [] } = row;
      const left = Object.entries(full).filter(
        ([name]) => ![...gone, ...silent, 'max_completion_tokens'].includes(name),
      );
      const said = row.type === 'mistral' ? mistralMessages : (row.messages ?? plain);
      assert.deepEqual(body, { ...Object.fromEntries(left), model: row.model, ...row.set, messages: said });
      assert.deepEqual([...translation.dropped].sort(), [...gone, ...named].sort());
    });
});

test('what a vendor would refuse is refused by name, unless its caller agreed to do without', () => {
  const asked = { ...full, n: 3 };
  for (const [type, param] of [
    ['groq', 'n'],
    ['mistral', 'logit_bias'],
    ['deepseek', 'n'],
    ['zai', 'n'],
  ] as const) {
    const refused = refusal(providers[type]!, 'openai-chat', asked);
    assert.deepEqual([refused.code, refused.param], ['unsupported_parameter', param], type);
  }
  const schema = { model: 'm', messages: [{ role: 'user', content: 'x' }], response_format: full.response_format };
  assert.equal(refusal(providers['deepseek']!, 'openai-chat', schema).param, 'response_format.json_schema');
  const forced = { model: 'm', messages: [{ role: 'user', content: 'x' }], tools, tool_choice: 'required' };
  assert.equal(refusal(providers['zai']!, 'openai-chat', forced).param, 'tool_choice');
});

test('values that ask for what happens anyway are refused by nobody', () => {
  const asked = { model: 'm', messages: [{ role: 'user', content: 'x' }], n: 1, frequency_penalty: 0, logprobs: false };
  for (const type of ['groq', 'deepseek', 'cerebras', 'zai', 'moonshot']) {
    const { translation } = reach(providers[type]!, 'openai-chat', asked, { model: 'kimi-k3' });
    assert.deepEqual(
      translation.dropped.filter((name) => name === 'n'),
      [],
      type,
    );
  }
});

test('a tool that cannot be named is offered alone', () => {
  const named = {
    model: 'm',
    messages: [{ role: 'user', content: 'x' }],
    tools,
    tool_choice: { type: 'function', function: { name: 'g' } },
  };
  const { body } = reach(providers['cohere']!, 'openai-chat', named);
  assert.deepEqual([body['tools'], body['tool_choice']], [[tools[1]], 'required']);
});

test('a request that fits goes out with its own bytes', () => {
  const text = '{ "model" : "alias", "messages":[{"role":"user","content":"Hi"}], "max_tokens": 5,"x":1.0 }';
  for (const type of ['mistral', 'together', 'zai', 'ollama']) {
    const { translation } = reach(providers[type]!, 'openai-chat', JSON.parse(text) as object, { model: 'm' });
    const compact = JSON.stringify({ ...(JSON.parse(text) as object), model: 'm' });
    assert.equal(translation.body.toString(), compact, type);
  }
});

test('whole answers of models that think in streams alone are asked for without', () => {
  const asked = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
  const of = (more: object) =>
    reach(providers['qwen']!, 'openai-chat', { ...asked, ...more }, { model: 'qwen3-32b' }).body;
  assert.equal(of({})['enable_thinking'], false);
  assert.equal(of({ stream: true })['enable_thinking'], undefined);
  assert.equal(of({ enable_thinking: true, stream: true })['enable_thinking'], true);
});

test('a server that refuses to be asked for usage is not asked, by the gateway or by its caller', () => {
  const asked = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true };
  assert.equal(reach(providers['databricks']!, 'openai-chat', asked).body['stream_options'], undefined);
  const own = { ...asked, stream_options: { include_usage: true } };
  const { body, translation } = reach(providers['databricks']!, 'openai-chat', own);
  assert.deepEqual([body['stream_options'], translation.dropped], [undefined, ['stream_options']]);
  assert.deepEqual(reach(providers['groq']!, 'openai-chat', asked).body['stream_options'], { include_usage: true });
});

test('embeddings go to those that have them, in their words', () => {
  const asked = { model: 'm', input: ['a', 'b'], dimensions: 256, encoding_format: 'float' };
  const of = (type: string) => reach(providers[type]!, 'openai-embeddings', asked, { model: 'e' }).body;
  assert.deepEqual(of('mistral'), { model: 'e', input: ['a', 'b'], encoding_format: 'float', output_dimension: 256 });
  assert.deepEqual(of('nvidia'), { ...asked, model: 'e', input_type: 'passage' });
  assert.deepEqual(of('together'), { ...asked, model: 'e' });
  const before = { dimensions: 256, model: 'm', input: 'a' };
  assert.deepEqual(reach(providers['mistral']!, 'openai-embeddings', before, { model: 'e' }).body, {
    ...{ model: 'e', input: 'a', output_dimension: 256 },
  });
  const question = { ...asked, input_type: 'query' };
  assert.equal(reach(providers['nvidia']!, 'openai-embeddings', question).body['input_type'], 'query');
  for (const none of ['groq', 'deepseek', 'moonshot', 'cerebras', 'huggingface', 'xai', 'zai', 'minimax'])
    assert.equal(isReached(providers[none]!, 'openai-embeddings'), false, none);
  const many = { model: 'm', input: Array.from({ length: 11 }, () => 'x') };
  assert.match(refusal(providers['qwen']!, 'openai-embeddings', many).message, /takes at most 10 in one request/);
});

test('their list prices are those of the provider that the catalogue has, or none', () => {
  for (const { type, catalogue } of Object.values(providers)) {
    if (catalogue !== null) assert.ok(isCatalogueProvider(catalogue), type);
    assert.equal(catalogueProvider(null, catalogue, null), catalogue);
  }
});

test('a vendor is one file of facts of at most 40 lines', () => {
  const files = readFileSync(join(packageRoot, 'providers/index.ts'), 'utf8').matchAll(/from '\.\/([\w-]+)\.js'/g);
  const own = new Set(['openai', 'anthropic', 'sandbox']);
  for (const [, name] of files) {
    const text = readFileSync(join(packageRoot, `providers/${name}.ts`), 'utf8');
    if (text.includes('openaiLike({'))
      assert.ok(text.split('\n').length <= 41, `${name}: ${text.split('\n').length} lines`);
    else assert.ok(own.has(name!) || !text.includes('openaiLike('), name);
  }
});
