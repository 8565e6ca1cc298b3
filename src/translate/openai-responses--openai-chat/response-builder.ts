/**
 * A chat completion told as a response, chunk by chunk; a whole completion is one chunk. Items are numbered in the order in which
 * they begin: thinking ends where text begins, text where a call begins, and calls stay open until the answer ends or goes on
 * with something else, since their pieces may come in turns.
 *
 * Signed thinking comes as a whole and may come late. It belongs to the thinking that is being told, or travels in an item of its
 * own that shows nothing.
 */
import { inputItems, listOf, textOr } from '../../formats/openai-responses/items.js';
import { sealReasoning } from '../../formats/openai-responses/reasoning.js';
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Emit, type ItemEnd, OpenCall, type OpenItem, OpenMessage, OpenReasoning } from './open-items.js';
import { type CallerTool, callerTools } from './tools.js';

/** A call whose name is not known yet. */
interface CallPlace {
  id: string;
  name: string;
  /** What came before the name. */
  waiting: string;
  open: OpenCall | undefined;
}

const ENCRYPTED = 'reasoning.encrypted_content';
/** What every call has; anything else its provider wants back. */
const callFields: ReadonlySet<string> = new Set(['index', 'id', 'type', 'function', 'custom']);

export class ResponseBuilder {
  readonly #emit: Emit;
  readonly #nowMs: number;
  readonly #model: string;
  readonly #request: Json;
  /** Whether thoughts are to come back with the next turn. */
  readonly #carriesThoughts: boolean;
  readonly #calls = new Map<unknown, CallPlace>();
  readonly #extras: Record<string, Json> = {};
  readonly #items: Json[] = [];
  #tools: ReadonlyMap<string, CallerTool> | undefined;
  #current: OpenReasoning | OpenMessage | undefined;
  #blocks: Json[] = [];
  #space = '';
  #count = 0;
  #finish: unknown;

  constructor(request: Json, terms: { readonly model: string; readonly nowMs: number }, emit: Emit) {
    this.#request = request;
    this.#emit = emit;
    this.#nowMs = terms.nowMs;
    this.#model = terms.model;
    this.#carriesThoughts = request['store'] !== false || listOf(request['include']).includes(ENCRYPTED);
  }

  /** The items that have ended, in order. */
  get output(): readonly Json[] {
    return this.#items.filter((item) => item !== undefined);
  }

