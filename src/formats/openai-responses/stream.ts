/**
 * Reads a stream of the Responses API that is passed on in the same dialect. Events go through as the bytes they came as; each
 * is parsed once to see what was generated, usage, errors and garbage. The event that ends the response is held back until
 * `closing`. Two things are mended, both of which clients depend on: an ending event without the output that was streamed before
 * it, and `store`, where the gateway keeps the response and its target was told not to.
 */

import type { Refusal } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { errorIn } from '../error-body.js';
import { jsonFields, splice } from '../json-fields.js';
import { answersAnything, generatedText } from '../openai-chat/generated.js';
import { type SseEvent, sseEvent } from '../sse.js';
import { CUT, SseStream } from '../sse-stream.js';
import { laterUsage, type Usage } from '../usage.js';
import { EventWriter, failedEvents } from './events.js';
import { listOf, textOr } from './items.js';
import { asKept, type KeptRequest } from './own-state.js';
import { responseObject } from './response-object.js';
import { responsesUsageIn } from './usage.js';

const NOTHING = Buffer.alloc(0);
/** Events that carry the frame of the answer and nothing of it. */
const frames: ReadonlySet<unknown> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'keepalive',
]);

export class OpenAiResponsesStream extends SseStream {
  readonly #request: KeptRequest;
  readonly #tell: ((event: Json) => void) | undefined;
  /** Ids of items whose text came in pieces. */
  readonly #piecewise = new Set<unknown>();
  readonly #items: Json[] = [];
  #created: Json = {};
  #lastNumber = -1;
  #last: Buffer = NOTHING;
  begun = false;
  filtered = false;
  empty = true;

