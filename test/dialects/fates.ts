/** What becomes of things on their way, where they do not survive it. */
import type { In, Out } from './scene.js';

type Fate = 'survives' | 'named' | 'refused';

/** Between a format and itself all is as it was. */
const natives = ['chat to chat', 'messages to messages', 'responses to responses', 'content to gemini'];
const native = Object.fromEntries(
  [...natives, 'completions to text'].map((pair): [string, Fate] => [pair, 'survives']),
);
/** Which the Responses API's callers get back as what they offered. */
const toldAsFunction = {
  'responses to messages': 'survives',
  'responses to gemini': 'survives',
  'responses to converse': 'survives',
} as const;
/** Anthropic has an API for files, web and code of its own, and so have Google and OpenAI. */
const madeBySomebody = { '* to *': 'refused' } as const;

/** What does not survive, for these pairs. All else does. */
const fates: Readonly<Record<string, Readonly<Record<string, Fate>>>> = {
  // Google's API for developers fetches nothing from the web, and Bedrock nothing at all.
  'image by URL': { '* to gemini': 'refused', '* to converse': 'refused' },
  'document by URL': { '* to chat': 'refused', '* to gemini': 'refused', '* to converse': 'refused' },
  sound: { '* to messages': 'refused', '* to converse': 'refused' },
  'strict tool': { '* to converse': 'named' },
  'custom tool': {
    '* to messages': 'refused',
    '* to gemini': 'refused',
    '* to converse': 'refused',
    ...toldAsFunction,
  },
  'no parallel calls': { '* to gemini': 'named', '* to converse': 'named' },
  // It is not known whether this model would take it.
  effort: { '* to chat': 'named', '* to converse': 'named' },
  'stop sequence': { '* to responses': 'refused' },
  'several answers': { '* to responses': 'refused', '* to messages': 'refused', '* to converse': 'refused' },
  logprobs: { '* to messages': 'refused', '* to converse': 'refused', 'completions to *': 'refused' },
  sampling: {
    '* to responses': 'named',
    '* to messages': 'named',
    '* to converse': 'named',
    'messages to converse': 'survives',
  },
  'document by the id of a file': {
    '* to *': 'refused',
    'chat to responses': 'survives',
  },
  'who asks': {
    '* to gemini': 'named',
    '* to converse': 'named',
    '* to chat': 'named',
    'completions to chat': 'survives',
  },
  'a mark to cache by': {
    '* to *': 'named',
    'chat to messages': 'survives',
    'messages to converse': 'survives',
    'chat to converse': 'survives',
  },
  'a mark to cache the whole request by': {
    '* to *': 'named',
    'chat to messages': 'survives',
    '* to converse': 'survives',
  },
  'document that is to be cited': { '* to *': 'named' },
  verbosity: { '* to *': 'named', 'chat to responses': 'survives', 'responses to chat': 'survives' },
  'service tier': { '* to messages': 'named', '* to chat': 'named' },
  penalties: { '* to *': 'named', 'content to chat': 'survives', 'completions to chat': 'survives' },
  'bias of tokens': { '* to *': 'refused', 'completions to chat': 'survives' },
  'search of the web': madeBySomebody,
  'code that is run': madeBySomebody,
  'tools of a server': madeBySomebody,
  'sound as an answer': madeBySomebody,
  'an answer that is begun': {
    'messages to chat': 'refused',
    'messages to responses': 'refused',
    'messages to gemini': 'refused',
  },
  'a field that nobody knows': { '* to *': 'refused' },
  'several prompts': { '* to *': 'refused' },
  tokens: { '* to *': 'refused' },
  echo: { '* to *': 'refused' },
  suffix: { '* to *': 'refused' },
  'the best of several': { '* to *': 'refused' },
};

export function fateOf(scene: string, from: In, to: Out): Fate {
  const of = { ...native, ...fates[scene] };
  const pairs = [`${from} to ${to}`, `${from} to *`, `* to ${to}`, '* to *'];
  return pairs.map((pair) => of[pair]).find((fate) => fate !== undefined) ?? 'survives';
}
