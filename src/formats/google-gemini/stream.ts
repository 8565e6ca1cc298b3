/**
 * Reads a stream of `streamGenerateContent` that is passed on in the same dialect: events go through as the bytes they came as, or
 * as the elements of one JSON array where the caller asked for that. Each is parsed once, to see usage, ends, errors and garbage.
 * There is no end mark: a stream is whole where HTTP ended it and every candidate has told why it ended.
 */
import { isObject, type Json } from '../../lib/json.js';
import type { UpstreamFailure } from '../failure.js';
import { GeneratedText } from '../generated-text.js';
import { type SseEvent, SseReader, sseEvent } from '../sse.js';
import type { StreamReader } from '../translation.js';
import { laterUsage, type Usage } from '../usage.js';
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

const NOTHING = Buffer.alloc(0);
/** No answer has more, whatever its indexes say. */
const MOST_CANDIDATES = 128;

export const CUT: UpstreamFailure = {
  kind: 'cut',
  message: 'The upstream ended the stream before it was complete.',
};

export class GeminiStream implements StreamReader {
  readonly #asArray: boolean;
  readonly #eachSearch: boolean;
  readonly #reader = new SseReader();
  /** Why each candidate ended; undefined: it has not. */
  readonly #reasons = new Map<unknown, string | undefined>();
  #out: Buffer[] = [];
  #elements = 0;
  readonly #text = new GeneratedText();
  #metadata: Json | undefined;
  #searches = 0;
  #blocked = false;
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;
  empty = true;

  constructor(asArray: boolean, eachSearch: boolean) {
    this.#asArray = asArray;
    this.#eachSearch = eachSearch;
  }

  push(chunk: Buffer): Buffer {
    if (this.done || this.failure) return NOTHING;
    this.#reader.feed(chunk, this.#event);
    if (this.#reader.overflow) this.#garbage('an event that is too large');
    return this.#take();
  }

  end(): void {
    if (this.done || this.failure) return;
    // Some servers omit the last blank line; anything else that is left over is a piece of an event.
    const rest = this.#reader.rest();
    if (rest?.data !== undefined && isJson(rest.data)) this.#event({ ...rest, raw: sseEvent(rest.data) });
    else if (rest !== undefined) this.failure = CUT;
    if (this.failure) return;
    const reasons = [...this.#reasons.values()];
    if (this.#blocked) this.done = true;
    else if (reasons.length === 0 || reasons.includes(undefined)) this.failure = CUT;
    else if (this.empty && reasons.every((reason) => finishOf(reason, false) === 'stop')) this.failure = EMPTY_ANSWER;
    else this.done = true;
  }

  closing(): Buffer {
    const rest = this.#take();
    if (!this.#asArray) return rest;
    return Buffer.concat([rest, Buffer.from(this.#elements === 0 ? '[]' : ']')]);
  }

  get begun(): boolean {
    return this.done || this.#text.kept !== '' || !this.empty;
  }

  get filtered(): boolean {
    if (this.#blocked) return true;
    for (const reason of this.#reasons.values()) if (finishOf(reason, false) === 'content_filter') return true;
    return false;
  }

  text(): string {
    return this.#text.kept;
  }

  get beyond(): number {
    return this.#text.beyond;
  }

  #take(): Buffer {
    const out = this.#out;
    if (out.length === 0) return NOTHING;
    this.#out = [];
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  #garbage(what: string): false {
    this.failure = { kind: 'garbage', message: `The upstream sent ${what} in the stream.` };
    return false;
  }

  /** False: read no further. */
  readonly #event = (event: SseEvent): boolean => {
    const { data } = event;
    if (data === undefined) {
      if (!this.#asArray && event.raw[0] === 0x3a) this.#out.push(event.raw); // a comment
      return true;
    }
    if (data.trim() === '[DONE]') return true; // which Google's clients cannot read
    let answer: unknown;
    try {
      answer = JSON.parse(data);
    } catch {
      return this.#garbage('something that is not JSON');
    }
    this.failure = inBandError(answer);
    if (this.failure) return false;
    if (!isObject(answer)) return this.#garbage('something that is not an answer');
    this.#answer(answer);
    if (this.failure) return false;
    this.#out.push(this.#asArray ? Buffer.from(`${this.#elements === 0 ? '[' : ',\n'}${data}`) : event.raw);
    this.#elements += 1;
    return true;
  };

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
      this.#text.add(generatedText(candidate));
      if (this.empty) this.empty = !answersAnything(candidate);
    }
    if (this.#reasons.size > MOST_CANDIDATES) this.#garbage('more candidates than an answer can have');
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
