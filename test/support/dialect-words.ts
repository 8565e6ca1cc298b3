/** One question in every dialect, by the names of models that a test configures, and the words of what comes back. */

export interface Dialect {
  readonly model: string;
  path(stream: boolean): string;
  body(words: string): object;
  readonly asArray?: true;
}

const chatBody = (model: string) => (words: string) => ({
  model,
  max_tokens: 50,
  messages: [{ role: 'user', content: words }],
});
const contents = (words: string) => ({ contents: [{ role: 'user', parts: [{ text: words }] }] });
const google = (model: string, alt: string) => (stream: boolean) =>
  `/v1beta/models/${model}:${stream ? `streamGenerateContent${alt}` : 'generateContent'}`;

export const dialects: Readonly<Record<string, Dialect>> = {
  'chat completions': { model: 'chat', path: () => '/v1/chat/completions', body: chatBody('chat') },
  'chat completions at Anthropic': { model: 'claude', path: () => '/v1/chat/completions', body: chatBody('claude') },
  messages: { model: 'claude', path: () => '/v1/messages', body: chatBody('claude') },
  'messages by a chat model': { model: 'chat', path: () => '/v1/messages', body: chatBody('chat') },
  responses: {
    model: 'chat',
    path: () => '/v1/responses',
    body: (words) => ({ model: 'chat', input: words, store: false }),
  },
  'responses at OpenAI': {
    model: 'openai',
    path: () => '/v1/responses',
    body: (input) => ({ model: 'openai', input, store: false }),
  },
  completions: { model: 'claude', path: () => '/v1/completions', body: (prompt) => ({ model: 'claude', prompt }) },
  "Google's content": { model: 'gemini', path: google('gemini', '?alt=sse'), body: contents },
  "Google's content as an array": { model: 'gemini', path: google('gemini', ''), body: contents, asArray: true },
  "Google's content by a chat model": { model: 'chat', path: google('chat', '?alt=sse'), body: contents },
};

/** The pieces of an answer's words, put together. */
export function wordsIn(text: string, { asArray }: Dialect): string {
  const events: unknown[] =
    asArray || !text.includes('data: ')
      ? [JSON.parse(text)].flat()
      : text.split('\n').flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []));
  const words: string[] = [];
  const walk = (value: unknown, key: string): void => {
    if (typeof value === 'string' && ['content', 'text', 'delta'].includes(key)) words.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value)) walk(one, name);
  };
  for (const one of events as { type?: string }[])
    if (!/\.done$|completed$|added$|created$|in_progress$/.test(one.type ?? ''))
      walk(one, Array.isArray(one) ? '' : 'top');
  return words.join('');
}
