/**
 * Reads a stream of the Responses API and writes chunks of a chat completion, each as soon as its event is there. What was not
 * told in pieces is told when its item is done, or at the end. Calls are numbered by their own counter: items of thinking and
 * text have numbers too. The finish chunk comes with the end of the response, so that a stream which is cut never looks finished.
 */
import { DerivedStream } from '../../formats/derived-stream.js';
import { ChatChunkWriter } from '../../formats/openai-chat/chunk-writer.js';
import { listOf, textOr } from '../../formats/openai-responses/items.js';
import { OpenAiResponsesStream } from '../../formats/openai-responses/stream.js';
import type { UsageExtra } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type AnswerPlan, annotationOf, callOf, completionId, finishOf, summaryOf } from './answer.js';
import { type ThinkingBlock, thinkingOf } from './thinking.js';

interface ToldPart {
  /** Characters of the content before it. */
  readonly from: number;
  annotated: boolean;
  logged: boolean;
}

export class ResponsesToChatStream extends DerivedStream {
  readonly #plan: AnswerPlan;
  readonly #chunks: ChatChunkWriter;
  /** Items of which something was told, by their ids. */
  readonly #told = new Set<unknown>();
  /** Numbers of calls, by the ids of their items. */
  readonly #calls = new Map<unknown, number>();
  readonly #thinking: ThinkingBlock[] = [];
  #thought = false;
  /** Parts of messages of which something was told, by what they are called in events. */
  readonly #parts = new Map<string, ToldPart>();
  #saidChars = 0;

  constructor(plan: AnswerPlan) {
    super(new OpenAiResponsesStream({ json: {}, stores: false, model: plan.model }, (event) => this.#tell(event)));
    this.#plan = plan;
    this.#chunks = new ChatChunkWriter(plan.askedUsage);
  }

  push(chunk: Buffer): Buffer {
    this.inner.push(chunk);
    return this.#chunks.taken();
  }

  closing(extra: UsageExtra): Buffer {
    return this.#chunks.closing(this.usage, extra);
  }

  #tell(event: Json): void {
    const { type, response, item } = event;
    if (isObject(response)) this.#begin(response);
    if (!this.#chunks.begun) this.#begin({});
    if (type === 'response.output_item.added' && isObject(item)) this.#added(item);
    else if (type === 'response.output_item.done' && isObject(item)) this.#done(item);
    else if (type === 'response.reasoning_summary_part.added' && this.#thought) this.#think('\n\n');
    else if (type === 'response.output_text.annotation.added' && isObject(event['annotation']))
      this.#annotate([event['annotation']], this.#part(event['item_id'], event['content_index']));
    else if (type === 'response.completed' || type === 'response.incomplete')
      this.#finish(isObject(response) ? response : {});
    else if (typeof event['delta'] === 'string' && event['delta'] !== '') this.#delta(type, event['delta'], event);
  }

  #begin(response: Json): void {
    if (this.#chunks.begun) return;
    const model = textOr(response['model'], this.#plan.model);
    const id = completionId(response, this.#plan.nowMs);
    this.#chunks.begin({ id, created: Math.floor(this.#plan.nowMs / 1000), model });
    this.#chunks.chunk({ role: 'assistant', content: '', refusal: null });
  }

  #added(item: Json): void {
    const call = callOf({ ...item, arguments: '', input: '' });
    if (!call) return;
    const index = this.#calls.size;
    this.#calls.set(item['id'], index);
    const empty =
      call['type'] === 'function' ? { ...call, function: { ...(call['function'] as Json), arguments: '' } } : call;
    this.#chunks.chunk({ tool_calls: [{ index, ...empty }] });
  }

  #delta(type: unknown, delta: string, event: Json): void {
    const id = event['item_id'];
    this.#told.add(id);
    if (type === 'response.output_text.delta')
      this.#say(delta, listOf(event['logprobs']), this.#part(id, event['content_index']));
    else if (type === 'response.refusal.delta') this.#chunks.chunk({ refusal: delta });
    else if (type === 'response.reasoning_summary_text.delta' || type === 'response.reasoning_text.delta')
      this.#think(delta);
    else if (type === 'response.function_call_arguments.delta') this.#give(id, { function: { arguments: delta } });
    else if (type === 'response.custom_tool_call_input.delta') this.#give(id, { custom: { input: delta } });
  }

  #part(item: unknown, index: unknown): ToldPart {
    const name = `${String(item)}/${String(index ?? 0)}`;
    let part = this.#parts.get(name);
    if (!part) {
      part = { from: this.#saidChars, annotated: false, logged: false };
      this.#parts.set(name, part);
    }
    return part;
  }

  #say(content: string, logprobs: readonly unknown[], part: ToldPart): void {
    const told = this.#plan.logprobs && logprobs.length > 0 ? { content: logprobs, refusal: null } : null;
    if (told) part.logged = true;
    this.#saidChars += content.length;
    this.#chunks.chunk({ content }, null, told);
  }

  #think(text: string): void {
    this.#thought = true;
    this.#chunks.chunk({ reasoning_content: text });
  }

  #give(id: unknown, given: Json): void {
    const index = this.#calls.get(id);
    if (index !== undefined) this.#chunks.chunk({ tool_calls: [{ index, ...given }] });
  }

