/**
 * Tells the chunks of a chat completion as events of the messages dialect. Blocks come one after the other there, numbered
 * without gaps, while the pieces of several calls may come mixed: pieces go out at once for the block that is open, and wait for
 * the others. A block is closed when another one begins: a call only once its arguments are whole, else the next one waits.
 */
import { event, PING } from '../../formats/anthropic-messages/events.js';
import { messageUsage } from '../../formats/anthropic-messages/message-usage.js';
import { ownSignature, type ThinkingField } from '../../formats/anthropic-messages/own-signature.js';
import { GeneratedText } from '../../formats/generated-text.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import type { ChunkWriter } from '../through-chat.js';
import {
  callId,
  type Ending,
  endingOf,
  messageId,
  roughTokens,
  stringOr,
  type Terms,
  textOf,
  thoughtIn,
  usageOr,
  wantsThinking,
} from './answer.js';
import { citationsOf } from './citations.js';
import { namesByChat } from './tools.js';

interface Text {
  readonly kind: 'text';
  waiting: string;
  /** Where it stands in all that is said: characters before it, and with it. */
  readonly from: number;
  to: number;
  /** Those that came before it was open. */
  readonly citations: Json[];
}
interface Thinking {
  readonly kind: 'thinking';
  readonly field: ThinkingField;
  waiting: string;
  /** All of it, for the signature. */
  said: string;
  signature: string;
}
interface Redacted {
  readonly kind: 'redacted';
  readonly data: unknown;
}
interface Call {
  readonly kind: 'call';
  /** As the upstream numbers its calls. */
  readonly index: unknown;
  readonly id: unknown;
  name: string;
  waiting: string;
  /** All of its arguments. */
  said: string;
  /** How long they were when they were last found not to be whole. */
  checked: number;
}
type Block = Text | Thinking | Redacted | Call;

/** Citations that are told. */
const MOST_CITATIONS = 256;

export class MessagesWriter implements ChunkWriter {
  readonly ping = PING;
  readonly #terms: Terms;
  readonly #names: (name: string) => string;
  readonly #thinks: boolean;
  /** Blocks that are not closed; the first of them is open, or is to be. */
  readonly #blocks: Block[] = [];
  readonly #ids = new Set<string>();
  #out = '';
  #started = false;
  #open = false;
  #index = 0;
  #calls = 0;
  #refusal = '';
  /** Characters that were generated. */
  #chars = 0;
  /** The content, for what is cited of it. */
  readonly #said = new GeneratedText();
  #cited = 0;
  /** Citations that came when the block that they are about was closed. */
  readonly #late: Json[] = [];
  #choice: Json = {};

  constructor(terms: Terms) {
    this.#terms = terms;
    this.#names = namesByChat(terms.request.json);
    this.#thinks = wantsThinking(terms.request);
  }

  chunk(chunk: Json): string {
    const choice: unknown = Array.isArray(chunk['choices']) ? chunk['choices'][0] : undefined;
    if (!isObject(choice)) return '';
    this.#start(chunk['id']);
    if (isObject(choice['delta'])) this.#delta(choice['delta']);
    if (typeof choice['finish_reason'] === 'string' && choice['finish_reason'] !== '') this.#choice = choice;
    return this.#take();
  }

  closing(usage: Usage | undefined): string {
    this.#start(undefined);
    while (this.#blocks.length > 0) this.#close();
    if (this.#late.length > 0) {
      const { chars } = this.#said;
      this.#blocks.push({ kind: 'text', waiting: '', from: chars, to: chars, citations: this.#late });
      this.#close();
    }
    const ending: Ending = endingOf(this.#choice, this.#calls > 0, this.#refusal, this.#terms);
    const told = usageOr(usage, this.#terms.request, this.#chars);
    this.#out += event({ type: 'message_delta', delta: { ...ending, container: null }, usage: told });
    this.#out += event({ type: 'message_stop' });
    return this.#take();
  }

  #take(): string {
    const out = this.#out;
    this.#out = '';
    return out;
  }

  /** Clients that read usage only here get a guess; the true figures come at the end. */
  #start(id: unknown): void {
    if (this.#started) return;
    this.#started = true;
    const { request, nowMs } = this.#terms;
    const message = {
      id: messageId(id, nowMs),
      type: 'message',
      role: 'assistant',
      model: request.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: messageUsage({ ...noUsage(), input: roughTokens(request) }),
    };
    this.#out += event({ type: 'message_start', message });
  }

  #delta(delta: Json): void {
    const thought = this.#thinks ? thoughtIn(delta) : undefined;
    if (thought) this.#think(thought.field, thought.text);
    if (this.#thinks && Array.isArray(delta['thinking_blocks'])) this.#signed(delta['thinking_blocks']);
    const text = textOf(delta['content']);
    if (text !== '') this.#say(text);
    const refusal = stringOr(delta['refusal'], '');
    if (refusal !== '') {
      this.#refusal += refusal;
      this.#say(refusal);
    }
    if (Array.isArray(delta['annotations'])) this.#cite(delta['annotations']);
    if (Array.isArray(delta['tool_calls']))
      for (const call of delta['tool_calls']) if (isObject(call)) this.#call(call);
  }

  #say(text: string): void {
    this.#chars += text.length;
    const from = this.#said.chars;
    this.#said.add(text);
    const to = this.#said.chars;
    const last = this.#blocks.at(-1);
    if (last?.kind === 'text') {
      last.waiting += text;
      last.to = to;
    } else this.#blocks.push({ kind: 'text', waiting: text, from, to, citations: [] });
    this.#flow();
  }

  /**
   * Places are told in all that was said, of which a bounded beginning is known. A citation goes to the block that it is about; where
   * that is closed it comes at the end, in a block without words.
   */
  #cite(annotations: readonly unknown[]): void {
    for (const one of annotations) {
      if (this.#cited >= MOST_CITATIONS) return;
      const [citation] = citationsOf([one], (start, end) => this.#said.kept(start, end));
      if (!citation) continue;
      this.#cited++;
      const about = this.#blockOf((one as Json)['url_citation'] as Json);
      if (!about) this.#late.push(citation);
      else about.citations.push(citation);
    }
    this.#flow();
  }

  #blockOf({ start_index: start, end_index: end }: Json): Text | undefined {
    const texts = this.#blocks.filter((block): block is Text => block.kind === 'text');
    if (typeof start !== 'number' || typeof end !== 'number') return texts.at(-1);
    return (
      texts.find(({ from, to }) => start < to && end > from) ?? (end >= this.#said.chars ? texts.at(-1) : undefined)
    );
  }

  #think(field: ThinkingField, text: string): void {
    this.#chars += text.length;
    const last = this.#blocks.at(-1);
    if (last?.kind === 'thinking') {
      last.waiting += text;
      last.said += text;
    } else this.#blocks.push({ kind: 'thinking', field, waiting: text, said: text, signature: '' });
    this.#flow();
  }

  /** Signatures of the target's own. They come too late for thinking that is closed. */
  #signed(blocks: readonly unknown[]): void {
    for (const block of blocks) {
      if (!isObject(block)) continue;
      const open = this.#blocks.find((one): one is Thinking => one.kind === 'thinking');
      if (block['type'] === 'redacted_thinking') this.#blocks.push({ kind: 'redacted', data: block['data'] });
      else if (open) open.signature = stringOr(block['signature'], '');
    }
    this.#flow();
  }

