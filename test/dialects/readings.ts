/** What an answer says, whole or streamed, in each format that clients call. */
import type { In } from './scene.js';

type Wire = Readonly<Record<string, unknown>>;

export interface Reading {
  readonly text: string;
  readonly thinking: string;
  /** Names and arguments of calls. */
  readonly calls: readonly string[];
  /** Why it ended, in the format's own word. */
  readonly end: string;
  /** Tokens: of the request with what was cached, of what was cached, and of the answer. */
  readonly usage: readonly [input: number, cached: number, output: number];
  /** Addresses that the text cites. */
  readonly cites: readonly string[];
  /** The sequence at which it stopped, where the format tells it. */
  readonly stoppedAt?: string | undefined;
}

const of = (value: unknown): Wire => (typeof value === 'object' && value !== null ? (value as Wire) : {});
const list = (value: unknown): Wire[] => (Array.isArray(value) ? value.map(of) : []);
const text = (...values: unknown[]): string => (values.find((value) => typeof value === 'string') as string) ?? '';
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const joined = (pieces: readonly string[]): string => pieces.join('');
const call = (name: unknown, args: unknown): string =>
  `${text(name)} ${JSON.stringify(typeof args === 'string' ? JSON.parse(args || '{}') : (args ?? {}))}`;

type Whole = (answer: Wire) => Reading;
type Events = (events: readonly Wire[]) => Reading;

const wholes: Readonly<Record<In, Whole>> = {
  ...{ chat: chatWhole, messages: messagesWhole, responses: responsesWhole, content: (answer) => contentOf([answer]) },
  completions: (answer) => completionsOf([answer]),
};
const streams: Readonly<Record<In, Events>> = {
  ...{ chat: chatStream, messages: messagesStream, responses: responsesStream, content: contentOf },
  completions: completionsOf,
};

export function readWhole(format: In, answer: object): Reading {
  return wholes[format](of(answer));
}

export function readStream(format: In, told: string): Reading {
  const events = told
    .split('\n')
    .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6)) as Wire] : []));
  return streams[format](events);
}

function chatUsage(told: unknown): Reading['usage'] {
  const usage = of(told);
  const { cached_tokens: cached } = of(usage['prompt_tokens_details']);
  return [number(usage['prompt_tokens']), number(cached), number(usage['completion_tokens'])];
}

function chatWhole({ choices, usage }: Wire): Reading {
  const [choice] = list(choices);
  const message = of(choice?.['message']);
  return {
    text: text(message['content'], message['refusal']),
    thinking: text(message['reasoning_content']),
    calls: list(message['tool_calls']).map((one) => {
      const called = of(one['function']);
      return call(called['name'], called['arguments']);
    }),
    end: text(choice?.['finish_reason']),
    usage: chatUsage(usage),
    cites: list(message['annotations']).map(({ url_citation: cited }) => text(of(cited)['url'])),
  };
}

function chatStream(events: readonly Wire[]): Reading {
  const choices = events.flatMap((event) => list(event['choices']));
  const deltas = choices.map(({ delta }) => of(delta));
  const calls: { name: string; args: string }[] = [];
  for (const one of deltas.flatMap((delta) => list(delta['tool_calls']))) {
    const { name, arguments: args } = of(one['function']);
    const at = number(one['index']);
    calls[at] ??= { name: '', args: '' };
    calls[at].name += text(name);
    calls[at].args += text(args);
  }
  return {
    text: joined(deltas.map((delta) => text(delta['content'], delta['refusal']))),
    thinking: joined(deltas.map((delta) => text(delta['reasoning_content']))),
    calls: calls.map(({ name, args }) => call(name, args)),
    end: joined(choices.map((choice) => text(choice['finish_reason']))),
    usage: chatUsage(events.findLast(({ usage }) => typeof usage === 'object' && usage !== null)?.['usage']),
    cites: deltas.flatMap((delta) => list(delta['annotations']).map((one) => text(of(one['url_citation'])['url']))),
  };
}

