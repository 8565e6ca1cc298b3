/**
 * Names of tools on their way to a target that does not take every name. Other APIs and tool servers have dots, slashes and longer
 * names: such a name is sent as one that ends in a hash of it, the same in every request, and answers are told with the caller's own.
 */
import { createHash } from 'node:crypto';

export interface NameRule {
  /** Names that are sent as they are. */
  readonly taken: RegExp;
  /** A character that no name may have. */
  readonly foreign: RegExp;
  readonly longest: number;
}

/** What chat completions take. */
export const CHAT_NAMES: NameRule = { taken: /^[a-zA-Z0-9_-]{1,64}$/, foreign: /[^a-zA-Z0-9_-]/g, longest: 64 };
/** What Anthropic takes. */
export const MESSAGES_NAMES: NameRule = { taken: /^[a-zA-Z0-9_-]{1,128}$/, foreign: /[^a-zA-Z0-9_-]/g, longest: 128 };
/** What Google takes of every model: a name begins with a letter or `_`. */
export const GEMINI_NAMES: NameRule = {
  taken: /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/,
  foreign: /[^a-zA-Z0-9_.:-]/g,
  longest: 64,
};

const HASH_LENGTH = 8;

export function nameFor({ taken, foreign, longest }: NameRule, name: string): string {
  if (taken.test(name)) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  const sent = `${name.slice(0, longest - 1 - HASH_LENGTH).replace(foreign, '_')}_${hash}`;
  return taken.test(sent) ? sent : `_${sent.slice(1)}`;
}

export class ToolNames {
  readonly #rule: NameRule;
  readonly #callers = new Map<string, string>();

  constructor(rule: NameRule) {
    this.#rule = rule;
  }

  sent(name: string): string {
    const sent = nameFor(this.#rule, name);
    if (sent !== name) this.#callers.set(sent, name);
    return sent;
  }

  /** As the caller has it. */
  told(sent: string): string {
    return this.#callers.get(sent) ?? sent;
  }
}

/** The callers' names of tools, by what is sent for them. */
export function callersNames(rule: NameRule, names: Iterable<string>): (sent: string) => string {
  const all = new ToolNames(rule);
  for (const name of names) all.sent(name);
  return (sent) => all.told(sent);
}
