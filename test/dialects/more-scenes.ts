/** The rest of what requests may hold: hints, labels, what only some makers have, and what completions alone have. */
import { beside, hello, part, parts, type Scene, schema, user } from './scene.js';

const declared = {
  chat: { tools: [{ type: 'function', function: { name: 'look', parameters: schema } }] },
  messages: { tools: [{ name: 'look', input_schema: schema }] },
  responses: { tools: [{ type: 'function', name: 'look', parameters: schema, strict: false }] },
  content: { tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: schema }] }] },
};

export const moreScenes: readonly Scene[] = [
  {
    name: 'no tool may be called',
    bodies: beside({
      chat: { ...declared.chat, tool_choice: 'none' },
      messages: { ...declared.messages, tool_choice: { type: 'none' } },
      responses: { ...declared.responses, tool_choice: 'none' },
      content: { ...declared.content, toolConfig: { functionCallingConfig: { mode: 'NONE' } } },
    }),
    // Converse cannot say it, and is not told of the tools.
    signs: [
      { chat: /"none"/, responses: /"none"/, messages: /"none"/, gemini: '"NONE"', converse: /^(?!.*toolConfig)/ },
    ],
  },
  {
    name: 'an answer in JSON',
    bodies: beside({
      chat: { response_format: { type: 'json_object' } },
      responses: { text: { format: { type: 'json_object' } } },
      content: { generationConfig: { responseMimeType: 'application/json' } },
    }),
    signs: [/json_object|application\/json|JSON|"json"/],
  },
  {
    name: 'document by URL',
    bodies: part({
      messages: { type: 'document', source: { type: 'url', url: 'https://files.example.com/a.pdf' } },
      responses: { type: 'input_file', file_url: 'https://files.example.com/a.pdf' },
    }),
    signs: ['https://files.example.com/a.pdf'],
  },
  {
    name: 'document of text',
    bodies: part({
      messages: {
        ...{ type: 'document', title: 'On cats' },
        source: { type: 'text', media_type: 'text/plain', data: 'Cats purr.' },
      },
      responses: { type: 'input_file', filename: 'a.txt', file_data: 'data:text/plain;base64,Q2F0cyBwdXJyLg==' },
      content: { inlineData: { mimeType: 'text/plain', data: 'Q2F0cyBwdXJyLg==' } },
    }),
    signs: [/Cats purr\.|Q2F0cyBwdXJyLg==/],
  },
  {
    name: 'document that is to be cited',
    bodies: part({
      messages: {
        ...{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Cats purr.' } },
        citations: { enabled: true },
      },
    }),
    signs: ['Cats purr.', '"citations":{"enabled":true}'],
  },
  {
    name: 'document by the id of a file',
    bodies: part({
      chat: { type: 'file', file: { file_id: 'file-4242' } },
      messages: { type: 'document', source: { type: 'file', file_id: 'file-4242' } },
      responses: { type: 'input_file', file_id: 'file-4242' },
    }),
    signs: ['file-4242'],
  },
  {
    name: 'who asks',
    bodies: beside({
      chat: { safety_identifier: 'person-4242' },
      messages: { metadata: { user_id: 'person-4242' } },
      responses: { safety_identifier: 'person-4242' },
      completions: { user: 'person-4242' },
    }),
    signs: ['person-4242'],
  },
  {
    name: 'a mark to cache by',
    bodies: {
      chat: { messages: [user([{ type: 'text', text: 'look', cache_control: { type: 'ephemeral' } }])] },
      messages: { messages: [user([{ type: 'text', text: 'look', cache_control: { type: 'ephemeral' } }])] },
    },
    signs: [/cache_control|cachePoint/],
  },
  {
    name: 'a mark to cache the whole request by',
    bodies: beside({
      chat: { cache_control: { type: 'ephemeral' } },
      messages: { cache_control: { type: 'ephemeral' } },
    }),
    signs: [/cache_control|cachePoint/],
  },
  {
    name: 'verbosity',
    bodies: beside({ chat: { verbosity: 'low' }, responses: { text: { verbosity: 'low' } } }),
    signs: [/"verbosity":"low"/],
  },
  {
    name: 'service tier',
    bodies: beside({
      chat: { service_tier: 'flex' },
      responses: { service_tier: 'flex' },
    }),
    signs: [/"service_?[tT]ier":("flex"|\{"type":"flex")/],
  },
  {
    name: 'penalties',
    bodies: beside({
      chat: { presence_penalty: 0.4242 },
      content: { generationConfig: { presencePenalty: 0.4242 } },
      completions: { presence_penalty: 0.4242 },
    }),
    signs: ['0.4242'],
  },
  {
    name: 'bias of tokens',
    bodies: beside({ chat: { logit_bias: { '4242': 5 } }, completions: { logit_bias: { '4242': 5 } } }),
    signs: ['4242'],
  },
  {
    name: 'search of the web',
    bodies: beside({
      chat: { web_search_options: {} },
      messages: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      responses: { tools: [{ type: 'web_search' }] },
      content: { tools: [{ googleSearch: {} }] },
    }),
    signs: [/web_search|googleSearch/],
  },
  {
    name: 'code that is run',
    bodies: beside({
      messages: { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] },
      responses: { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] },
      content: { tools: [{ codeExecution: {} }] },
    }),
    signs: [/code_execution|code_interpreter|codeExecution/],
  },
  {
    name: 'tools of a server',
    bodies: beside({
      messages: { mcp_servers: [{ type: 'url', url: 'https://mcp.example.com', name: 'm' }] },
      responses: { tools: [{ type: 'mcp', server_label: 'm', server_url: 'https://mcp.example.com' }] },
    }),
    signs: ['mcp.example.com'],
  },
  {
    name: 'sound as an answer',
    bodies: beside({
      chat: { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } },
      content: {
        generationConfig: {
          responseModalities: ['AUDIO'],
          speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'alloy' } } },
        },
      },
    }),
    signs: [/alloy/],
  },
  {
    name: 'an answer that is begun',
    bodies: {
      chat: { messages: [user('go'), { role: 'assistant', content: 'Once upon' }] },
      messages: { messages: [user('go'), { role: 'assistant', content: 'Once upon' }] },
      responses: { input: [user('go'), { role: 'assistant', content: 'Once upon' }] },
      content: { contents: [parts({ text: 'go' }), { role: 'model', parts: [{ text: 'Once upon' }] }] },
    },
    signs: ['Once upon'],
  },
  {
    name: 'a field that nobody knows',
    bodies: Object.fromEntries(Object.entries(hello).map(([name, body]) => [name, { ...body, zzz_field: 'wanted' }])),
    signs: ['wanted'],
  },
  { name: 'several prompts', bodies: { completions: { prompt: ['one', 'two'] } }, signs: ['one', 'two'] },
  { name: 'tokens', bodies: { completions: { prompt: [4242, 17] } }, signs: ['4242'] },
  { name: 'echo', bodies: { completions: { prompt: 'hello', echo: true } }, signs: ['"echo":true'] },
  { name: 'suffix', bodies: { completions: { prompt: 'hello', suffix: 'the end' } }, signs: ['the end'] },
  { name: 'the best of several', bodies: { completions: { prompt: 'hello', best_of: 3 } }, signs: ['"best_of":3'] },
];
