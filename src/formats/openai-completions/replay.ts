/** A completion to be told again, as the whole answer or the stream that it was: one choice, ended by itself. */
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Replay } from '../format.js';
import { withValues } from '../json-fields.js';
import { chatUsage } from '../openai-chat/usage.js';
import { SseReader } from '../sse.js';
import type { CompletionsRequest } from './request.js';

/** Fields that change how an answer is delivered or recorded, and not what it says. */
const apart: ReadonlySet<string> = new Set(['model', 'stream', 'stream_options', 'user', 'metadata']);

const identityOf = ({ json }: CompletionsRequest): Json =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name)));

export const completionsReplay: Replay<CompletionsRequest> = {
  unfit: ({ facts }) => (facts.choices === 1 ? null : 'several choices'),
  identity: identityOf,
  prompt(request) {
    const { prompt: text, ...rest } = identityOf(request);
    if (typeof text !== 'string' || text.trim() === '') return 'no text';
    const asksForDetails = rest['logprobs'] != null || rest['echo'] === true || rest['suffix'] != null;
    return asksForDetails ? 'details' : { text, rest };
  },
  isRepeatable(answer) {
    const choice = choiceOf(parsed(answer));
    return choice?.['finish_reason'] === 'stop' && choice['text'] !== '';
  },
  *whole(pieces, usage) {
    const told = yield* joined(pieces);
    return told && Buffer.from(JSON.stringify({ ...told, usage: chatUsage(usage) }));
  },
  retold: (answer, nowMs) =>
    withValues(answer, { id: `cmpl-${newId('req', nowMs).slice(4)}`, created: Math.floor(nowMs / 1000) }),
  words: (answer) => String(choiceOf(parsed(answer))?.['text'] ?? ''),
};

const parsed = (answer: Buffer): Json => JSON.parse(answer.toString('utf8')) as Json;

/** The only choice. */
function choiceOf({ choices }: Json): Json | undefined {
  const [choice, ...more] = Array.isArray(choices) ? (choices as unknown[]) : [];
  return isObject(choice) && more.length === 0 ? choice : undefined;
}

/** The completion that a stream told; undefined where it was not whole, or holds what cannot be put together. */
function* joined(pieces: readonly Buffer[]): Generator<number, Json | undefined> {
  const reader = new SseReader();
  const events: Json[] = [];
  let understood = true;
  for (const piece of pieces) {
    reader.feed(piece, ({ data }) => {
      if (data === undefined || data.startsWith('[DONE]')) return true;
      try {
        events.push(JSON.parse(data) as Json);
      } catch {
        understood = false;
      }
      return understood;
    });
    yield piece.length;
  }
  let text = '';
  let finish: unknown;
  let base: Json = {};
  for (const { choices, usage: _usage, x_tollgate: _extra, ...head } of events) {
    base = { ...base, ...head };
    const choice = choiceOf({ choices });
    if (!choice) {
      understood &&= Array.isArray(choices) && choices.length === 0;
      continue;
    }
    // Tokens are told by their places in the text, which are not put together here.
    understood &&= (choice['index'] ?? 0) === 0 && choice['logprobs'] == null;
    if (typeof choice['text'] === 'string') text += choice['text'];
    finish = choice['finish_reason'] ?? finish;
  }
  if (!understood || typeof finish !== 'string') return undefined;
  return { ...base, choices: [{ text, index: 0, logprobs: null, finish_reason: finish }] };
}
