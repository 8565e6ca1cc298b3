/**
 * What requests of each wire format may hold, and by what it is known in the request that a target gets. A format that has no
 * words for a thing has no body for it here.
 */
import {
  beside,
  called,
  hello,
  PDF,
  PIXEL,
  part,
  parts,
  type Scene,
  schema,
  tools,
  URL_OF,
  user,
  WAV,
} from './scene.js';

export const scenes: readonly Scene[] = [
  { name: 'text', bodies: hello, signs: ['hello there'] },
  {
    name: 'system message',
    bodies: {
      chat: { messages: [{ role: 'system', content: 'Be brief.' }, user('hi')] },
      messages: { system: 'Be brief.', messages: [user('hi')] },
      responses: { instructions: 'Be brief.', input: 'hi' },
      content: { systemInstruction: { parts: [{ text: 'Be brief.' }] }, contents: [parts({ text: 'hi' })] },
    },
    signs: ['Be brief.'],
  },
  {
    name: 'developer message',
    bodies: {
      chat: { messages: [{ role: 'developer', content: 'Be brief.' }, user('hi')] },
      responses: { input: [{ role: 'developer', content: 'Be brief.' }, user('hi')] },
    },
    signs: ['Be brief.'],
  },
  {
    name: 'image as data',
    bodies: part({
      chat: { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
      messages: { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
      responses: { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` },
      content: { inlineData: { mimeType: 'image/png', data: PIXEL } },
    }),
    signs: [PIXEL, /image\/png|"format":"png"/],
  },
  {
    name: 'image by URL',
    bodies: part({
      chat: { type: 'image_url', image_url: { url: URL_OF } },
      messages: { type: 'image', source: { type: 'url', url: URL_OF } },
      responses: { type: 'input_image', image_url: URL_OF },
      content: { fileData: { mimeType: 'image/png', fileUri: URL_OF } },
    }),
    signs: [URL_OF],
  },
  {
    name: 'document',
    bodies: part({
      chat: { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${PDF}` } },
      messages: { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF } },
      responses: { type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${PDF}` },
      content: { inlineData: { mimeType: 'application/pdf', data: PDF } },
    }),
    signs: [PDF],
  },
  {
    name: 'sound',
    bodies: part({
      chat: { type: 'input_audio', input_audio: { data: WAV, format: 'wav' } },
      content: { inlineData: { mimeType: 'audio/wav', data: WAV } },
    }),
    signs: [WAV],
  },
  {
    name: 'tool',
    bodies: tools({
      chat: { type: 'function', function: { name: 'look', description: 'Looks.', parameters: schema } },
      messages: { name: 'look', description: 'Looks.', input_schema: schema },
      responses: { type: 'function', name: 'look', description: 'Looks.', parameters: schema, strict: false },
      content: { name: 'look', description: 'Looks.', parametersJsonSchema: schema },
    }),
    signs: ['"look"', 'Looks.', 'zebra'],
  },
  {
    name: 'tool without arguments',
    bodies: tools({
      chat: { type: 'function', function: { name: 'look' } },
      messages: { name: 'look', input_schema: { type: 'object' } },
      responses: { type: 'function', name: 'look', parameters: null, strict: false },
      content: { name: 'look' },
    }),
    signs: ['"look"'],
  },
  {
    name: 'strict tool',
    bodies: tools({
      chat: { type: 'function', function: { name: 'look', parameters: schema, strict: true } },
      messages: { name: 'look', input_schema: schema, strict: true },
      responses: { type: 'function', name: 'look', parameters: schema, strict: true },
    }),
    signs: [
      'zebra',
      {
        ...{ chat: '"strict":true', responses: '"strict":true', messages: '"strict":true', gemini: 'VALIDATED' },
        converse: '"strict":true',
      },
    ],
  },
  {
    name: 'custom tool',
    bodies: tools({
      chat: { type: 'custom', custom: { name: 'patch', description: 'Patches.' } },
      responses: { type: 'custom', name: 'patch', description: 'Patches.' },
    }),
    signs: ['"patch"', 'Patches.'],
  },
  {
    name: 'no parallel calls',
    bodies: beside({
      chat: {
        tools: [{ type: 'function', function: { name: 'look', parameters: schema } }],
        parallel_tool_calls: false,
      },
      messages: {
        tools: [{ name: 'look', input_schema: schema }],
        tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      },
      responses: {
        tools: [{ type: 'function', name: 'look', parameters: schema, strict: false }],
        parallel_tool_calls: false,
      },
    }),
    signs: [/"(parallel_tool_calls":false|disable_parallel_tool_use":true)/],
  },
  {
    name: 'forced tool',
    bodies: beside({
      chat: {
        tools: [{ type: 'function', function: { name: 'look', parameters: schema } }],
        tool_choice: { type: 'function', function: { name: 'look' } },
      },
      messages: { tools: [{ name: 'look', input_schema: schema }], tool_choice: { type: 'tool', name: 'look' } },
      responses: {
        tools: [{ type: 'function', name: 'look', parameters: schema, strict: false }],
        tool_choice: { type: 'function', name: 'look' },
      },
      content: {
        tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: schema }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
      },
    }),
    signs: [/"tool_choice":(\{[^}]*"name":"look"|"required")|"mode":"ANY"|"toolChoice":\{"tool"/],
  },
  {
    name: 'result of a tool',
    bodies: called({
      chat: { content: 'a tree' },
      messages: { content: 'a tree' },
      responses: { output: 'a tree' },
      content: { response: { output: 'a tree' } },
    }),
    signs: ['a tree', 'Oslo', '"look"'],
  },
  {
    name: 'result that is an error',
    bodies: called({
      messages: { content: 'no such tree', is_error: true },
      content: { response: { error: 'no such tree' } },
    }),
    signs: [
      'no such tree',
      {
        ...{ messages: '"is_error":true', gemini: '"error":', chat: /[Ee]rror/, responses: /[Ee]rror/ },
        converse: '"status":"error"',
      },
    ],
  },
  {
    name: 'result with an image',
    bodies: called({
      messages: {
        content: [
          { type: 'text', text: 'a tree' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
        ],
      },
      responses: {
        output: [
          { type: 'input_text', text: 'a tree' },
          { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` },
        ],
      },
    }),
    signs: ['a tree', PIXEL],
  },
  {
    name: 'structured answer',
    bodies: beside({
      chat: { response_format: { type: 'json_schema', json_schema: { name: 'animal', strict: true, schema } } },
      messages: { output_config: { format: { type: 'json_schema', schema } } },
      responses: { text: { format: { type: 'json_schema', name: 'animal', strict: true, schema } } },
      content: { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema } },
    }),
    signs: ['zebra'],
  },
  {
    name: 'effort',
    bodies: beside({
      chat: { reasoning_effort: 'high' },
      messages: { thinking: { type: 'enabled', budget_tokens: 8192 }, max_tokens: 20000 },
      responses: { reasoning: { effort: 'high' } },
      content: { generationConfig: { thinkingConfig: { thinkingBudget: 8192, includeThoughts: true } } },
    }),
    signs: [/"(reasoning_effort|effort|thinking|thinkingBudget|thinkingConfig)":/],
  },
  {
    name: 'stop sequence',
    bodies: beside({
      chat: { stop: ['ENDWORD'] },
      messages: { stop_sequences: ['ENDWORD'] },
      content: { generationConfig: { stopSequences: ['ENDWORD'] } },
      completions: { stop: ['ENDWORD'] },
    }),
    signs: ['ENDWORD'],
  },
  {
    name: 'maximum',
    bodies: beside({
      chat: { max_completion_tokens: 777 },
      messages: { max_tokens: 777 },
      responses: { max_output_tokens: 777 },
      content: { generationConfig: { maxOutputTokens: 777 } },
      completions: { max_tokens: 777 },
    }),
    signs: ['777'],
  },
  {
    name: 'several answers',
    bodies: beside({
      chat: { n: 2 },
      content: { generationConfig: { candidateCount: 2 } },
      completions: { n: 2 },
    }),
    signs: [/"(n|candidateCount)":2/],
  },
  {
    name: 'logprobs',
    bodies: beside({
      chat: { logprobs: true, top_logprobs: 2 },
      responses: { include: ['message.output_text.logprobs'], top_logprobs: 2 },
      content: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
      completions: { logprobs: 2 },
    }),
    signs: [/"(top_logprobs|logprobs)":2/],
  },
  {
    name: 'sampling',
    bodies: beside({
      chat: { temperature: 0.3, seed: 4242 },
      messages: { temperature: 0.3, top_k: 4242 },
      responses: { temperature: 0.3, top_p: 0.4242 },
      content: { generationConfig: { temperature: 0.3, seed: 4242 } },
      completions: { temperature: 0.3, seed: 4242 },
    }),
    signs: ['0.3', '4242'],
  },
];