  /** `tell`: who writes the answer in another format is told of each event instead. */
  constructor(request: KeptRequest, tell?: (event: Json) => void) {
    super();
    this.#request = request;
    this.#tell = tell;
  }

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && /"response\.(?:completed|incomplete|failed)"/.test(rest.data.slice(0, 200))) {
      this.event({ ...rest, raw: sseEvent(rest.data, rest.name) }, rest.data);
    }
    if (!this.done) this.failure ??= CUT;
  }

  closing(): Buffer {
    return this.#last;
  }

  broken(refusal: Refusal): Buffer {
    const created = this.#created;
    const base = Object.keys(created).length > 0 ? created : this.#nothingYet();
    const usage = this.usage === undefined ? {} : { usage: responseObject({}, this.#state(this.usage))['usage'] };
    const writer = new EventWriter(this.#lastNumber + 1);
    return Buffer.from(failedEvents(writer, refusal, { ...base, output: this.#items, ...usage }));
  }

  #nothingYet(): Json {
    return responseObject(this.#request.json, this.#state(undefined));
  }

  #state(usage: Usage | undefined) {
    const { model } = this.#request;
    return { id: 'resp_unknown', model, createdAtS: 0, status: 'failed', output: this.#items, usage } as const;
  }

  protected event(event: SseEvent, data: string): boolean {
    if (data.startsWith('[DONE]')) return true; // it ends nothing here
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      return this.garbage('something that is not JSON');
    }
    if (!isObject(json)) return this.garbage('something that is not an event');
    const type = json['type'];
    if (type === 'error' || (type === undefined && event.name === 'error')) return this.#failed(json);
    if (type === undefined && isObject(json['error'])) return this.#failed(json);
    const number = json['sequence_number'];
    if (typeof number === 'number' && number > this.#lastNumber) this.#lastNumber = number;
    return this.#typed(event, json, type);
  }

  #failed(told: Json): false {
    const error = isObject(told['error']) ? told['error'] : told;
    const read = errorIn({ error }) ?? { message: 'The upstream reported an error without a message.' };
    // `type: error` is the name of the event.
    this.failure = { kind: 'in_band', ...read, type: read.type === 'error' ? undefined : read.type };
    return false;
  }

  #typed(event: SseEvent, json: Json, type: unknown): boolean {
    const { response } = json;
    if (isObject(response)) this.#response(response);
    if (type !== 'response.failed') this.#tell?.(json);
    switch (type) {
      case 'response.failed':
        return this.#failed(isObject(response) && isObject(response['error']) ? response : json);
      case 'response.completed':
      case 'response.incomplete':
        return this.#end(event, isObject(response) ? response : {});
      case 'response.output_item.added':
      case 'response.output_item.done':
        if (isObject(json['item'])) this.#item(json['item'], type.endsWith('.done'), json['output_index']);
        break;
      default:
        if (typeof json['delta'] === 'string') this.#delta(textOr(type, ''), json['delta'], json['item_id']);
        else if (!frames.has(type) && !textOr(type, '').startsWith('response.content_part')) this.begun = true;
    }
    this.pass(isObject(response) ? this.#stored(event) : event.raw);
    return true;
  }

  #response(response: Json): void {
    if (Object.keys(this.#created).length === 0) this.#created = this.#told(response);
    if (typeof response['model'] === 'string') this.servedModel = response['model'];
    this.usage = laterUsage(this.usage, responsesUsageIn(response));
  }

  #delta(type: string, delta: string, item: unknown): void {
    if (delta === '') return;
    this.begun = true;
    this.#piecewise.add(item);
    this.generated.add(delta);
    if (!type.includes('reasoning')) this.empty = false;
  }

  #item(item: Json, isDone: boolean, at: unknown): void {
    const { type, id } = item;
    if (type !== 'message' && type !== 'reasoning') {
      this.begun = true;
      this.empty = false;
      if (!isDone) this.generated.add(textOr(item['name'], ''));
    }
    if (!isDone) return;
    this.begun = true;
    if (!this.#piecewise.has(id)) this.generated.add(generatedText(item['content'] ?? item['summary'] ?? { item }));
    if (type === 'message' && this.empty) this.empty = !answersAnything({ content: item['content'] });
    if (typeof at === 'number' && Number.isInteger(at) && at >= 0 && at <= this.#items.length) this.#items[at] = item;
    else this.#items.push(item);
  }

  #end(event: SseEvent, response: Json): false {
    const details = response['incomplete_details'];
    this.filtered = isObject(details) && details['reason'] === 'content_filter';
    if (listOf(response['output']).length === 0 && this.#items.length > 0) this.#last = this.#refilled(event, response);
    else {
      this.#last = this.#stored(event);
      for (const item of this.#items.length === 0 ? listOf(response['output']) : [])
        if (isObject(item)) this.#item(item, true, -1);
    }
    if (this.#items.length === 0 && this.empty && response['status'] !== 'incomplete' && !this.begun) {
      return this.garbage('an end without an answer');
    }
    this.begun = true;
    this.done = true;
    return false;
  }

  #refilled(event: SseEvent, response: Json): Buffer {
    const json = JSON.parse(event.data!) as Json;
    const filled = { ...json, response: { ...this.#told(response), output: this.#items } };
    return sseEvent(JSON.stringify(filled), event.name);
  }

  /** The event with the gateway's state told in its response, all other bytes as they were. */
  #stored(event: SseEvent): Buffer {
    const data = Buffer.from(event.data!);
    const at = jsonFields(data)?.fields.findLast(({ name }) => name === 'response');
    if (!at) return event.raw;
    const response = data.subarray(at.valueStart, at.valueEnd);
    const told = asKept(this.#request, response);
    if (told === response) return event.raw;
    const edit = { start: at.valueStart, end: at.valueEnd, with: told.toString('utf8') };
    return sseEvent(splice(data, [edit]).toString('utf8'), event.name);
  }

  #told(response: Json): Json {
    return JSON.parse(asKept(this.#request, Buffer.from(JSON.stringify(response))).toString('utf8')) as Json;
  }
}
