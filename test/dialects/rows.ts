/**
 * The wire formats that clients call, as rows: how a request of each is written and what its answer says, so that whatever holds
 * for all of them is tested over all of them (`formats.test.ts`). A new format is a new row.
 */
import { answerMessages } from '../support/anthropic-answers.js';
import { answerChat } from '../support/openai-answers.js';
import type { Received, Step } from '../support/upstream-steps.js';

export interface Asked {
  readonly model: string;
  readonly words: string;
  readonly maxTokens: number;
  readonly stream?: boolean;
}

export interface FormatRow {
  readonly name: string;
  readonly path: string;
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

export const formatRows: readonly FormatRow[] = [chat, messages];
