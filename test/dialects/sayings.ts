/** What targets of each wire format answer: the same thing in the words of each, whole and as events. */
import { event } from '../support/openai-answers.js';
import { responseEvents, responseTo } from '../support/openai-responses-answers.js';
import { head, json, type Step, sse, sseHeaders, write } from '../support/upstream-steps.js';
import type { In, Out } from './scenes.js';

export interface Saying {
  readonly name: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly (readonly [name: string, args: object])[];
  readonly end?: 'length' | 'filter' | 'refusal';
  /** Of 100 tokens of the request. */
  readonly cached?: number;
  /** Why it ended, as each client is told. */
  readonly told: Readonly<Record<In, string>>;
}

const stopped = { chat: 'stop', messages: 'end_turn', responses: 'completed', content: 'STOP' };
const calling = { ...stopped, chat: 'tool_calls', messages: 'tool_use' };

export const sayings: readonly Saying[] = [
  { name: 'words', text: 'Good day to you', told: stopped },
  { name: 'thought', text: 'It is 4', thinking: 'Two and two', told: stopped },
  {
    name: 'parallel calls',
    calls: [
      ['look', { a: 1 }],
      ['look', { a: 2 }],
    ],
    told: calling,
  },
  { name: 'a call without arguments after words', text: 'I look', calls: [['look', {}]], told: calling },
  {
    name: 'an end by its maximum',
    text: 'Good day to',
    end: 'length',
    told: { chat: 'length', messages: 'max_tokens', responses: 'max_output_tokens', content: 'MAX_TOKENS' },
  },
  {
    name: 'an end by a filter',
    text: 'Good day',
    end: 'filter',
    told: { chat: 'content_filter', messages: 'refusal', responses: 'content_filter', content: 'SAFETY' },
  },
  { name: 'cached usage', text: 'Good day', cached: 60, told: stopped },
];

/** What the makers of thoughts sign them with. */
export const signs = { messages: 'EqQBCgIYAhIM', responses: 'gAAAA-signed', gemini: 'c2lnbmVkLWNhbGw=' };

const INPUT = 100;
const OUTPUT = 20;
const words = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

export function answerAs(out: Out, saying: Saying, stream: boolean): readonly Step[] {
  return { chat, responses, messages, gemini }[out](saying, stream);
}

