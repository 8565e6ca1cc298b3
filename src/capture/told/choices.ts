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

/** What is there for the first time is taken as it is, and only what comes after is gone through. */
function merge(into: Wire, from: Json, depth: number): void {
  for (const [name, value] of Object.entries(from)) {
    if (name === PROTO) continue;
    const before = into[name];
    if (value === null || value === undefined) into[name] ??= null;
    else if (typeof value === 'string' && typeof before === 'string' && !NAMES.has(name)) into[name] = before + value;
    else if (isObject(value) && isObject(before) && depth < DEEPEST) merge(before as Wire, value, depth + 1);
    else if (Array.isArray(value) && Array.isArray(before) && depth < DEEPEST) mergeList(before, value, depth + 1);
    else into[name] = value;
  }
}

/** Members of lists by their `index`, of lists that were looked through. */
const members = new WeakMap<readonly unknown[], Map<unknown, Wire>>();

function mergeList(into: unknown[], from: readonly unknown[], depth: number): void {
  let byIndex = members.get(into);
  if (!byIndex) members.set(into, (byIndex = new Map(into.flatMap(withIndex))));
  for (const member of from) {
    const [own] = withIndex(member);
    const before = own && byIndex.get(own[0]);
    if (before) {
      merge(before, own[1], depth);
      continue;
    }
    into.push(member);
    if (own) byIndex.set(...own);
  }
}

const withIndex = (member: unknown): readonly (readonly [index: unknown, member: Wire])[] =>
  isObject(member) && member['index'] !== undefined ? [[member['index'], member as Wire]] : [];

function withoutIndex(call: unknown): unknown {
  if (!isObject(call)) return call;
  const { index: _, ...rest } = call;
  return rest;
}
