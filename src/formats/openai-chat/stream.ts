/**
 * Reads a chat stream that is passed on in the same dialect. Events go through as the bytes they came as; each is parsed
 * once to see usage, finish reasons, errors and garbage. Usage that the client did not ask for is cut out of the bytes.
 * The usage chunk and `[DONE]` are held back until `closing`.
 */

import { errorIn } from '../error-body.js';
import { fieldRange, jsonFields, splice } from '../json-fields.js';
import { type SseEvent, sseEvent } from '../sse.js';
import { CUT, SseStream } from '../sse-stream.js';
import type { UsageExtra } from '../translation.js';
import { laterUsage } from '../usage.js';
import { answersAnything, generatedText, generatesAnything } from './generated.js';
import { usageIn } from './usage.js';
import { errorInChoice, isFiltered } from './wire.js';

const DONE = sseEvent('[DONE]');

interface WireChunk {
  model?: unknown;
  choices?: unknown;
  usage?: unknown;
}

interface WireChoice {
  index?: unknown;
  finish_reason?: unknown;
}

export class OpenAiChatStream extends SseStream {
  readonly #askedUsage: boolean;
  readonly #n: number;
  /** What a choice of a chunk says. */
  readonly #said: (choice: object) => unknown;
  readonly #finished = new Map<unknown, boolean>();
  /** The last chunk with usage, kept until it is known whether it is the last. */
  #held: SseEvent | undefined;
  begun = false;
  filtered = false;
  empty = true;

  constructor(askedUsage: boolean, n: number, said: (choice: object) => unknown = deltaOf) {
    super();
    this.#askedUsage = askedUsage;
    this.#n = n;
    this.#said = said;
  }

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && rest.data.trim() === '[DONE]') this.#end();
    if (this.done || this.failure) return;
    // Some servers never send `[DONE]`: a finish reason for every choice says as much.
    const finished = this.#finished.size >= this.#n && [...this.#finished.values()].every(Boolean);
    if (rest === undefined && finished) this.done = true;
    else this.failure = CUT;
  }

  /** The end mark has come. Alone, or after no more than the frame of an answer, it ends nothing. */
  #end(): false {
    if (this.begun) this.done = true;
    else this.failure = { kind: 'garbage', message: 'The upstream ended the stream without an answer.' };
    return false;
  }

  closing(extra: UsageExtra): Buffer {
    const held = this.#held;
    if (!held || !this.#askedUsage) return DONE;
    return Buffer.concat([withExtra(held, extra), DONE]);
  }

  protected event(event: SseEvent, data: string): boolean {
    if (data.startsWith('[DONE]')) return this.#end();
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      return this.garbage('something that is not JSON');
    }
    if (typeof json !== 'object' || json === null) return this.garbage('something that is not a chunk');
    const told = errorIn(json) ?? (event.name === 'error' ? errorIn({ error: json }) : undefined);
    if (told) this.failure = { kind: 'in_band', ...told };
    else this.#chunk(event, json as WireChunk);
    return this.failure === undefined;
  }

  #chunk(event: SseEvent, chunk: WireChunk): void {
    if (typeof chunk.model === 'string' && chunk.model !== '') this.servedModel = chunk.model;
    const choices: unknown[] = Array.isArray(chunk.choices) ? chunk.choices : [];
    let finishes = choices.length === 0;
    for (const choice of choices) {
      if (typeof choice === 'object' && choice !== null) finishes = this.#choice(choice) || finishes;
    }
    const usage = usageIn(chunk);
    if (usage) this.usage = laterUsage(this.usage, usage);
    if (this.failure) return;
    if (usage && this.#askedUsage && finishes) {
      this.#release();
      this.#held = event;
      return;
    }
    if (usage && choices.length === 0) return; // the usage chunk that only the gateway asked for
    this.#release();
    this.pass(this.#askedUsage || chunk.usage === undefined ? event.raw : withoutUsage(event));
  }

  /** Another chunk follows, so what was held was not the last. */
  #release(): void {
    if (this.#held) this.pass(this.#held.raw);
    this.#held = undefined;
  }

  /** True where the choice ends with this chunk. */
  #choice(choice: WireChoice): boolean {
    const { index, finish_reason: finish } = choice;
    const delta = this.#said(choice);
    const told = errorInChoice(choice);
    if (told) this.failure ??= { kind: 'in_band', ...told };
    this.generated.add(generatedText(delta));
    // Some servers send an empty reason with every chunk.
    const ends = typeof finish === 'string' && finish !== '';
    if (isFiltered(finish)) this.filtered = true;
    if (!this.begun) this.begun = ends || generatesAnything(delta);
    if (this.empty) this.empty = !answersAnything(delta);
    if (ends || !this.#finished.has(index)) this.#finished.set(index, ends);
    return ends;
  }
}

const deltaOf = (choice: object): unknown => (choice as { delta?: unknown }).delta;

/** The event with `usage` cut out of its JSON, all other bytes as they were. */
function withoutUsage(event: SseEvent): Buffer {
  const json = Buffer.from(event.data!);
  const fields = jsonFields(json);
  const at = fields ? fields.fields.findIndex(({ name }) => name === 'usage') : -1;
  if (!fields || at === -1) return event.raw;
  return sseEvent(splice(json, [{ ...fieldRange(fields, at), with: '' }]).toString('utf8'), event.name);
}

function withExtra(event: SseEvent, extra: UsageExtra): Buffer {
  const json = Buffer.from(event.data!);
  const fields = jsonFields(json);
  if (!fields) return event.raw;
  const comma = fields.fields.length > 0 ? ',' : '';
  const added = `${comma}"x_tollgate":${JSON.stringify(extra)}`;
  return sseEvent(splice(json, [{ start: fields.end, end: fields.end, with: added }]).toString('utf8'), event.name);
}
