/**
 * The wire formats that clients call, as rows: how a request of each is written and what its answer says, so that whatever holds
 * for all of them is tested over all of them (`formats.test.ts`). A new format is a new row.
 */
import { answerMessages } from '../support/anthropic-answers.js';
import { answerChat, answerCompletions } from '../support/openai-answers.js';
import { cut, head, json, type Received, type Step, sseHeaders, write } from '../support/upstream-steps.js';

export interface Asked {
  readonly model: string;
  readonly words: string;
  readonly maxTokens: number;
  readonly stream?: boolean;
}

export interface FormatRow {
  readonly name: string;
  /** The row whose format it is as well, at another path. */
  readonly sameAs?: string;
  /** As the table of addresses has it. */
  readonly path: string;
  /** Left out: `path`. */
  pathFor?(asked: Asked): string;
  /** The type of a provider that speaks it. */
  readonly provider: 'openai-compatible' | 'anthropic';
  /** What such a provider answers. */
  readonly answer: (request: Received) => readonly Step[];
  body(asked: Asked): object;
  /** The words of a whole answer. */
  words(answer: unknown): string;
  /** The words of a stream, as far as it came. */
  streamed(text: string): string;
  /** Whether a stream ended as it should. */
  ended(text: string): boolean;
  /** The type of an error, and its message. */
  error(body: unknown): { readonly type: string; readonly message: string };
  /** Whether a stream ended in an error of the format. */
  brokeOff(text: string): boolean;
  /** Input and output tokens that an answer tells. */
  usage(answer: unknown): readonly [number, number];
}

const events = (text: string): Record<string, never>[] =>
  text.split('\n').flatMap((line) => {
    if (!line.startsWith('data: {')) return [];
    return [JSON.parse(line.slice(6)) as Record<string, never>];
  });

const chat: FormatRow = {
  name: 'chat completions',
  path: '/v1/chat/completions',
  provider: 'openai-compatible',
  answer: answerChat,
  body: ({ model, words, maxTokens, stream }) => ({
    model,
    messages: [{ role: 'user', content: words }],
    max_tokens: maxTokens,
    ...(stream && { stream }),
  }),
  words: (answer) => (answer as { choices: { message: { content: string } }[] }).choices[0]!.message.content,
  streamed: (text) =>
    events(text)
      .map(({ choices }) => (choices as { delta: { content?: string } }[] | undefined)?.[0]?.delta.content ?? '')
      .join(''),
  ended: (text) => text.endsWith('data: [DONE]\n\n'),
  error: (body) => (body as { error: { type: string; message: string } }).error,
  brokeOff: (text) => events(text).some(({ error }) => error !== undefined) && !text.includes('[DONE]'),
  usage: (answer) => {
    const { usage } = answer as { usage: { prompt_tokens: number; completion_tokens: number } };
    return [usage.prompt_tokens, usage.completion_tokens];
  },
};

const messages: FormatRow = {
  name: 'messages',
  path: '/v1/messages',
  provider: 'anthropic',
  answer: answerMessages,
  body: ({ model, words, maxTokens, stream }) => ({
    model,
    messages: [{ role: 'user', content: words }],
    max_tokens: maxTokens,
    ...(stream && { stream }),
  }),
  words: (answer) => (answer as { content: { text: string }[] }).content.map(({ text }) => text).join(''),
  streamed: (text) =>
    events(text)
      .map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? '')
      .join(''),
  ended: (text) => text.trimEnd().split('\n').at(-2) === 'event: message_stop',
  error: (body) => (body as { error: { type: string; message: string } }).error,
  brokeOff: (text) => text.includes('event: error\n') && !text.includes('message_stop'),
  usage: (answer) => {
    const { usage } = answer as { usage: { input_tokens: number; output_tokens: number } };
    return [usage.input_tokens, usage.output_tokens];
  },
};

interface ContentAnswer {
  readonly candidates?: readonly {
    readonly content: { readonly parts: readonly { readonly text?: string }[] };
    readonly finishReason?: string;
  }[];
  readonly usageMetadata?: { readonly promptTokenCount: number; readonly candidatesTokenCount: number };
  readonly error?: object;
}

const contentWords = ({ candidates }: ContentAnswer): string =>
  (candidates ?? []).flatMap(({ content }) => content.parts.map(({ text }) => text ?? '')).join('');

/** What the other formats call an error. */
const googleTypes: Readonly<Record<string, string>> = {
  INVALID_ARGUMENT: 'invalid_request_error',
  UNAUTHENTICATED: 'authentication_error',
  NOT_FOUND: 'not_found_error',
  RESOURCE_EXHAUSTED: 'rate_limit_error, insufficient_quota',
};

