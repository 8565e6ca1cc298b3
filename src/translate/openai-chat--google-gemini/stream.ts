/**
 * Reads a stream of `streamGenerateContent` (server-sent events) and writes chunks of a chat completion, each as soon as its
 * event is there. There is no end mark: a stream is whole where HTTP ended it and every candidate has told why it ended. The
 * finish chunks wait for that, so that a stream which is cut never looks finished.
 */
import type { UpstreamFailure } from '../../formats/failure.js';
import { CUT, isJson } from '../../formats/google-gemini/stream.js';
import {
  blockReason,
  candidatesOf,
  EMPTY_ANSWER,
  failedFinish,
  inBandError,
  laterMetadata,
  readGeminiUsage,
  searchesIn,
} from '../../formats/google-gemini/wire.js';
import { chatUsage } from '../../formats/openai-chat/usage.js';
import { type SseEvent, SseReader, sseEvent } from '../../formats/sse.js';
import type { StreamReader, UsageExtra } from '../../formats/translation.js';
import { laterUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { type AnswerPlan, blockedWords, headOf, responseIdOf, servedModel } from './answer.js';
import { Candidate } from './candidate.js';

const NOTHING = Buffer.alloc(0);
const DONE = sseEvent('[DONE]');
const PING = ': ping\n\n';
/** No answer has more, whatever its indexes say. */
const MOST_CANDIDATES = 128;

export class GeminiToChatStream implements StreamReader {
  readonly #plan: AnswerPlan;
  readonly #reader = new SseReader();
  readonly #candidates = new Map<number, Candidate>();
  #head = '';
  #callIds = '';
  #out = '';
  #metadata: Json | undefined;
  #searches = 0;
  #blocked: string | undefined;
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;

  constructor(plan: AnswerPlan) {
    this.#plan = plan;
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
    if (rest?.data !== undefined && isJson(rest.data)) this.#event(rest);
    else if (rest !== undefined) this.failure = CUT;
    if (this.failure) return;
    const candidates = [...this.#candidates.values()];
    if (this.#blocked === undefined && (candidates.length === 0 || !candidates.every(({ ended }) => ended))) {
      this.failure = CUT;
    } else if (this.#blocked === undefined && candidates.every(({ empty, finish }) => empty && finish === 'stop')) {
      this.failure = EMPTY_ANSWER;
    } else this.#finish(candidates);
  }

  closing(extra: UsageExtra): Buffer {
    const rest = this.#take();
    if (!this.#plan.askedUsage) return Buffer.concat([rest, DONE]);
    const usage = this.usage ? chatUsage(this.usage) : null;
    const last = `{${this.#head},"choices":[],"usage":${JSON.stringify(usage)},"x_tollgate":${JSON.stringify(extra)}}`;
    return Buffer.concat([rest, sseEvent(last), DONE]);
  }

  get begun(): boolean {
    if (this.done) return true;
    for (const candidate of this.#candidates.values()) if (candidate.text !== '' || !candidate.empty) return true;
    return false;
  }

  get filtered(): boolean {
    if (this.#blocked !== undefined) return true;
    for (const { finish } of this.#candidates.values()) if (finish === 'content_filter') return true;
    return false;
  }

  get empty(): boolean {
    for (const candidate of this.#candidates.values()) if (!candidate.empty) return false;
    return true;
  }

  text(): string {
    let text = '';
    for (const candidate of this.#candidates.values()) text += candidate.text;
    return text;
  }

  get beyond(): number {
    let beyond = 0;
    for (const candidate of this.#candidates.values()) beyond += candidate.beyond;
    return beyond;
  }

  #take(): Buffer {
    if (this.#out === '') return NOTHING;
    const out = Buffer.from(this.#out);
    this.#out = '';
    return out;
  }

  #garbage(what: string): false {
    this.failure = { kind: 'garbage', message: `The upstream sent ${what} in the stream.` };
    return false;
  }

  /** False: read no further. */
  readonly #event = ({ data }: SseEvent): boolean => {
    if (data === undefined) {
      this.#out += PING; // a comment: a sign of life
      return true;
    }
    if (data.trim() === '[DONE]') return true;
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      return this.#garbage('something that is not JSON');
    }
    this.failure = inBandError(event);
    if (this.failure) return false;
    return isObject(event) ? this.#answer(event, data) : this.#garbage('something that is not an answer');
  };

  #answer(event: Json, data: string): boolean {
    this.servedModel = servedModel(event) ?? this.servedModel;
    if (this.#head === '') this.#begin(event);
    this.#blocked = blockReason(event) ?? this.#blocked;
    let raw: Buffer | undefined;
    for (const [place, json] of candidatesOf(event).entries()) {
      this.failure = failedFinish(json);
      if (this.failure) break;
      const candidate = this.#candidateOf(json, place);
      if (!candidate) return this.#garbage('more candidates than an answer can have');
      this.#searches = Math.max(this.#searches, searchesIn(json, this.#plan.eachSearch));
      raw ??= Buffer.from(data);
      for (const delta of candidate.take(json, raw, place)) this.#chunk(candidate.index, delta);
    }
    this.#count(event);
    return this.failure === undefined;
  }

  #begin(event: Json): void {
    this.#callIds = responseIdOf(event, this.#plan);
    const head = { ...headOf(event, this.#plan), object: 'chat.completion.chunk' };
    this.#head = JSON.stringify(head).slice(1, -1);
  }

  #candidateOf(json: Json, place: number): Candidate | undefined {
    const index = typeof json['index'] === 'number' ? json['index'] : place;
    const known = this.#candidates.get(index);
    if (known) return known;
    if (this.#candidates.size >= MOST_CANDIDATES) return undefined;
    const candidate = new Candidate(index, this.#plan, this.#callIds);
    this.#candidates.set(index, candidate);
    this.#chunk(index, { role: 'assistant', content: '', refusal: null });
    return candidate;
  }

  #count(event: Json): void {
    this.#metadata = laterMetadata(this.#metadata, event['usageMetadata']);
    const told = readGeminiUsage(this.#metadata);
    const usage = told && this.#searches > 0 ? { ...told, tools: { web_search: this.#searches } } : told;
    this.usage = laterUsage(this.usage, usage);
  }

  #chunk(
    index: number,
    { logprobs, ...delta }: Json,
    finish?: { readonly reason: string; readonly native: unknown },
  ): void {
    const choice = {
      index,
      delta,
      logprobs: logprobs ?? null,
      finish_reason: finish?.reason ?? null,
      ...(finish && { native_finish_reason: finish.native ?? null }),
    };
    const usage = this.#plan.askedUsage ? ',"usage":null' : '';
    this.#out += `data: {${this.#head},"choices":[${JSON.stringify(choice)}]${usage}}\n\n`;
  }

  #finish(candidates: readonly Candidate[]): void {
    if (candidates.length === 0) {
      this.#chunk(0, { role: 'assistant', content: null, refusal: blockedWords(this.#blocked!) });
      this.#chunk(0, {}, { reason: 'content_filter', native: this.#blocked });
    }
    for (const candidate of candidates) {
      for (const delta of candidate.end()) this.#chunk(candidate.index, delta);
      const reason = candidate.ended ? candidate.finish : 'content_filter';
      this.#chunk(candidate.index, {}, { reason, native: candidate.reason ?? this.#blocked });
    }
    this.done = true;
  }
}
