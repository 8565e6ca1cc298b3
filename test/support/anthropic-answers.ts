/**
 * Messages as Anthropic's API words them, honouring the request: `stream`, `tools`, `tool_choice`, `thinking` and
 * `output_config.format`. As in `openai-answers.ts`, given tools are called once each, and after their results come words.
 */
import { sampleOf } from './schema-sample.js';
import { anthropicError, head, json, type Received, type Step, sseHeaders, write } from './upstream-steps.js';

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: string | readonly Block[];
}

interface MessagesBody {
  readonly model: string;
  readonly max_tokens?: number;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
  readonly stream?: boolean;
  readonly tools?: readonly { readonly name: string; readonly input_schema: Record<string, unknown> }[];
  readonly tool_choice?: { readonly type: string; readonly disable_parallel_tool_use?: boolean };
  readonly thinking?: { readonly type: string };
  readonly output_config?: { readonly format?: { readonly schema: Record<string, unknown> } };
}

type Content =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown };

export function answerMessages(request: Received): readonly Step[] {
  if (!request.headers['x-api-key'] && !request.headers.authorization) {
    return anthropicError(401, 'authentication_error', 'x-api-key header is required');
  }
  if (!request.headers['anthropic-version']) {
    return anthropicError(400, 'invalid_request_error', 'anthropic-version: header is required');
  }
  const body = request.json() as unknown as MessagesBody;
  if (typeof body.max_tokens !== 'number') {
    return anthropicError(400, 'invalid_request_error', 'max_tokens: Field required');
  }
  const headers = { 'request-id': 'req_upstream' };
  if (!body.stream) return json(200, messageOf(body), headers);
  return [head(200, { ...sseHeaders, ...headers }), ...messageStreamOf(body).map((event) => write(event))];
}

/** As Vertex AI has it: the version is in the body, the model in the path. */
export function answerMessagesAtVertex(request: Received): readonly Step[] {
  const { anthropic_version: version, ...body } = request.json();
  if (!request.headers.authorization) return anthropicError(401, 'authentication_error', 'No token.');
  if (version !== 'vertex-2023-10-16' || body['model'] !== undefined)
    return anthropicError(400, 'invalid_request_error', 'anthropic_version: Field required');
  const headers = { ...request.headers, 'anthropic-version': '2023-06-01' };
  return answerMessages({ ...request, headers, json: () => ({ ...body, model: 'claude-at-vertex' }) } as Received);
}

function contentFor(body: MessagesBody): Content[] {
  const last = body.messages.at(-1)!;
  const blocks: readonly Block[] =
    typeof last.content === 'string' ? [{ type: 'text', text: last.content }] : last.content;
  const result = blocks.find((block) => block.type === 'tool_result');
  if (result) return [{ type: 'text', text: `The tool said: ${textOf(result.content ?? '')}` }];
  const thinks = body.thinking !== undefined && body.thinking.type !== 'disabled';
  const thought: Content[] = thinks
    ? [{ type: 'thinking', thinking: 'Let me think about that.', signature: 'EqQBCgIYAhIM' }]
    : [];
  const tools = body.tool_choice?.type === 'none' ? [] : (body.tools ?? []);
  if (tools.length > 0) {
    const called = body.tool_choice?.disable_parallel_tool_use ? tools.slice(0, 1) : tools;
    const calls = called.map((tool, at) => ({
      type: 'tool_use' as const,
      id: `toolu_01${'ABCDEFGHIJ'[at % 10]}qzXy`,
      name: tool.name,
      input: sampleOf(tool.input_schema),
    }));
    return [...thought, ...calls];
  }
  const format = body.output_config?.format;
  const text = format ? JSON.stringify(sampleOf(format.schema)) : `You said: ${textOf(blocks)}`;
  return [...thought, { type: 'text', text }];
}

const textOf = (content: string | readonly Block[]): string =>
  typeof content === 'string' ? content : content.map((block) => block.text ?? `[${block.type}]`).join(' ');

const words = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
const stopOf = (content: readonly Content[]): string =>
  content.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn';

function usageOf(body: MessagesBody, content: readonly Content[]) {
  const said = content.map((block) => ('text' in block ? block.text : JSON.stringify(block))).join('');
  return {
    input_tokens: words(body.messages.map((message) => textOf(message.content)).join(' ')).length + 5,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: words(said).length,
    service_tier: 'standard',
  };
}

/** `content`: what the model says, instead of what the request asks for. */
export function messageOf(body: MessagesBody, content = contentFor(body)) {
  return {
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    model: body.model,
    content,
    stop_reason: stopOf(content),
    stop_sequence: null,
    usage: usageOf(body, content),
  };
}

/** Every event of the stream, in order. */
export function messageStreamOf(body: MessagesBody, content = contentFor(body)): string[] {
  const whole = messageOf(body, content);
  const events = [
    named({
      type: 'message_start',
      message: { ...whole, content: [], stop_reason: null, usage: { ...whole.usage, output_tokens: 1 } },
    }),
    named({ type: 'ping' }),
  ];
  whole.content.forEach((block, index) => {
    events.push(named({ type: 'content_block_start', index, content_block: opening(block) }));
    for (const delta of deltas(block)) events.push(named({ type: 'content_block_delta', index, delta }));
    events.push(named({ type: 'content_block_stop', index }));
  });
  events.push(
    named({
      type: 'message_delta',
      delta: { stop_reason: whole.stop_reason, stop_sequence: null },
      usage: { output_tokens: whole.usage.output_tokens },
    }),
    named({ type: 'message_stop' }),
  );
  return events;
}

function opening(block: Content): unknown {
  if (block.type === 'text') return { type: 'text', text: '' };
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  return { ...block, input: {} };
}

function deltas(block: Content): unknown[] {
  if (block.type === 'text') return words(block.text).map((text) => ({ type: 'text_delta', text }));
  if (block.type === 'thinking') {
    return [
      ...words(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature: block.signature },
    ];
  }
  const input = JSON.stringify(block.input);
  if (input === '{}') return [{ type: 'input_json_delta', partial_json: '' }];
  return ['', ...(input.match(/.{1,7}/gs) ?? [])].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
}

const named = (event: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