  #done(item: Json): void {
    const { id, type } = item;
    if (type === 'reasoning') {
      const block = thinkingOf(item);
      if (block) this.#thinking.push(block);
    }
    const isTold = this.#told.has(id);
    this.#told.add(id);
    if (type === 'message') this.#doneMessage(item, isTold);
    else if (isTold) return;
    else if (type === 'reasoning') {
      const text = summaryOf(item);
      if (text !== '') this.#think(text);
    } else this.#calledWhole(item);
  }

  /** Not every server tells citations as they come, nor how likely tokens were. */
  #doneMessage(item: Json, isTold: boolean): void {
    if (!isTold) this.#saidWhole(item);
    for (const [index, json] of listOf(item['content']).entries()) {
      if (!isObject(json)) continue;
      const part = this.#part(item['id'], index);
      const logprobs = listOf(json['logprobs']);
      if (!part.logged && logprobs.length > 0) this.#say('', logprobs, part);
      if (!part.annotated) this.#annotate(listOf(json['annotations']), part);
    }
  }

  #annotate(annotations: readonly unknown[], part: ToldPart): void {
    const told = annotations.filter(isObject).map((one) => annotationOf(one, part.from));
    if (told.length === 0) return;
    part.annotated = true;
    this.#chunks.chunk({ annotations: told });
  }

  #saidWhole(item: Json): void {
    for (const [index, part] of listOf(item['content']).entries()) {
      if (!isObject(part)) continue;
      const text = textOr(part['text'], '');
      if (text !== '') this.#say(text, listOf(part['logprobs']), this.#part(item['id'], index));
      const refusal = textOr(part['refusal'], '');
      if (refusal !== '') this.#chunks.chunk({ refusal });
    }
  }

  #calledWhole(item: Json): void {
    const call = callOf(item);
    if (!call) return;
    if (!this.#calls.has(item['id'])) this.#added(item);
    this.#give(
      item['id'],
      call['type'] === 'function'
        ? { function: only(call['function'], 'arguments') }
        : { custom: only(call['custom'], 'input') },
    );
  }

  #finish(response: Json): void {
    for (const item of listOf(response['output']).filter(isObject)) if (!this.#told.has(item['id'])) this.#done(item);
    if (this.#thinking.length > 0) this.#chunks.chunk({ thinking_blocks: this.#thinking });
    this.#chunks.chunk({}, finishOf(response, this.#calls.size > 0));
  }
}

const only = (called: unknown, name: string): Json => ({ [name]: (called as Json)[name] });
