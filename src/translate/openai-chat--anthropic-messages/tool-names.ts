/**
 * Names of tools on their way to the target, which takes up to 128 letters, digits, `_` and `-`. Other APIs and tool servers have
 * dots, slashes and longer names: such a name is sent as one that ends in a hash of it, and answers are told with the caller's own.
 */
import { createHash } from 'node:crypto';

const TAKEN = /^[a-zA-Z0-9_-]{1,128}$/;
const HASH_LENGTH = 8;
const LONGEST_BEGINNING = 128 - 1 - HASH_LENGTH;

export class ToolNames {
  readonly #callers = new Map<string, string>();

  sent(name: string): string {
    if (TAKEN.test(name)) return name;
    const beginning = name.slice(0, LONGEST_BEGINNING).replace(/[^a-zA-Z0-9_-]/g, '_');
    const sent = `${beginning}_${createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)}`;
    this.#callers.set(sent, name);
    return sent;
  }

  /** As the caller has it. */
  told(sent: string): string {
    return this.#callers.get(sent) ?? sent;
  }
}