const content: FormatRow = {
  name: "Google's content",
  path: '/v1beta/models/{+model}:generateContent',
  pathFor: ({ model, stream }) =>
    `/v1beta/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  provider: 'openai-compatible',
  answer: answerChat,
  body: ({ model, words, maxTokens }) => ({
    model,
    contents: [{ role: 'user', parts: [{ text: words }] }],
    generationConfig: { maxOutputTokens: maxTokens },
  }),
  words: (answer) => contentWords(answer as ContentAnswer),
  streamed: (text) => events(text).map(contentWords).join(''),
  ended: (text) => {
    const last: ContentAnswer = events(text).at(-1) ?? {};
    return last.candidates?.[0]?.finishReason === 'STOP' && last.usageMetadata !== undefined;
  },
  error: (body) => {
    const { status, message } = (body as { error: { status: string; message: string } }).error;
    return { type: googleTypes[status] ?? status, message };
  },
  brokeOff: (text) => (events(text) as ContentAnswer[]).at(-1)?.error !== undefined,
  usage: (answer) => {
    const { promptTokenCount, candidatesTokenCount } = (answer as ContentAnswer).usageMetadata!;
    return [promptTokenCount, candidatesTokenCount];
  },
};

interface ResponseAnswer {
  readonly output?: readonly { readonly content?: readonly { readonly text?: string }[] }[];
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number };
}

const responses: FormatRow = {
  name: 'responses',
  path: '/v1/responses',
  provider: 'openai-compatible',
  answer: answerChat,
  body: ({ model, words, maxTokens, stream }) => ({
    ...{ model, input: words, max_output_tokens: maxTokens, store: false },
    ...(stream && { stream }),
  }),
  words: (answer) =>
    ((answer as ResponseAnswer).output ?? [])
      .flatMap(({ content: parts }) => (parts ?? []).map(({ text }) => text ?? ''))
      .join(''),
  streamed: (text) =>
    events(text)
      .map(({ type, delta }: Record<string, unknown>) => (type === 'response.output_text.delta' ? String(delta) : ''))
      .join(''),
  ended: (text) => text.includes('event: response.completed\n'),
  error: (body) => (body as { error: { type: string; message: string } }).error,
  brokeOff: (text) => text.includes('event: response.failed\n') && !text.includes('response.completed'),
  usage: (answer) => {
    const { usage } = answer as ResponseAnswer;
    return [usage!.input_tokens, usage!.output_tokens];
  },
};

const completions: FormatRow = {
  ...chat,
  name: 'completions',
  path: '/v1/completions',
  answer: answerCompletions,
  body: ({ model, words, maxTokens, stream }) => ({
    ...{ model, prompt: words, max_tokens: maxTokens },
    ...(stream && { stream }),
  }),
  words: (answer) => (answer as { choices: { text: string }[] }).choices[0]!.text,
  streamed: (text) =>
    events(text)
      .map(({ choices }) => (choices as { text?: string }[] | undefined)?.[0]?.text ?? '')
      .join(''),
};

/** The path names the model. */
const azure: FormatRow = {
  ...chat,
  name: "chat completions at Azure's path",
  sameAs: chat.name,
  path: '/openai/deployments/{model}/chat/completions',
  pathFor: ({ model }) => `/openai/deployments/${encodeURIComponent(model)}/chat/completions?api-version=2024-10-21`,
};

export const formatRows: readonly FormatRow[] = [chat, messages, content, responses, completions, azure];

const openaiHalf = (choice: object): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, ...choice, finish_reason: null }] })}\n\n`;
const messagesHalf = [
  { type: 'message_start', message: { id: 'm', usage: { input_tokens: 9, output_tokens: 1 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Half a' } },
];

/** A stream that is cut after its first words, as the API whose path was asked for tells it. */
export function halfAnswer({ path }: Received): readonly Step[] {
  const half = path.endsWith('/messages')
    ? messagesHalf.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join('')
    : openaiHalf(
        path.endsWith('/chat/completions') ? { delta: { role: 'assistant', content: 'Half a' } } : { text: 'Half a' },
      );
  return [head(200, sseHeaders), write(half), cut];
}

/** A whole answer without usage. */
export function untoldAnswer({ path }: Received): readonly Step[] {
  const text = 'four words of text';
  if (path.endsWith('/messages'))
    return json(200, {
      ...{ id: 'm', type: 'message', role: 'assistant', model: 'x', stop_reason: 'end_turn' },
      content: [{ type: 'text', text }],
    });
  const said = path.endsWith('/chat/completions') ? { message: { content: text } } : { text };
  return json(200, { id: 'c', model: 'x', choices: [{ index: 0, ...said, finish_reason: 'stop' }] });
}
