/**
 * Reads a stream of `streamGenerateContent` (server-sent events) and writes chunks of a chat completion, each as soon as its
 * event is there. There is no end mark: a stream is whole where HTTP ended it and every candidate has told why it ended. The
 * finish chunks wait for that, so that a stream which is cut never looks finished.
 */
import { isJson } from '../../formats/google-gemini/stream.js';
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
import { ChatChunkWriter } from '../../formats/openai-chat/chunk-writer.js';
import type { SseEvent } from '../../formats/sse.js';
import { CUT, SseStream } from '../../formats/sse-stream.js';
import type { UsageExtra } from '../../formats/translation.js';
import { laterUsage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { type AnswerPlan, blockedWords, headOf, responseIdOf, servedModel } from './answer.js';
import { Candidate } from './candidate.js';

/** No answer has more, whatever its indexes say. */
const MOST_CANDIDATES = 128;

export class GeminiToChatStream extends SseStream {
  readonly #plan: AnswerPlan;
  readonly #chunks: ChatChunkWriter;
  readonly #candidates = new Map<number, Candidate>();
  #callIds = '';
  #metadata: Json | undefined;
  #searches = 0;
  #blocked: string | undefined;

  constructor(plan: AnswerPlan) {
    super();
    this.#plan = plan;
    this.#chunks = new ChatChunkWriter(plan.askedUsage);
  }

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && isJson(rest.data)) this.event(rest, rest.data);
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
    return this.#chunks.closing(this.usage, extra);
  }

  get begun(): boolean {
    if (this.done) return true;
    for (const candidate of this.#candidates.values())
      if (!candidate.generated.isEmpty || !candidate.empty) return true;
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

  override text(from = 0, to?: number): string {
    if (this.#candidates.size === 1)
      for (const { generated } of this.#candidates.values()) return generated.kept(from, to);
    let text = '';
    for (const { generated } of this.#candidates.values()) text += generated.kept();
    return text.slice(from, to);
  }

  override *texts(): Generator<string> {
    for (const { generated } of this.#candidates.values()) yield* generated.pieces();
  }

  override get chars(): number {
    let chars = 0;
    for (const { generated } of this.#candidates.values()) chars += generated.chars;
    return chars;
  }

  protected override dataless(): void {
    this.#chunks.ping();
  }

  protected override taken(): Buffer {
    return this.#chunks.taken();
  }

  protected event(_event: SseEvent, data: string): boolean {
    if (data.trim() === '[DONE]') return true;
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      return this.garbage('something that is not JSON');
    }
    this.failure = inBandError(event);
    if (this.failure) return false;
    return isObject(event) ? this.#answer(event, data) : this.garbage('something that is not an answer');
  }

  #answer(event: Json, data: string): boolean {
    this.servedModel = servedModel(event) ?? this.servedModel;
    if (!this.#chunks.begun) this.#begin(event);
    this.#blocked = blockReason(event) ?? this.#blocked;
    let raw: Buffer | undefined;
    for (const [place, json] of candidatesOf(event).entries()) {
      this.failure = failedFinish(json);
      if (this.failure) break;
      const candidate = this.#candidateOf(json, place);
      if (!candidate) return this.garbage('more candidates than an answer can have');
      this.#searches = Math.max(this.#searches, searchesIn(json, this.#plan.eachSearch));
      raw ??= Buffer.from(data);
      for (const delta of candidate.take(json, raw, place)) this.#chunk(candidate.index, delta);
    }
    this.#count(event);
    return this.failure === undefined;
  }

  #begin(event: Json): void {
    this.#callIds = responseIdOf(event, this.#plan);
    this.#chunks.begin(headOf(event, this.#plan));
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
    this.#chunks.choice({
      index,
      delta,
      logprobs: logprobs ?? null,
      finish_reason: finish?.reason ?? null,
      ...(finish && { native_finish_reason: finish.native ?? null }),
    });
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
