/** How a thing is written in a request of each wire format: beside the words, as a part of them, as a tool or a tool's result. */

export type In = 'chat' | 'messages' | 'responses' | 'content' | 'completions';
/** `text` is OpenAI's completions, which nobody else's request reaches. */
export type Out = 'chat' | 'responses' | 'messages' | 'gemini' | 'converse' | 'text';
export const ins: readonly In[] = ['chat', 'messages', 'responses', 'content', 'completions'];
export const outs: readonly Out[] = ['chat', 'responses', 'messages', 'gemini', 'converse'];

type Sign = string | RegExp;

export interface Scene {
  readonly name: string;
  /** Fields of the request, or of its `generationConfig`, beside the model; left out: the format cannot say it. */
  readonly bodies: Partial<Record<In, object>>;
  /** What the target's request holds where the thing survives, in JSON. */
  readonly signs: readonly (Sign | Partial<Record<Out, Sign>>)[];
}

export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const PDF = 'JVBERi0xLjQKJSVFT0YK';
export const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
export const URL_OF = 'https://images.example.com/cat.png';
export const schema = {
  type: 'object',
  properties: { zebra: { type: 'string' } },
  required: ['zebra'],
  additionalProperties: false,
};

export const user = (content: unknown) => ({ role: 'user', content });
export const parts = (...of: object[]) => ({ role: 'user', parts: of });
export const hello = {
  chat: { messages: [user('hello there')] },
  messages: { messages: [user('hello there')] },
  responses: { input: 'hello there' },
  content: { contents: [parts({ text: 'hello there' })] },
  completions: { prompt: 'hello there' },
};
/** A thing that stands beside the words. */
export const beside = (of: Partial<Record<In, object>>): Partial<Record<In, object>> =>
  Object.fromEntries(Object.entries(of).map(([name, more]) => [name, { ...hello[name as In], ...more }]));
/** A part of what the user says. */
export const part = (of: Partial<Record<In, object>>): Partial<Record<In, object>> => ({
  ...(of.chat && { chat: { messages: [user([{ type: 'text', text: 'look' }, of.chat])] } }),
  ...(of.messages && { messages: { messages: [user([{ type: 'text', text: 'look' }, of.messages])] } }),
  ...(of.responses && { responses: { input: [user([{ type: 'input_text', text: 'look' }, of.responses])] } }),
  ...(of.content && { content: { contents: [parts({ text: 'look' }, of.content)] } }),
});

/** Calls of the assistant and what came of them. */
export const called = (results: Partial<Record<In, object>>): Partial<Record<In, object>> => {
  const args = { city: 'Oslo' };
  const found: Partial<Record<In, object>> = {};
  if (results.chat)
    found.chat = {
      messages: [
        user('go'),
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: JSON.stringify(args) } }],
        },
        { role: 'tool', tool_call_id: 'call_1', ...results.chat },
      ],
      tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }],
    };
  if (results.messages)
    found.messages = {
      messages: [
        user('go'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'look', input: args }] },
        user([{ type: 'tool_result', tool_use_id: 'call_1', ...results.messages }]),
      ],
      tools: [{ name: 'look', input_schema: { type: 'object' } }],
    };
  if (results.responses)
    found.responses = {
      input: [
        user('go'),
        { type: 'function_call', call_id: 'call_1', name: 'look', arguments: JSON.stringify(args) },
        { type: 'function_call_output', call_id: 'call_1', ...results.responses },
      ],
      tools: [{ type: 'function', name: 'look', parameters: { type: 'object' }, strict: false }],
    };
  if (results.content)
    found.content = {
      contents: [
        parts({ text: 'go' }),
        { role: 'model', parts: [{ functionCall: { name: 'look', args } }] },
        parts({ functionResponse: { name: 'look', ...results.content } }),
      ],
      tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: { type: 'object' } }] }],
    };
  return found;
};

export const tools = (of: Partial<Record<In, object>>): Partial<Record<In, object>> =>
  beside({
    ...(of.chat && { chat: { tools: [of.chat] } }),
    ...(of.messages && { messages: { tools: [of.messages] } }),
    ...(of.responses && { responses: { tools: [of.responses] } }),
    ...(of.content && { content: { tools: [{ functionDeclarations: [of.content] }] } }),
  });