  get incomplete(): 'max_output_tokens' | 'content_filter' | undefined {
    if (this.#finish === 'length') return 'max_output_tokens';
    return this.#finish === 'content_filter' ? 'content_filter' : undefined;
  }

  choice({ delta, message, finish_reason: finish, logprobs }: Json): void {
    const told = isObject(delta) ? delta : isObject(message) ? message : {};
    this.#think(textOr(told['reasoning_content'] ?? told['reasoning'], ''));
    this.#sign(told['thinking_blocks']);
    this.#say(contentText(told['content']), listOf(isObject(logprobs) ? logprobs['content'] : undefined));
    const refusal = textOr(told['refusal'], '');
    if (refusal !== '') this.#message().refuse(refusal);
    for (const one of listOf(told['annotations'])) if (isObject(one)) this.#message().annotate(annotation(one));
    for (const [at, call] of listOf(told['tool_calls']).entries()) if (isObject(call)) this.#call(call, at);
    if (typeof finish === 'string' && finish !== '') {
      this.#finish = finish;
      this.#endAll();
    }
  }

  /** The answer is whole: what is open ends. */
  end(): void {
    this.#endAll();
    const calls = Object.keys(this.#extras).length > 0 ? { calls: this.#extras } : {};
    const blocks = this.#blocks.length > 0 ? { blocks: this.#blocks } : {};
    if (!this.#carriesThoughts || Object.keys({ ...calls, ...blocks }).length === 0) return;
    this.#blocks = [];
    this.#end(this.#reasoning(sealReasoning({ model: this.#model, ...blocks, ...calls })), 'completed');
  }

  #think(text: string): void {
    if (text === '') return;
    if (!(this.#current instanceof OpenReasoning)) {
      this.#endAll();
      this.#current = this.#reasoning();
    }
    this.#current.push(text);
  }

  #sign(blocks: unknown): void {
    this.#blocks.push(...listOf(blocks).filter(isObject));
    if (this.#blocks.length === 0 || this.#count > 0 || !this.#carriesThoughts) return;
    // Thinking that nobody may read, before anything was said.
    this.#end(this.#reasoning(), 'completed');
  }

  #reasoning(blob?: string): OpenReasoning {
    return new OpenReasoning(newId('rs', this.#nowMs), this.#count++, this.#emit, (text) => {
      if (!this.#carriesThoughts) return undefined;
      if (blob !== undefined) return blob;
      const blocks = this.#blocks;
      this.#blocks = [];
      return sealReasoning({ model: this.#model, ...(blocks.length > 0 ? { blocks } : { text }) });
    });
  }

  #say(text: string, logprobs: readonly unknown[]): void {
    if (text === '' && logprobs.length === 0) return;
    const said = this.#space + text;
    // White space before a call is no message.
    if (!(this.#current instanceof OpenMessage) && said.trim() === '') {
      this.#space = said;
      return;
    }
    this.#space = '';
    this.#message().say(said, logprobs);
  }

  #message(): OpenMessage {
    if (this.#current instanceof OpenMessage) return this.#current;
    this.#endAll();
    this.#current = new OpenMessage(newId('msg', this.#nowMs), this.#count++, this.#emit);
    return this.#current;
  }

  #call(call: Json, at: number): void {
    const called = isObject(call['function']) ? call['function'] : isObject(call['custom']) ? call['custom'] : {};
    const place = this.#place(call, typeof call['index'] === 'number' ? call['index'] : at);
    if (place.name === '') place.name = textOr(called['name'], '');
    const extra = Object.entries(call).filter(([name, value]) => !callFields.has(name) && value != null);
    if (extra.length > 0) this.#extras[place.id] = { ...this.#extras[place.id], ...Object.fromEntries(extra) };
    const piece = textOr(called['arguments'] ?? called['input'], '');
    if (place.name === '') {
      place.waiting += piece;
      return;
    }
    if (!place.open) {
      this.#endCurrent('completed');
      place.open = this.#openCall(place);
      place.open.push(place.waiting);
    }
    if (piece !== '') place.open.push(piece);
  }

  /** Some number every call 0: another id is another call. */
  #place(call: Json, index: number): CallPlace {
    const id = textOr(call['id'], '');
    const known = this.#calls.get(index);
    const same = known && (id === '' || known.id === id || known.id === '');
    if (same) return known;
    const place = {
      id: id === '' ? `call_${newId('fc', this.#nowMs).slice(3)}` : id,
      name: '',
      waiting: '',
      open: undefined,
    };
    if (known) this.#calls.set(`earlier ${this.#calls.size}`, known);
    this.#calls.set(index, place);
    return place;
  }

  #openCall({ id, name }: CallPlace): OpenCall {
    this.#tools ??= callerTools(this.#request);
    const tool = this.#tools.get(name) ?? this.#historic(name) ?? { kind: 'function', name };
    const kind = tool.kind === 'custom' ? 'ctc' : 'fc';
    return new OpenCall(newId(kind, this.#nowMs), id, tool, this.#count++, this.#emit);
  }

  /** A tool that was called before and is not declared any more. */
  #historic(name: string): CallerTool | undefined {
    const { input } = this.#request;
    if (typeof input === 'string') return undefined;
    const before = inputItems(input).find((item) => item['type'] === 'custom_tool_call' && item['name'] === name);
    return before && { kind: 'custom', name };
  }

  #endCurrent(status: ItemEnd): void {
    if (this.#current) this.#end(this.#current, status);
    this.#current = undefined;
    this.#space = '';
  }

  /** What is cut is the last thing that was being told. */
  #endAll(): void {
    const calls = [...this.#calls.values()].flatMap(({ open }) => (open ? [open] : [])).sort((a, b) => a.at - b.at);
    this.#calls.clear();
    const cut: ItemEnd = this.incomplete ? 'incomplete' : 'completed';
    this.#endCurrent(calls.length === 0 ? cut : 'completed');
    for (const [i, call] of calls.entries()) this.#end(call, i === calls.length - 1 ? cut : 'completed');
  }

  #end(item: OpenItem, status: ItemEnd): void {
    this.#items[item.at] = item.end(status);
  }
}

/** Some servers tell content in parts. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => (isObject(part) && part['type'] === 'text' ? textOr(part['text'], '') : ''))
    .join('');
}

/** Chat completions nest what a citation says under its type. */
function annotation(one: Json): Json {
  const { type } = one;
  const nested = typeof type === 'string' ? one[type] : undefined;
  return isObject(nested) ? { type, ...nested } : one;
}
