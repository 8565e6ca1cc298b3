/** What targets of each wire format answer: the same thing in the words of each, whole and as events. */
import { event as frame } from '../support/event-frames.js';
import { event } from '../support/openai-answers.js';
import { responseEvents, responseTo } from '../support/openai-responses-answers.js';
import { head, json, type Step, sse, sseHeaders, write } from '../support/upstream-steps.js';
import type { In, Out } from './scene.js';

export interface Saying {
  readonly name: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly (readonly [name: string, args: object])[];
  readonly end?: 'length' | 'filter' | 'stop';
  /** An address that the whole text cites. */
  readonly cites?: string;
  /** Of 100 tokens of the request. */
  readonly cached?: number;
  /** Why it ended, as each client is told. */
  readonly told: Readonly<Record<In, string>>;
}

const stopped = { chat: 'stop', messages: 'end_turn', responses: 'completed', content: 'STOP', completions: 'stop' };
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
    told: {
      ...{ chat: 'length', messages: 'max_tokens', responses: 'max_output_tokens', content: 'MAX_TOKENS' },
      completions: 'length',
    },
  },
  {
    name: 'an end by a filter',
    text: 'Good day',
    end: 'filter',
    told: {
      ...{ chat: 'content_filter', messages: 'refusal', responses: 'content_filter', content: 'SAFETY' },
      completions: 'content_filter',
    },
  },
  { name: 'an end at a stop sequence', text: 'Good day', end: 'stop', told: stopped },
  { name: 'a text that cites', text: 'Grüße, it is so', cites: 'https://example.com/so', told: stopped },
  { name: 'cached usage', text: 'Good day', cached: 60, told: stopped },
];

/** What the makers of thoughts sign them with. */
export const signs = {
  ...{ messages: 'EqQBCgIYAhIM', responses: 'gAAAA-signed', gemini: 'c2lnbmVkLWNhbGw=' },
  converse: 'Y29udmVyc2U=',
};

/** The stop sequence that is asked for. */
export const SEQUENCE = 'ENDWORD';
const INPUT = 100;
const OUTPUT = 20;
const words = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

export function answerAs(out: Out, saying: Saying, stream: boolean): readonly Step[] {
  return { chat, responses, messages, gemini, converse, text: completions }[out](saying, stream);
}

function chat({ text, thinking, calls, end, cites, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const reason = end === 'length' ? 'length' : end === 'filter' ? 'content_filter' : calls ? 'tool_calls' : 'stop';
  // As vLLM tells it.
  const at = end === 'stop' ? { stop_reason: SEQUENCE } : {};
  const cited = { start_index: 0, end_index: text?.length, title: 'So', url: cites };
  const annotations = cites ? { annotations: [{ type: 'url_citation', url_citation: cited }] } : {};
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
      ...annotations,
    };
    return json(200, {
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: reason, ...at }],
      usage,
    });
  }
  const chunk = (delta: object, finish: string | null = null) =>
    event({
      ...{ ...base, object: 'chat.completion.chunk' },
      choices: [{ index: 0, delta, finish_reason: finish, ...(finish && at) }],
    });
  return sse(
    chunk({ role: 'assistant' }),
    ...words(thinking ?? '').map((piece) => chunk({ reasoning_content: piece })),
    ...words(text ?? '').map((content) => chunk({ content })),
    ...(told ?? []).flatMap(({ function: { arguments: args, name }, ...one }) => [
      chunk({ tool_calls: [{ ...one, function: { name, arguments: '' } }] }),
      chunk({ tool_calls: [{ index: one.index, function: { arguments: args } }] }),
    ]),
    ...(cites ? [chunk(annotations)] : []),
    chunk({}, reason),
    event({ ...base, object: 'chat.completion.chunk', choices: [], usage }),
    'data: [DONE]\n\n',
  );
}

