/**
 * A chat completion to be told again: put together from the stream that it was told as, judged whole or not, and given a
 * new identity each time. What this file does not know how to put together is not put together: better no copy than one
 * that lacks something.
 */

import { newId } from '../../lib/ids.js';
import { isObject } from '../../lib/json.js';
import type { Replay } from '../format.js';
import { withValues } from '../json-fields.js';
import { SseReader } from '../sse.js';
import type { Usage } from '../usage.js';
import { promptOf } from './prompt.js';
import type { ChatRequest } from './request.js';
import { chatUsage } from './usage.js';

type Wire = Record<string, unknown>;

/** Fields that change how an answer is delivered or recorded, and not what it says. */
const apart: ReadonlySet<string> = new Set([
  ...['model', 'stream', 'stream_options', 'user', 'safety_identifier', 'metadata', 'prompt_cache_key'],
]);

export const chatReplay: Replay<ChatRequest> = {
  unfit({ json, facts }) {
    if (facts.choices !== 1) return 'several choices';
    return json['store'] === true || json['background'] === true ? 'kept upstream' : null;
  },
  identity: ({ json }) => Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name))),
  prompt: (request, maxTurns) => promptOf(chatReplay.identity(request), maxTurns),
  isRepeatable: (answer) => isRepeatable(JSON.parse(answer.toString('utf8'))),
  *whole(pieces, usage) {
    const completion = yield* completionOf(pieces, usage);
    return completion && Buffer.from(JSON.stringify(completion));
  },
  /** The same completion under a new id, as of now. */
  retold: (answer, nowMs) =>
    withValues(answer, { id: `chatcmpl-${newId('req', nowMs).slice(4)}`, created: Math.floor(nowMs / 1000) }),
  words: wordsOf,
};

/**
 * Whether a completion is one that another caller may be given: one choice, ended by itself (not cut at a length, not
 * filtered), words and no calls of tools, not a refusal.
 */
function isRepeatable(completion: unknown): boolean {
  if (!isObject(completion) || !Array.isArray(completion['choices']) || completion['choices'].length !== 1)
    return false;
  const [choice] = completion['choices'] as unknown[];
  if (!isObject(choice) || choice['finish_reason'] !== 'stop' || !isObject(choice['message'])) return false;
  const { content, tool_calls, function_call, refusal } = choice['message'];
  const none = (value: unknown): boolean =>
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
  if (!none(tool_calls) || !none(function_call) || !none(refusal)) return false;
  return !none(content) || !none(choice['message']['audio']);
}

/** The words of a kept completion. */
function wordsOf(body: Buffer): string {
  const { choices } = JSON.parse(body.toString('utf8')) as { choices: { message: { content?: unknown } }[] };
  const content = choices[0]?.message.content;
  return typeof content === 'string' ? content : '';
}

/** The whole completion that a stream told, with `usage` in it; undefined where it was not whole or not understood. */
function* completionOf(pieces: readonly Buffer[], usage: Usage): Generator<number, Wire | undefined> {
  const reader = new SseReader();
  const telling = new Telling();
  for (const piece of pieces) {
    reader.feed(piece, ({ data }) => telling.take(data));
    yield piece.length;
  }
  return telling.whole(usage);
}

const LISTS: ReadonlySet<string> = new Set(['annotations', 'thinking_blocks', 'images']);

class Telling {
  readonly #base: Wire = {};
  readonly #message: Wire = {};
  #finish: unknown;
  #logprobs: Wire | undefined;
  #understood = true;

  /** False where nothing that follows matters. */
  take(data: string | undefined): boolean {
    if (data === undefined) return this.#understood;
    if (data.startsWith('[DONE]')) return false;
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      // Not a chunk: the check below says so.
    }
    this.#understood &&= isObject(chunk) && this.#chunk(chunk);
    return this.#understood;
  }

  whole(usage: Usage): Wire | undefined {
    if (!this.#understood || typeof this.#finish !== 'string') return undefined;
    const message = { role: 'assistant', content: null, refusal: null, ...this.#message };
    const choice = { index: 0, message, logprobs: this.#logprobs ?? null, finish_reason: this.#finish };
    return { ...this.#base, object: 'chat.completion', choices: [choice], usage: chatUsage(usage) };
  }

  #chunk({ choices, usage: _, x_tollgate: __, obfuscation: ___, ...base }: Wire): boolean {
    Object.assign(this.#base, base);
    if (!Array.isArray(choices) || choices.length > 1) return false;
    const [choice] = choices as unknown[];
    return choice === undefined || (isObject(choice) && this.#choice(choice));
  }

  #choice({ index, delta, finish_reason, logprobs }: Wire): boolean {
    if (index !== undefined && index !== 0) return false;
    if (typeof finish_reason === 'string') this.#finish = finish_reason;
    if (isObject(logprobs)) this.#addLogprobs(logprobs);
    if (delta === undefined || delta === null) return true;
    if (!isObject(delta)) return false;
    return Object.entries(delta).every(([name, value]) => this.#add(name, value));
  }

  /** Text grows, lists grow, null says nothing; anything else is not known how to be joined. */
  #add(name: string, value: unknown): boolean {
    const before = this.#message[name];
    if (value === null || value === undefined) return true;
    if (name === 'role') this.#message['role'] = value;
    else if (typeof value === 'string' && (before === undefined || typeof before === 'string'))
      this.#message[name] = (before ?? '') + value;
    else if (LISTS.has(name) && Array.isArray(value))
      this.#message[name] = [...((before as unknown[] | undefined) ?? []), ...(value as unknown[])];
    else if (name === 'extra_content') this.#message[name] = value;
    else return false;
    return true;
  }

  #addLogprobs(logprobs: Wire): void {
    this.#logprobs ??= {};
    for (const [name, value] of Object.entries(logprobs)) {
      if (!Array.isArray(value)) continue;
      this.#logprobs[name] = [...((this.#logprobs[name] as unknown[] | undefined) ?? []), ...(value as unknown[])];
    }
  }
}
