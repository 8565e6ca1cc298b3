/** Chat completions and completions: texts grow, members of lists go by their `index`, the last of everything else counts. */
import { openaiPlain } from '../../formats/openai-chat/texts.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Telling } from './telling.js';

type Wire = Record<string, unknown>;

const NAMES: ReadonlySet<string> = new Set(openaiPlain);
/** What the gateway and providers add to chunks alone. */
const OF_CHUNKS: ReadonlySet<string> = new Set(['obfuscation', 'x_tollgate']);
const DEEPEST = 16;
/** To set it would set something else. */
const PROTO = '__proto__';

export class Choices implements Telling {
  readonly #base: Wire = {};
  readonly #choices = new Map<unknown, Wire>();

  take({ choices, ...base }: Json): void {
    for (const [name, value] of Object.entries(base))
      if (name !== PROTO && !OF_CHUNKS.has(name) && (value !== null || !(name in this.#base))) this.#base[name] = value;
    if (!Array.isArray(choices)) return;
    for (const choice of choices as unknown[]) if (isObject(choice)) this.#choice(choice);
  }

  answer(): Json | undefined {
    if (this.#choices.size === 0 && Object.keys(this.#base).length === 0) return undefined;
    const choices = [...this.#choices.values()].map((choice) => {
      const { message } = choice;
      if (!isObject(message) || !Array.isArray(message['tool_calls'])) return choice;
      return { ...choice, message: { ...message, tool_calls: message['tool_calls'].map(withoutIndex) } };
    });
    const isChat = this.#base['object'] === 'chat.completion.chunk';
    return { ...this.#base, ...(isChat && { object: 'chat.completion' }), choices };
  }

  #choice({ delta, ...rest }: Json): void {
    const { index = 0 } = rest;
    let choice = this.#choices.get(index);
    if (!choice) this.#choices.set(index, (choice = { index }));
    merge(choice, isObject(delta) ? { message: delta, ...rest } : rest, 0);
  }
}

function merge(into: Wire, from: Json, depth: number): void {
  for (const [name, value] of Object.entries(from)) {
    if (name === PROTO) continue;
    const before = into[name];
    if (value === null || value === undefined) into[name] ??= null;
    else if (typeof value === 'string' && typeof before === 'string' && !NAMES.has(name)) into[name] = before + value;
    else if (isObject(value) && depth < DEEPEST) {
      if (!isObject(before)) into[name] = {};
      merge(into[name] as Wire, value, depth + 1);
    } else if (Array.isArray(value) && depth < DEEPEST) {
      if (!Array.isArray(before)) into[name] = [];
      mergeList(into[name] as unknown[], value, depth + 1);
    } else into[name] = value;
  }
}

function mergeList(into: unknown[], from: readonly unknown[], depth: number): void {
  for (const member of from) {
    const index = isObject(member) ? member['index'] : undefined;
    const before = index === undefined ? undefined : into.find((one) => isObject(one) && one['index'] === index);
    if (before) merge(before as Wire, member as Json, depth);
    else if (isObject(member)) {
      const own: Wire = {};
      merge(own, member, depth);
      into.push(own);
    } else into.push(member);
  }
}

function withoutIndex(call: unknown): unknown {
  if (!isObject(call)) return call;
  const { index: _, ...rest } = call;
  return rest;
}
