/** An answer of `generateContent` to be told again: judged, given a new identity each time, and put together from its stream. */
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Prompt, PromptUnfit, Replay } from '../format.js';
import { withValues } from '../json-fields.js';
import { SseReader } from '../sse.js';
import type { Usage } from '../usage.js';
import { field, listIn, partsIn } from './fields.js';
import type { GeminiRequest } from './request.js';
import { candidatesOf, isFinish, partsOf } from './wire.js';

/** Fields that change how an answer is delivered or recorded, and not what it says. */
const apart: ReadonlySet<string> = new Set(['model', 'stream', 'labels']);

export const geminiReplay: Replay<GeminiRequest> = {
  unfit({ json, facts }) {
    if (facts.choices !== 1) return 'several choices';
    const functions = ['functionDeclarations', 'function_declarations'];
    const own = listIn(json, 'tools').some(
      (tool) => isObject(tool) && Object.keys(tool).some((name) => !functions.includes(name)),
    );
    return own ? 'tools of the provider' : null;
  },
  identity: ({ json }) => Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name))),
  prompt: (request, maxTurns) => promptOf(geminiReplay.identity(request), maxTurns),
  isRepeatable: (answer) => isRepeatable(JSON.parse(answer.toString('utf8'))),
  *whole(pieces, usage) {
    const answer = yield* wholeAnswer(pieces, usage);
    return answer && Buffer.from(JSON.stringify(answer));
  },
  retold: (answer, nowMs) => withValues(answer, { responseId: newId('req', nowMs).slice(4) }),
  words: (answer) =>
    candidatesOf(JSON.parse(answer.toString('utf8')) as Json)
      .flatMap(partsOf)
      .map(({ text, thought }) => (typeof text === 'string' && thought !== true ? text : ''))
      .join(''),
};

/** Ended by itself, in words, without a call. */
function isRepeatable(answer: unknown): boolean {
  if (!isObject(answer)) return false;
  const [candidate, ...others] = candidatesOf(answer);
  if (!candidate || others.length > 0 || candidate['finishReason'] !== 'STOP') return false;
  const parts = partsOf(candidate);
  if (!parts.every(({ text }) => typeof text === 'string')) return false;
  return parts.some(({ text, thought }) => text !== '' && thought !== true);
}

/** The text of the last content, where that is the user's and nothing else is in it. */
function promptOf(request: Json, maxTurns: number): Prompt | PromptUnfit {
  const contents = listIn(request, 'contents');
  const last = contents.at(-1);
  if (!isObject(last) || last['role'] === 'model') return 'no text';
  const parts = partsIn(last);
  const [part] = parts;
  const text = parts.length === 1 && part && Object.keys(part).length === 1 ? part['text'] : undefined;
  if (typeof text !== 'string' || text.trim() === '') return 'no text';
  const calls = contents.some((content) =>
    partsIn(content).some((one) => field(one, 'functionCall') ?? field(one, 'functionResponse')),
  );
  if (calls) return 'tools';
  if (contents.filter((content) => isObject(content) && content['role'] !== 'model').length > maxTurns) return 'turns';
  return { text, rest: { ...request, contents: [...contents.slice(0, -1), { ...last, parts: null }] } };
}

/** The answer that a stream told, with `usage` in it; undefined where it was not whole. */
function* wholeAnswer(pieces: readonly Buffer[], usage: Usage): Generator<number, Json | undefined> {
  const events = yield* eventsIn(pieces);
  if (!events) return undefined;
  const parts: Json[] = [];
  let base: Json = {};
  let candidate: Json | undefined;
  for (const { candidates: _candidates, usageMetadata: _usage, ...rest } of events) base = { ...base, ...rest };
  for (const one of events.flatMap(candidatesOf)) {
    const { content: _content, ...rest } = one;
    if ((one['index'] ?? 0) !== 0) return undefined;
    candidate = { ...candidate, ...rest };
    for (const part of partsOf(one)) addPart(parts, part);
  }
  if (!candidate || !isFinish(candidate['finishReason'])) return undefined;
  const whole = { content: { parts, role: 'model' }, ...candidate };
  return { candidates: [whole], usageMetadata: usageMetadata(usage), ...base };
}

/** Texts of one kind grow; whatever else is in a part stands for itself. */
export function addPart(parts: Json[], part: Json): void {
  const last = parts.at(-1);
  const alike = last && isPlain(last) && isPlain(part) && last['thought'] === part['thought'];
  if (alike) parts[parts.length - 1] = { ...last, text: String(last['text']) + String(part['text']) };
  else if (!(isPlain(part) && part['text'] === '')) parts.push(part);
}

const isPlain = (part: Json): boolean =>
  typeof part['text'] === 'string' && Object.keys(part).every((name) => name === 'text' || name === 'thought');

function* eventsIn(pieces: readonly Buffer[]): Generator<number, Json[] | undefined> {
  const [first] = pieces;
  if (first?.[0] === '['.charCodeAt(0)) return elementsIn(pieces);
  const events: Json[] = [];
  const reader = new SseReader();
  try {
    for (const piece of pieces) {
      reader.feed(piece, ({ data }) => {
        if (data !== undefined) events.push(JSON.parse(data) as Json);
        return true;
      });
      yield piece.length;
    }
  } catch {
    return undefined;
  }
  return events.every(isObject) ? events : undefined;
}

/** An array whose end may not have been written yet. */
function elementsIn(pieces: readonly Buffer[]): Json[] | undefined {
  const text = Buffer.concat(pieces).toString('utf8').trimEnd();
  try {
    const array = JSON.parse(text.endsWith(']') ? text : `${text}]`) as unknown[];
    return array.every(isObject) ? array : undefined;
  } catch {
    return undefined;
  }
}

/** Usage as Google tells it. */
export function usageMetadata(usage: Usage): Json {
  const written = usage.cache_write_5m + usage.cache_write_1h;
  const prompt = usage.input + usage.cache_read + written;
  const answer = Math.max(0, usage.output - usage.reasoning);
  return {
    promptTokenCount: prompt,
    ...(usage.cache_read > 0 && { cachedContentTokenCount: usage.cache_read }),
    candidatesTokenCount: answer,
    ...(usage.reasoning > 0 && { thoughtsTokenCount: usage.reasoning }),
    totalTokenCount: prompt + usage.output,
  };
}
