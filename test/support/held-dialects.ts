/** Large requests and answers of every dialect, natively and translated, for `held-loop.ts`. */
import { answerAs, type Saying } from '../dialects/sayings.js';
import type { Out } from '../dialects/scene.js';
import type { Hold } from './held-loop.js';

const MB = 1024 * 1024;
const REQUEST_BYTES = 19 * MB;
const ANSWER_BYTES = 12 * 325_000;
const words = (bytes: number): string => 'lorem ipsum '.repeat(Math.floor(bytes / 12));
const picture = (): string => 'QUJD'.repeat(REQUEST_BYTES / 4);
const told = { chat: '', messages: '', responses: '', content: '', completions: '' };
const short: Saying = { name: 'short', text: 'ok', told };
const long = (): Saying => ({ name: 'long', text: 'lorem-ipsum-'.repeat(ANSWER_BYTES / 12), told });

/** The names of models that speak each format. */
export const heldModels: Readonly<Record<Exclude<Out, 'text'>, string>> = {
  ...{ chat: 'plain', messages: 'claude', responses: 'responses', gemini: 'gemini', converse: 'nova' },
};
type To = keyof typeof heldModels;

interface Client {
  path(model: string): string;
  body(model: string, said: string): object;
  seen?(model: string): object;
}

const image = () => `data:image/png;base64,${picture()}`;
const user = (content: unknown) => [{ role: 'user', content }];
const contents = (part: object) => ({ contents: [{ role: 'user', parts: [part] }] });

const clients: Readonly<Record<string, Client>> = {
  chat: {
    path: () => '/v1/chat/completions',
    body: (model, said) => ({ model, max_tokens: 1, messages: user(said) }),
    seen: (model) => ({ model, max_tokens: 1, messages: user([{ type: 'image_url', image_url: { url: image() } }]) }),
  },
  messages: {
    path: () => '/v1/messages',
    body: (model, said) => ({ model, max_tokens: 1, messages: user(said) }),
    seen: (model) => ({
      ...{ model, max_tokens: 1 },
      messages: user([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture() } }]),
    }),
  },
  responses: {
    path: () => '/v1/responses',
    body: (model, said) => ({ model, store: false, input: said }),
    seen: (model) => ({ model, store: false, input: user([{ type: 'input_image', image_url: image() }]) }),
  },
  content: {
    path: (model) => `/v1beta/models/${model}:generateContent`,
    body: (_model, said) => contents({ text: said }),
    seen: () => contents({ inlineData: { mimeType: 'image/png', data: picture() } }),
  },
  completions: { path: () => '/v1/completions', body: (model, said) => ({ model, prompt: said }) },
};

/** From a client to a target; each client and each target stands in some. */
const pairs: readonly (readonly [from: string, to: To])[] = [
  ['messages', 'messages'],
  ['messages', 'chat'],
  ['messages', 'gemini'],
  ['responses', 'responses'],
  ['responses', 'chat'],
  ['responses', 'messages'],
  ['content', 'gemini'],
  ['content', 'chat'],
  ['chat', 'gemini'],
  ['chat', 'responses'],
  ['chat', 'converse'],
  ['completions', 'messages'],
];

export const dialectHolds: readonly Hold[] = pairs.flatMap(([from, to]): Hold[] => {
  const client = clients[from]!;
  const model = heldModels[to];
  const path = client.path(model);
  const holds: Hold[] = [
    {
      ...{ name: `${from} to ${to}, 19 MB of English`, status: 200, path },
      body: () => JSON.stringify(client.body(model, words(REQUEST_BYTES))),
      answer: () => answerAs(to, short, false),
    },
    {
      ...{ name: `${from} from ${to}, an answer of 4 MB`, status: 200, path },
      body: () => JSON.stringify(client.body(model, 'x')),
      answer: () => answerAs(to, long(), false),
    },
  ];
  if (client.seen)
    holds.push({
      ...{ name: `${from} to ${to}, a picture of 19 MB`, status: 200, path },
      body: () => JSON.stringify(client.seen!(model)),
      answer: () => answerAs(to, short, false),
    });
  return holds;
});