function responses(
  { text, thinking, calls = [], end: ending, cites, cached = 0 }: Saying,
  stream: boolean,
): readonly Step[] {
  // It knows no stop sequences.
  const end = ending === 'stop' ? undefined : ending;
  const status = end ? 'incomplete' : 'completed';
  const cited = { type: 'url_citation', start_index: 0, end_index: text?.length, title: 'So', url: cites };
  const content = [{ type: 'output_text', text, annotations: cites ? [cited] : [], logprobs: [] }];
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

function messages({ text, thinking, calls = [], end, cites, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const location = {
    ...{ type: 'web_search_result_location', url: cites, title: 'So', cited_text: 'so', encrypted_index: 'Eo8B' },
  };
  const content = [
    ...(thinking ? [{ type: 'thinking', thinking, signature: signs.messages }] : []),
    ...(text ? [{ type: 'text', text, ...(cites && { citations: [location] }) }] : []),
    ...calls.map(([name, input], at) => ({ type: 'tool_use', id: `toolu_${at}`, name, input })),
  ];
  const ends = { length: 'max_tokens', filter: 'refusal', stop: 'stop_sequence' };
  const reason = end ? ends[end] : calls.length > 0 ? 'tool_use' : 'end_turn';
  const usage = {
    ...{ input_tokens: INPUT - cached, cache_read_input_tokens: cached, cache_creation_input_tokens: 0 },
    output_tokens: OUTPUT,
  };
  const stop_sequence = end === 'stop' ? SEQUENCE : null;
  const base = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_sequence };
  if (!stream) return json(200, { ...base, content, stop_reason: reason, usage });
  const named = (of: { type: string } & object) => write(`event: ${of.type}\ndata: ${JSON.stringify(of)}\n\n`);
  return [
    head(200, sseHeaders),
    named({
      type: 'message_start',
      message: { ...base, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } },
    } as never),
    ...content.flatMap((block, index) => {
      const { text: said, thinking: thought, signature, input } = block as Record<string, string | undefined>;
      const deltas = said
        ? [
            ...words(said).map((piece) => ({ type: 'text_delta', text: piece })),
            ...(cites ? [{ type: 'citations_delta', citation: location }] : []),
          ]
        : thought
          ? [
              ...words(thought).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
              { type: 'signature_delta', signature },
            ]
          : [{ type: 'input_json_delta', partial_json: JSON.stringify(input) }];
      const opened = {
        ...block,
        ...(said && { text: '', citations: cites ? [] : undefined }),
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
      delta: { stop_reason: reason, stop_sequence },
      usage: { output_tokens: OUTPUT },
    } as never),
    named({ type: 'message_stop' }),
  ];
}

function gemini({ text, thinking, calls = [], end, cites, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const parts = [
    ...words(thinking ?? '').map((piece) => ({ text: piece, thought: true })),
    ...words(text ?? '').map((piece) => ({ text: piece })),
    ...calls.map(([name, args], at) => ({
      functionCall: { name, args },
      ...(thinking && at === 0 && { thoughtSignature: signs.gemini }),
    })),
  ];
  const finishReason = end === 'length' ? 'MAX_TOKENS' : end === 'filter' ? 'SAFETY' : 'STOP';
  const segment = { startIndex: 0, endIndex: Buffer.byteLength(text ?? ''), text };
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: cites, title: 'So' } }],
    groundingSupports: [{ segment, groundingChunkIndices: [0] }],
  };
  const ending = { finishReason, ...(cites && { groundingMetadata }) };
  const usageMetadata = {
    ...{ promptTokenCount: INPUT, candidatesTokenCount: OUTPUT, totalTokenCount: INPUT + OUTPUT },
    ...(cached > 0 && { cachedContentTokenCount: cached }),
  };
  const base = { modelVersion: 'm', responseId: 'r-1' };
  const answer = (of: object[], more: object) => ({
    ...base,
    candidates: [{ index: 0, content: { role: 'model', parts: of }, ...more }],
  });
  if (!stream) return json(200, { ...answer(parts, ending), usageMetadata });
  const events = parts.map((part, at) =>
    at === parts.length - 1 ? { ...answer([part], ending), usageMetadata } : answer([part], {}),
  );
  return [head(200, sseHeaders), ...events.map((one) => write(`data: ${JSON.stringify(one)}\r\n\r\n`))];
}

function converse({ text, thinking, calls = [], end, cites, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const ends = { length: 'max_tokens', filter: 'content_filtered', stop: 'stop_sequence' };
  const stopReason = end ? ends[end] : calls.length > 0 ? 'tool_use' : 'end_turn';
  const citation = { title: 'So', location: { web: { url: cites } } };
  const usage = {
    ...{ inputTokens: INPUT - cached, outputTokens: OUTPUT, totalTokens: INPUT + OUTPUT },
    cacheReadInputTokens: cached,
  };
  const uses = calls.map(([name, input], at) => ({ toolUseId: `tooluse_${at}`, name, input }));
  if (!stream) {
    const content = [
      ...(thinking ? [{ reasoningContent: { reasoningText: { text: thinking, signature: signs.converse } } }] : []),
      ...(text ? [cites ? { citationsContent: { content: [{ text }], citations: [citation] } } : { text }] : []),
      ...uses.map((toolUse) => ({ toolUse })),
    ];
    return json(200, { output: { message: { role: 'assistant', content } }, stopReason, usage });
  }
  const blocks = [
    ...(thinking
      ? [
          [
            ...words(thinking).map((piece) => ({ delta: { reasoningContent: { text: piece } } })),
            { delta: { reasoningContent: { signature: signs.converse } } },
          ],
        ]
      : []),
    ...(text
      ? [[...words(text).map((piece) => ({ delta: { text: piece } })), ...(cites ? [{ delta: { citation } }] : [])]]
      : []),
    ...uses.map(({ input, ...toolUse }) => [
      { start: { toolUse } },
      { delta: { toolUse: { input: JSON.stringify(input) } } },
    ]),
  ];
  return [
    head(200, { 'content-type': 'application/vnd.amazon.eventstream' }),
    write(frame('messageStart', { role: 'assistant' })),
    ...blocks.flatMap((events, contentBlockIndex) => [
      ...events.map((one) =>
        write(frame('start' in one ? 'contentBlockStart' : 'contentBlockDelta', { contentBlockIndex, ...one })),
      ),
      write(frame('contentBlockStop', { contentBlockIndex })),
    ]),
    write(frame('messageStop', { stopReason })),
    write(frame('metadata', { usage, metrics: { latencyMs: 1 } })),
  ];
}

function completions({ text = '', end, cached = 0 }: Saying, stream: boolean): readonly Step[] {
  const reason = end === 'length' ? 'length' : end === 'filter' ? 'content_filter' : 'stop';
  const usage = {
    ...{ prompt_tokens: INPUT, completion_tokens: OUTPUT, total_tokens: INPUT + OUTPUT },
    prompt_tokens_details: { cached_tokens: cached },
  };
  const base = { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm' };
  const choice = (piece: string, finish: string | null) => ({
    ...base,
    choices: [{ text: piece, index: 0, logprobs: null, finish_reason: finish }],
  });
  if (!stream) return json(200, { ...choice(text, reason), usage });
  return sse(
    ...words(text).map((piece) => event(choice(piece, null))),
    event(choice('', reason)),
    event({ ...base, choices: [], usage }),
    'data: [DONE]\n\n',
  );
}
