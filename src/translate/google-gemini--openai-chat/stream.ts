/**
 * Chunks of a chat completion told as answers of `streamGenerateContent`. Google tells a call whole, so that a call is kept until
 * the next one begins, or its choice ends. Every event names the role. The last of all has the usage and why each candidate ended,
 * which is told once, and not before the answer is known to be whole.
 */

import { ownSignature, type ThinkingField } from '../../formats/anthropic-messages/own-signature.js';
import { GeneratedText } from '../../formats/generated-text.js';
import { usageMetadata } from '../../formats/google-gemini/replay.js';
import type { GeminiRequest } from '../../formats/google-gemini/request.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { carriedSignature } from '../thought-signatures.js';
import type { ChunkWriter, LegTerms } from '../through-chat.js';
import {
  callPart,
  finishReason,
  functionOf,
  identityOf,
  imageParts,
  logprobsOf,
  signedThought,
  textParts,
  thoughtIn,
  thoughtPart,
  wantsThoughts,
  wholeThought,
} from './answer.js';
import { groundingOf, MOST_CITATIONS } from './grounding.js';
import { namesByChat } from './tools.js';

interface Choice {
  /** Calls whose arguments may go on, by their numbers. */
  readonly calls: Map<unknown, { call: Json; args: string }>;
  /** Thoughts that nobody has signed yet. */
  thinking: { field: ThinkingField; text: string } | undefined;
  finish: string | undefined;
  /** The content, for what is cited of it, and citations. */
  readonly said: GeneratedText;
  readonly annotations: unknown[];
}

/** No answer has more. */
const MOST_CHOICES = 128;

export class GeminiWriter implements ChunkWriter {
  readonly #terms: LegTerms<GeminiRequest>;
  readonly #names: (name: string) => string;
  readonly #thinks: boolean;
  readonly #choices = new Map<number, Choice>();
  #identity: Json | undefined;
  #events = 0;
  readonly ping: string;

  constructor(terms: LegTerms<GeminiRequest>) {
    this.#terms = terms;
    this.#names = namesByChat(terms.request.json);
    this.#thinks = wantsThoughts(terms);
    this.ping = terms.request.asArray ? '' : ': ping\n\n';
  }

  chunk(chunk: Json): string {
    this.#identity ??= identityOf(chunk, this.#terms);
    let out = '';
    for (const [place, json] of (Array.isArray(chunk['choices']) ? chunk['choices'] : []).filter(isObject).entries()) {
      const index = typeof json['index'] === 'number' ? json['index'] : place;
      const choice = this.#choiceAt(index);
      if (!choice) continue;
      const parts = isObject(json['delta']) ? this.#delta(json['delta'], choice) : [];
      const { finish_reason: finish } = json;
      if (typeof finish === 'string' && finish !== '') {
        parts.push(...this.#settled(choice), ...this.#unsigned(choice));
        choice.finish = finishReason(finish);
      }
      const logprobs = logprobsOf(json['logprobs']);
      if (parts.length > 0 || logprobs)
        out += this.#event([{ ...candidate(index, parts), ...(logprobs && { logprobsResult: logprobs }) }]);
    }
    return out;
  }

  closing(usage: Usage | undefined): string {
    const candidates = [...this.#choices].map(([index, { finish, annotations, said }]) => {
      const grounding = annotations.length > 0 ? groundingOf(annotations, said.kept()) : undefined;
      const last = candidate(index, [{ text: '' }], finish ?? 'STOP');
      return grounding ? { ...last, groundingMetadata: grounding } : last;
    });
    const last = this.#event(candidates, { usageMetadata: usageMetadata(usage ?? noUsage()) });
    return this.#terms.request.asArray ? `${last}]` : last;
  }

  #choiceAt(index: number): Choice | undefined {
    let choice = this.#choices.get(index);
    if (!choice && this.#choices.size < MOST_CHOICES) {
      choice = { calls: new Map(), thinking: undefined, finish: undefined, said: new GeneratedText(), annotations: [] };
      this.#choices.set(index, choice);
    }
    return choice;
  }

  #event(candidates: readonly Json[], more: Json = {}): string {
    const json = JSON.stringify({ candidates, ...more, ...this.#identity });
    if (!this.#terms.request.asArray) return `data: ${json}\n\n`;
    return this.#events++ === 0 ? `[${json}` : `,\n${json}`;
  }

  #delta(delta: Json, choice: Choice): Json[] {
    const parts: Json[] = [];
    if (this.#thinks) parts.push(...this.#thoughts(delta, choice));
    const said = [...textParts(delta['content']), ...textParts(delta['refusal']), ...imageParts(delta['images'])];
    parts.push(...said);
    for (const { text } of said) if (typeof text === 'string') choice.said.add(text);
    const { annotations } = delta;
    if (Array.isArray(annotations))
      choice.annotations.push(...(annotations as unknown[]).slice(0, MOST_CITATIONS - choice.annotations.length));
    const signature = carriedSignature(delta);
    if (signature !== undefined) parts.push({ text: '', thoughtSignature: signature });
    const calls = Array.isArray(delta['tool_calls']) ? delta['tool_calls'].filter(isObject) : [];
    for (const piece of calls) parts.push(...this.#call(piece, choice));
    return parts;
  }

  /**
   * Words of thoughts go out as they come; the signature of who thought them follows on a part of its own, which holds the words
   * once more where they are not exactly those.
   */
  #thoughts(delta: Json, choice: Choice): Json[] {
    const parts: Json[] = [];
    const thought = thoughtIn(delta);
    if (thought) {
      parts.push(thoughtPart(thought.text));
      choice.thinking = { field: thought.field, text: (choice.thinking?.text ?? '') + thought.text };
    }
    const blocks = Array.isArray(delta['thinking_blocks']) ? delta['thinking_blocks'].filter(isObject) : [];
    if (blocks.length === 0) return parts;
    const told = choice.thinking?.text ?? '';
    choice.thinking = undefined;
    const [block] = blocks;
    if (blocks.length === 1 && block!['thinking'] === told)
      return [...parts, ...signedThought({ ...block, thinking: '' })];
    return [...parts, ...blocks.flatMap(wholeThought)];
  }

  /** Nobody signed what was thought: the gateway does, so that it finds back to where it came from. */
  #unsigned(choice: Choice): Json[] {
    const { thinking } = choice;
    choice.thinking = undefined;
    return thinking ? [thoughtPart('', ownSignature(this.#terms.target, thinking.field, thinking.text))] : [];
  }

  #call(piece: Json, choice: Choice): Json[] {
    const index = piece['index'] ?? 0;
    const { arguments: args } = functionOf(piece);
    const more = typeof args === 'string' ? args : isObject(args) ? JSON.stringify(args) : '';
    const known = choice.calls.get(index);
    const another = typeof piece['id'] === 'string' && piece['id'] !== '' && known && piece['id'] !== known.call['id'];
    if (known && !another) {
      known.args += more;
      return [];
    }
    const parts = this.#settled(choice);
    choice.calls.set(index, { call: piece, args: more });
    return parts;
  }

  /** The calls that were waited with are over. */
  #settled(choice: Choice): Json[] {
    const parts: Json[] = [];
    for (const { call, args } of choice.calls.values()) parts.push(callPart(call, args, this.#names));
    choice.calls.clear();
    return parts;
  }
}

const candidate = (index: number, parts: readonly Json[], finish?: string): Json => ({
  content: { parts, role: 'model' },
  ...(finish !== undefined && { finishReason: finish }),
  index,
});