function chat({ text, thinking, calls, end, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const reason = end === 'length' ? 'length' : end ? 'content_filter' : calls ? 'tool_calls' : 'stop';
  const told = calls?.map(([name, args], index) => ({
    ...{ index, id: `call_${index}`, type: 'function', function: { name, arguments: JSON.stringify(args) } },
  }));
  const usage = {
    ...{ prompt_tokens: INPUT, completion_tokens: OUTPUT, total_tokens: INPUT + OUTPUT },
    prompt_tokens_details: { cached_tokens: cached },
  };
  const base = { id: 'chatcmpl-1', created: 1, model: 'm' };
  if (!stream) {
    const message = {
      ...{ role: 'assistant', content: text ?? null },
      ...(thinking && { reasoning_content: thinking }),
      ...(told && { tool_calls: told.map(({ index: _, ...one }) => one) }),
    };
    return json(200, {
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: reason }],
      usage,
    });
  }
  const chunk = (delta: object, finish: string | null = null) =>
    event({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
  return sse(
    chunk({ role: 'assistant' }),
    ...words(thinking ?? '').map((piece) => chunk({ reasoning_content: piece })),
    ...words(text ?? '').map((content) => chunk({ content })),
    ...(told ?? []).flatMap(({ function: { arguments: args, name }, ...one }) => [
      chunk({ tool_calls: [{ ...one, function: { name, arguments: '' } }] }),
      chunk({ tool_calls: [{ index: one.index, function: { arguments: args } }] }),
    ]),
    chunk({}, reason),
    event({ ...base, object: 'chat.completion.chunk', choices: [], usage }),
    'data: [DONE]\n\n',
  );
}

function responses({ text, thinking, calls = [], end, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const status = end ? 'incomplete' : 'completed';
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  const output = [
    ...(thinking
      ? [
          {
            id: 'rs_1',
            type: 'reasoning',
            summary: [{ type: 'summary_text', text: thinking }],
            encrypted_content: signs.responses,
          },
        ]
      : []),
    ...(text ? [{ id: 'msg_1', type: 'message', status, role: 'assistant', content }] : []),
    ...calls.map(([name, args], at) => ({
      ...{ id: `fc_${at}`, type: 'function_call', status: 'completed', call_id: `call_${at}`, name },
      arguments: JSON.stringify(args),
    })),
  ];
  const reason = end === 'length' ? 'max_output_tokens' : 'content_filter';
  const response = {
    ...responseTo({ model: 'm', input: 'x' }),
    ...{ status, output, incomplete_details: end ? { reason } : null },
    usage: {
      ...{ input_tokens: INPUT, input_tokens_details: { cached_tokens: cached }, output_tokens: OUTPUT },
      ...{ output_tokens_details: { reasoning_tokens: 0 }, total_tokens: INPUT + OUTPUT },
    },
  };
  return stream ? sse(...responseEvents(response)) : json(200, response);
}

function messages({ text, thinking, calls = [], end, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const content = [
    ...(thinking ? [{ type: 'thinking', thinking, signature: signs.messages }] : []),
    ...(text ? [{ type: 'text', text }] : []),
    ...calls.map(([name, input], at) => ({ type: 'tool_use', id: `toolu_${at}`, name, input })),
  ];
  const reason = end === 'length' ? 'max_tokens' : end ? 'refusal' : calls.length > 0 ? 'tool_use' : 'end_turn';
  const usage = {
    ...{ input_tokens: INPUT - cached, cache_read_input_tokens: cached, cache_creation_input_tokens: 0 },
    output_tokens: OUTPUT,
  };
  const base = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_sequence: null };
  if (!stream) return json(200, { ...base, content, stop_reason: reason, usage });
  const named = (of: { type: string } & object) => write(`event: ${of.type}\ndata: ${JSON.stringify(of)}\n\n`);
  return [
    head(200, sseHeaders),
    named({
      type: 'message_start',
      message: { ...base, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    } as never),
    ...content.flatMap((block, index) => {
      const { text: said, thinking: thought, signature, input } = block as Record<string, string | undefined>;
      const deltas = said
        ? words(said).map((piece) => ({ type: 'text_delta', text: piece }))
        : thought
          ? [
              ...words(thought).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
              { type: 'signature_delta', signature },
            ]
          : [{ type: 'input_json_delta', partial_json: JSON.stringify(input) }];
      const opened = {
        ...block,
        ...(said && { text: '' }),
        ...(thought && { thinking: '', signature: '' }),
        ...(input && { input: {} }),
      };
      return [
        named({ type: 'content_block_start', index, content_block: opened } as never),
        ...deltas.map((delta) => named({ type: 'content_block_delta', index, delta } as never)),
        named({ type: 'content_block_stop', index } as never),
      ];
    }),
    named({
      type: 'message_delta',
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { output_tokens: OUTPUT },
    } as never),
    named({ type: 'message_stop' }),
  ];
}

function gemini({ text, thinking, calls = [], end, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const parts = [
    ...words(thinking ?? '').map((piece) => ({ text: piece, thought: true })),
    ...words(text ?? '').map((piece) => ({ text: piece })),
    ...calls.map(([name, args], at) => ({
      functionCall: { name, args },
      ...(thinking && at === 0 && { thoughtSignature: signs.gemini }),
    })),
  ];
  const finishReason = end === 'length' ? 'MAX_TOKENS' : end ? 'SAFETY' : 'STOP';
  const usageMetadata = {
    ...{ promptTokenCount: INPUT, candidatesTokenCount: OUTPUT, totalTokenCount: INPUT + OUTPUT },
    ...(cached > 0 && { cachedContentTokenCount: cached }),
  };
  const base = { modelVersion: 'm', responseId: 'r-1' };
  const answer = (of: object[], more: object) => ({
    ...base,
    candidates: [{ index: 0, content: { role: 'model', parts: of }, ...more }],
  });
  if (!stream) return json(200, { ...answer(parts, { finishReason }), usageMetadata });
  const events = parts.map((part, at) =>
    at === parts.length - 1 ? { ...answer([part], { finishReason }), usageMetadata } : answer([part], {}),
  );
  return [head(200, sseHeaders), ...events.map((one) => write(`data: ${JSON.stringify(one)}\r\n\r\n`))];
}
