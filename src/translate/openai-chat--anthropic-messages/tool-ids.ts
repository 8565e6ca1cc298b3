/**
 * Ids of tool calls on their way to the target, which takes letters, digits, `_` and `-` and wants each id once in a whole
 * conversation. Elsewhere they may be anything, and some servers begin anew with every turn (`functions.look:0`). A result
 * follows its call: it answers the one that waits under the id that both have in the chat. What an id becomes depends only on
 * what stands before it, so that the beginning of a conversation is the same bytes in each of its requests.
 */
export class ToolIds {
  readonly #sent = new Set<string>();
  /** How often an id was found taken already. */
  readonly #repeats = new Map<string, number>();
  readonly #waiting = new Map<string, { readonly sent: string; readonly path: string }>();

  /** The id of a new call, which then waits for its result; undefined where one waits under that id already. */
  call(id: string, path: string): string | undefined {
    if (this.#waiting.has(id)) return undefined;
    const clean = cleaned(id);
    let sent = clean;
    let repeat = this.#repeats.get(clean) ?? 1;
    while (this.#sent.has(sent)) sent = `${clean}_${++repeat}`;
    this.#repeats.set(clean, repeat);
    this.#sent.add(sent);
    this.#waiting.set(id, { sent, path });
    return sent;
  }

  /** The id of the call that a result answers; undefined where none waits for it. */
  answered(id: string): string | undefined {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    return call?.sent;
  }

  /** The field of the first call that still waits. From then on nothing does. */
  giveUp(): string | undefined {
    const [first] = this.#waiting.values();
    this.#waiting.clear();
    return first?.path;
  }
}

const cleaned = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, (char) => `_${char.charCodeAt(0).toString(16)}`);
