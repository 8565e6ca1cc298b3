/** Responses: the one that the last event has; of a stream that broke off the items that came, and what came of the others. */
import { isObject, type Json } from '../../lib/json.js';
import type { Telling } from './telling.js';

const ENDS: ReadonlySet<unknown> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

export class Response implements Telling {
  #begun: Json | undefined;
  #whole: Json | undefined;
  readonly #items = new Map<unknown, Json>();
  /** Texts of items that are not done. */
  readonly #partial = new Map<unknown, string>();
  #error: unknown;

  take(event: Json): void {
    const { type, response, item, output_index: index, delta } = event;
    if (isObject(response)) {
      if (ENDS.has(type)) this.#whole = response;
      this.#begun = response;
    } else if (isObject(item)) {
      this.#items.set(index, item);
      if (type === 'response.output_item.done') this.#partial.delete(index);
    } else if (typeof delta === 'string' && index !== undefined)
      this.#partial.set(index, (this.#partial.get(index) ?? '') + delta);
    else if (type === 'error') this.#error = event['error'] ?? event['message'];
  }

  answer(): Json | undefined {
    const error = this.#error === undefined ? {} : { error: this.#error };
    if (this.#whole) return { ...this.#whole, ...error };
    if (!this.#begun) return this.#error === undefined ? undefined : error;
    const output = [...this.#items].map(([index, item]) => {
      const text = this.#partial.get(index);
      return text === undefined ? item : withText(item, text);
    });
    return { ...this.#begun, output, ...error };
  }
}

function withText(item: Json, text: string): Json {
  if (item['type'] === 'function_call') return { ...item, arguments: text };
  const type = item['type'] === 'message' ? 'output_text' : 'text';
  return { ...item, content: [{ type, text }] };
}