  #call(piece: Json): void {
    const called: Json = isObject(piece['function']) ? piece['function'] : {};
    const id = piece['id'] || undefined;
    const index = piece['index'] ?? 0;
    const known = this.#blocks.findLast((one): one is Call => one.kind === 'call' && one.index === index);
    const args = stringOr(
      called['arguments'],
      isObject(called['arguments']) ? JSON.stringify(called['arguments']) : '',
    );
    // Some servers number all calls alike: another id is another call.
    if (!known || (id !== undefined && id !== known.id)) {
      if (!known && id === undefined && !called['name']) return; // a piece of a call that is closed
      this.#calls++;
      const name = stringOr(called['name'], '');
      this.#blocks.push({ kind: 'call', index, id, name, waiting: args, said: args, checked: -1 });
    } else {
      if (known.name === '') known.name = stringOr(called['name'], '');
      known.waiting += args;
      known.said += args;
    }
    this.#chars += stringOr(called['name'], '').length + args.length;
    this.#flow();
  }

  /** Writes what can be written: all of the first block, and of the next ones once it is over. */
  #flow(): void {
    while (this.#blocks.length > 1 && isOver(this.#blocks[0]!)) this.#close();
    this.#write(this.#blocks[0], false);
  }

  #write(block: Block | undefined, ends: boolean): void {
    if (!block) return;
    if (!this.#open) {
      if (block.kind === 'call' && block.name === '' && !ends) return;
      this.#open = true;
      this.#out += event({ type: 'content_block_start', index: this.#index, content_block: this.#opening(block) });
    }
    if (block.kind === 'redacted') return;
    const { waiting } = block;
    block.waiting = '';
    if (block.kind === 'text') {
      if (waiting !== '') this.#piece({ type: 'text_delta', text: waiting });
      for (const citation of block.citations.splice(0)) this.#piece({ type: 'citations_delta', citation });
    } else if (waiting === '') return;
    else if (block.kind === 'thinking') this.#piece({ type: 'thinking_delta', thinking: waiting });
    else this.#piece({ type: 'input_json_delta', partial_json: waiting });
  }

  #piece(delta: Json): void {
    this.#out += event({ type: 'content_block_delta', index: this.#index, delta });
  }

  #opening(block: Block): Json {
    switch (block.kind) {
      case 'text':
        return { type: 'text', text: '', citations: null };
      case 'thinking':
        return { type: 'thinking', thinking: '', signature: '' };
      case 'redacted':
        return { type: 'redacted_thinking', data: block.data };
      case 'call': {
        const id = callId(block.id, this.#index, this.#ids);
        return { type: 'tool_use', id, name: this.#names(block.name), input: {} };
      }
    }
  }

  #close(): void {
    const block = this.#blocks.shift()!;
    this.#write(block, true);
    if (block.kind === 'thinking') {
      const signature = block.signature || ownSignature(this.#terms.target, block.field, block.said);
      this.#piece({ type: 'signature_delta', signature });
    }
    this.#out += event({ type: 'content_block_stop', index: this.#index });
    this.#index++;
    this.#open = false;
  }
}

/** Whether nothing more of a block can come, now that another one has begun. */
function isOver(block: Block): boolean {
  if (block.kind !== 'call') return true;
  if (block.checked === block.said.length) return false;
  block.checked = block.said.length;
  try {
    JSON.parse(block.said);
    return true;
  } catch {
    return false;
  }
}
