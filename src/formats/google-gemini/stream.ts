/**
 * Reads a stream of `streamGenerateContent` that is passed on in the same dialect: events go through as the bytes they came as, or
 * as the elements of one JSON array where the caller asked for that. Each is parsed once, to see usage, ends, errors and garbage.
 * There is no end mark: a stream is whole where HTTP ended it and every candidate has told why it ended.
 */
import { isObject, type Json } from '../../lib/json.js';
import { type SseEvent, sseEvent } from '../sse.js';
import { CUT, SseStream } from '../sse-stream.js';
import { laterUsage } from '../usage.js';
import {
  answersAnything,
  blockReason,
  candidatesOf,
  EMPTY_ANSWER,
  failedFinish,
  finishOf,
  generatedText,
  inBandError,
  isFinish,
  laterMetadata,
  readGeminiUsage,
  searchesIn,
} from './wire.js';

/** No answer has more, whatever its indexes say. */
const MOST_CANDIDATES = 128;

export class GeminiStream extends SseStream {
  readonly #asArray: boolean;
  readonly #eachSearch: boolean;
  /** Why each candidate ended; undefined: it has not. */
  readonly #reasons = new Map<unknown, string | undefined>();
  #elements = 0;
  #metadata: Json | undefined;
  #searches = 0;
  #blocked = false;
  empty = true;

  constructor(asArray: boolean, eachSearch: boolean) {
    super();
    this.#asArray = asArray;
    this.#eachSearch = eachSearch;
  }

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && isJson(rest.data)) this.event({ ...rest, raw: sseEvent(rest.data) }, rest.data);
    else if (rest !== undefined) this.failure = CUT;
    if (this.failure) return;
    const reasons = [...this.#reasons.values()];
    if (this.#blocked) this.done = true;
    else if (reasons.length === 0 || reasons.includes(undefined)) this.failure = CUT;
    else if (this.empty && reasons.every((reason) => finishOf(reason, false) === 'stop')) this.failure = EMPTY_ANSWER;
    else this.done = true;
  }

  closing(): Buffer {
    const rest = this.taken();
    if (!this.#asArray) return rest;
    return Buffer.concat([rest, Buffer.from(this.#elements === 0 ? '[]' : ']')]);
  }

  get begun(): boolean {
    return this.done || !this.generated.isEmpty || !this.empty;
  }

  get filtered(): boolean {
    if (this.#blocked) return true;
    for (const reason of this.#reasons.values()) if (finishOf(reason, false) === 'content_filter') return true;
    return false;
  }

  protected override dataless(event: SseEvent): void {
    if (!this.#asArray) super.dataless(event);
  }

  protected event({ raw }: SseEvent, data: string): boolean {
    if (data.trim() === '[DONE]') return true; // which Google's clients cannot read
    let answer: unknown;
    try {
      answer = JSON.parse(data);
    } catch {
      return this.garbage('something that is not JSON');
    }
    this.failure = inBandError(answer);
    if (this.failure) return false;
    if (!isObject(answer)) return this.garbage('something that is not an answer');
    this.#answer(answer);
    if (this.failure) return false;
    this.pass(this.#asArray ? Buffer.from(`${this.#elements === 0 ? '[' : ',\n'}${data}`) : raw);
    this.#elements += 1;
    return true;
  }

  #answer(answer: Json): void {
    const { modelVersion: served } = answer;
    if (typeof served === 'string' && served !== '') this.servedModel = served;
    if (blockReason(answer) !== undefined) this.#blocked = true;
    for (const [place, candidate] of candidatesOf(answer).entries()) {
      this.failure ??= failedFinish(candidate);
      const index = candidate['index'] ?? place;
      const reason = candidate['finishReason'];
      if (isFinish(reason) || !this.#reasons.has(index))
        this.#reasons.set(index, isFinish(reason) ? reason : undefined);
      this.#searches = Math.max(this.#searches, searchesIn(candidate, this.#eachSearch));
      this.generated.add(generatedText(candidate));
      if (this.empty) this.empty = !answersAnything(candidate);
    }
    if (this.#reasons.size > MOST_CANDIDATES) this.garbage('more candidates than an answer can have');
    this.#metadata = laterMetadata(this.#metadata, answer['usageMetadata']);
    const told = readGeminiUsage(this.#metadata);
    const usage = told && this.#searches > 0 ? { ...told, tools: { web_search: this.#searches } } : told;
    this.usage = laterUsage(this.usage, usage);
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