function messagesWhole({ content, stop_reason: end, stop_sequence: at, usage: told }: Wire): Reading {
  const blocks = list(content);
  const usage = of(told);
  const cached = number(usage['cache_read_input_tokens']);
  return {
    text: joined(blocks.map((block) => text(block['text']))),
    thinking: joined(blocks.map((block) => text(block['thinking']))),
    calls: blocks.flatMap(({ type, name, input }) => (type === 'tool_use' ? [call(name, input)] : [])),
    end: text(end),
    usage: [number(usage['input_tokens']) + cached, cached, number(usage['output_tokens'])],
    cites: blocks.flatMap(({ citations }) => list(citations).map(({ url }) => text(url))),
    stoppedAt: text(at) || undefined,
  };
}

function messagesStream(events: readonly Wire[]): Reading {
  const typed = (type: string) => events.filter((event) => event['type'] === type);
  const content = typed('content_block_start').map(({ index, content_block: begun }) => {
    const deltas = typed('content_block_delta').flatMap((event) =>
      event['index'] === index ? [of(event['delta'])] : [],
    );
    const said = (name: string) => joined(deltas.map((delta) => text(delta[name])));
    const block = of(begun);
    return {
      ...block,
      text: text(block['text']) + said('text'),
      thinking: text(block['thinking']) + said('thinking'),
      input: said('partial_json') || block['input'],
      citations: deltas.flatMap(({ citation }) => (citation === undefined ? [] : [citation])),
    };
  });
  const [end] = typed('message_delta');
  const begun = of(of(typed('message_start')[0]?.['message'])['usage']);
  const usage = { ...begun, ...of(end?.['usage']) };
  return messagesWhole({ content, ...of(end?.['delta']), usage });
}

function responsesWhole({ output, status, incomplete_details: details, usage: told }: Wire): Reading {
  const items = list(output);
  const said = items.flatMap(({ type, content }) => (type === 'message' ? list(content) : []));
  const usage = of(told);
  const { cached_tokens: cached } = of(usage['input_tokens_details']);
  return {
    text: joined(said.map((part) => text(part['text'], part['refusal']))),
    thinking: joined(items.flatMap(({ summary }) => list(summary).map((part) => text(part['text'])))),
    calls: items.flatMap(({ type, name, arguments: args }) => (type === 'function_call' ? [call(name, args)] : [])),
    end: text(of(details)['reason'], status),
    usage: [number(usage['input_tokens']), number(cached), number(usage['output_tokens'])],
    cites: said.flatMap(({ annotations }) => list(annotations).map(({ url }) => text(url))),
  };
}

/** The last event has it all; what came in pieces is the same. */
function responsesStream(events: readonly Wire[]): Reading {
  const said = events.filter(({ type }) => type === 'response.output_text.delta' || type === 'response.refusal.delta');
  return { ...responsesWhole(of(events.at(-1)?.['response'])), text: joined(said.map(({ delta }) => text(delta))) };
}

function completionsOf(events: readonly Wire[]): Reading {
  const choices = events.flatMap((event) => list(event['choices']));
  return {
    text: joined(choices.map((choice) => text(choice['text']))),
    thinking: '',
    calls: [],
    cites: [],
    end: joined(choices.map((choice) => text(choice['finish_reason']))),
    usage: chatUsage(events.findLast(({ usage }) => typeof usage === 'object' && usage !== null)?.['usage']),
  };
}

function contentOf(events: readonly Wire[]): Reading {
  const candidates = events.flatMap((event) => list(event['candidates']));
  const parts = candidates.flatMap(({ content }) => list(of(content)['parts']));
  const usage = of(events.findLast((event) => event['usageMetadata'] !== undefined)?.['usageMetadata']);
  return {
    text: joined(parts.map((part) => (part['thought'] ? '' : text(part['text'])))),
    thinking: joined(parts.map((part) => (part['thought'] ? text(part['text']) : ''))),
    calls: parts.flatMap((part) => {
      const called = of(part['functionCall']);
      return part['functionCall'] ? [call(called['name'], called['args'])] : [];
    }),
    end: joined(candidates.map((candidate) => text(candidate['finishReason']))),
    usage: [
      number(usage['promptTokenCount']),
      number(usage['cachedContentTokenCount']),
      number(usage['candidatesTokenCount']) + number(usage['thoughtsTokenCount']),
    ],
    cites: candidates.flatMap(({ groundingMetadata: found }) =>
      list(of(found)['groundingChunks']).map(({ web }) => text(of(web)['uri'])),
    ),
  };
}
