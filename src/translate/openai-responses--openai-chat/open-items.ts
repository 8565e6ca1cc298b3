/** The items of a response that are being told, each with the events that open, fill and end it. */
import type { EventWriter } from '../../formats/openai-responses/events.js';
import type { Json } from '../../lib/json.js';
import { CustomInput } from './custom-input.js';
import type { CallerTool } from './tools.js';

/** Where events go: their text, or nowhere for an answer that is told whole. */
export type Emit = (type: string, fields: Json) => void;

export const emitTo =
  (writer: EventWriter, out: (text: string) => void): Emit =>
  (type, fields) =>
    out(writer.event(type, fields));

export type ItemEnd = 'completed' | 'incomplete';

/** An item on its way. `end` answers the whole item. */
export interface OpenItem {
  readonly at: number;
  end(status: ItemEnd): Json;
}

/** What was thought, told as one part of a summary. */
export class OpenReasoning implements OpenItem {
  readonly #id: string;
  readonly #emit: Emit;
  readonly at: number;
  text = '';
  /** What its caller sends back with the next turn; asked for when the item ends. */
  readonly #blob: (text: string) => string | undefined;

  constructor(id: string, at: number, emit: Emit, blob: (text: string) => string | undefined) {
    this.#id = id;
    this.at = at;
    this.#emit = emit;
    this.#blob = blob;
    emit('response.output_item.added', { output_index: at, item: { id, type: 'reasoning', summary: [] } });
  }

  push(text: string): void {
    const place = this.#place();
    if (this.text === '')
      this.#emit('response.reasoning_summary_part.added', { ...place, part: { type: 'summary_text', text: '' } });
    this.text += text;
    this.#emit('response.reasoning_summary_text.delta', { ...place, delta: text });
  }

  end(): Json {
    const place = this.#place();
    const part = { type: 'summary_text', text: this.text };
    if (this.text !== '') {
      this.#emit('response.reasoning_summary_text.done', { ...place, text: this.text });
      this.#emit('response.reasoning_summary_part.done', { ...place, part });
    }
    const blob = this.#blob(this.text);
    const item = {
      id: this.#id,
      type: 'reasoning',
      summary: this.text === '' ? [] : [part],
      ...(blob !== undefined && { encrypted_content: blob }),
    };
    this.#emit('response.output_item.done', { output_index: this.at, item });
    return item;
  }

  #place() {
    return { item_id: this.#id, output_index: this.at, summary_index: 0 };
  }
}

interface Part {
  readonly type: 'output_text' | 'refusal';
  text: string;
  readonly annotations: Json[];
  readonly logprobs: unknown[];
}

/** What was said: one part of text, and one of refusal where there is one. */
export class OpenMessage implements OpenItem {
  readonly #id: string;
  readonly #emit: Emit;
  readonly #done: Json[] = [];
  readonly at: number;
  #part: Part | undefined;

  constructor(id: string, at: number, emit: Emit) {
    this.#id = id;
    this.at = at;
    this.#emit = emit;
    emit('response.output_item.added', { output_index: at, item: this.#item('in_progress') });
  }

  say(delta: string, logprobs: readonly unknown[]): void {
    const part = this.#open('output_text');
    part.text += delta;
    part.logprobs.push(...logprobs);
    this.#emit('response.output_text.delta', { ...this.#place(), delta, logprobs });
  }

  refuse(delta: string): void {
    this.#open('refusal').text += delta;
    this.#emit('response.refusal.delta', { ...this.#place(), delta });
  }

  annotate(annotation: Json): void {
    const { annotations } = this.#open('output_text');
    annotations.push(annotation);
    const annotation_index = annotations.length - 1;
    this.#emit('response.output_text.annotation.added', { ...this.#place(), annotation_index, annotation });
  }

  end(status: ItemEnd): Json {
    this.#endPart();
    const item = this.#item(status);
    this.#emit('response.output_item.done', { output_index: this.at, item });
    return item;
  }

  #item(status: string): Json {
    return { id: this.#id, type: 'message', status, role: 'assistant', content: [...this.#done] };
  }

  #place() {
    return { item_id: this.#id, output_index: this.at, content_index: this.#done.length };
  }

  #open(type: Part['type']): Part {
    if (this.#part?.type === type) return this.#part;
    this.#endPart();
    this.#part = { type, text: '', annotations: [], logprobs: [] };
    this.#emit('response.content_part.added', { ...this.#place(), part: written(this.#part) });
    return this.#part;
  }

  #endPart(): void {
    const part = this.#part;
    if (!part) return;
    this.#part = undefined;
    const place = this.#place();
    const { type, text, logprobs } = part;
    if (type === 'refusal') this.#emit('response.refusal.done', { ...place, refusal: text });
    else this.#emit('response.output_text.done', { ...place, text, logprobs });
    this.#emit('response.content_part.done', { ...place, part: written(part) });
    this.#done.push(written(part));
  }
}

const written = ({ type, text, annotations, logprobs }: Part): Json =>
  type === 'refusal' ? { type, refusal: text } : { type, text, annotations: [...annotations], logprobs: [...logprobs] };

/** A call of a function, or of a custom tool, whose text is taken out of the JSON that stands for it. */
export class OpenCall implements OpenItem {
  readonly #id: string;
  readonly #tool: CallerTool;
  readonly #emit: Emit;
  readonly #custom: CustomInput | undefined;
  readonly at: number;
  readonly callId: string;
  #given = '';

  constructor(id: string, callId: string, tool: CallerTool, at: number, emit: Emit) {
    this.#id = id;
    this.#tool = tool;
    this.#custom = tool.kind === 'custom' ? new CustomInput() : undefined;
    this.callId = callId;
    this.at = at;
    this.#emit = emit;
    emit('response.output_item.added', { output_index: at, item: this.#item('in_progress') });
  }

  /** A piece of the arguments. */
  push(piece: string): void {
    this.#give(this.#custom ? this.#custom.push(piece) : piece);
  }

  end(status: ItemEnd): Json {
    if (this.#custom) this.#give(this.#custom.end());
    else if (this.#given.trim() === '' && status === 'completed') this.#give('{}');
    const place = { item_id: this.#id, output_index: this.at };
    const given = this.#given;
    const item = this.#item(status);
    if (this.#custom) this.#emit('response.custom_tool_call_input.done', { ...place, input: given });
    else this.#emit('response.function_call_arguments.done', { ...place, name: this.#tool.name, arguments: given });
    this.#emit('response.output_item.done', { output_index: this.at, item });
    return item;
  }

  #give(delta: string): void {
    if (delta === '') return;
    this.#given += delta;
    const kind = this.#custom ? 'custom_tool_call_input' : 'function_call_arguments';
    this.#emit(`response.${kind}.delta`, { item_id: this.#id, output_index: this.at, delta });
  }

  #item(status: string): Json {
    const { name, namespace } = this.#tool;
    const called = { name, ...(namespace !== undefined && { namespace }) };
    return this.#custom
      ? { id: this.#id, type: 'custom_tool_call', status, call_id: this.callId, ...called, input: this.#given }
      : { id: this.#id, type: 'function_call', status, call_id: this.callId, ...called, arguments: this.#given };
  }
}
