/**
 * Reads a chat stream that is passed on in the same dialect. Events go through as the bytes they came as; each is parsed
 * once to see usage, finish reasons, errors and garbage. Usage that the client did not ask for is cut out of the bytes.
 * The usage chunk and `[DONE]` are held back until `closing`.
 */

import { errorIn } from '../error-body.js';
import type { UpstreamFailure } from '../failure.js';
import { GeneratedText } from '../generated-text.js';
import { fieldRange, jsonFields, splice } from '../json-fields.js';
import { type SseEvent, SseReader, sseEvent } from '../sse.js';
import type { StreamReader, UsageExtra } from '../translation.js';
import { laterUsage, type Usage } from '../usage.js';
import { answersAnything, generatedText, generatesAnything } from './generated.js';
import { usageIn } from './usage.js';
import { errorInChoice, isFiltered } from './wire.js';

const NOTHING = Buffer.alloc(0);
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

export class OpenAiChatStream implements StreamReader {
  readonly #askedUsage: boolean;
  readonly #n: number;
  /** What a choice of a chunk says. */
  readonly #said: (choice: object) => unknown;
  readonly #reader = new SseReader();
  readonly #finished = new Map<unknown, boolean>();
  readonly #text = new GeneratedText();
  #out: Buffer[] = [];
  /** The last chunk with usage, kept until it is known whether it is the last. */
  #held: SseEvent | undefined;
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;
  begun = false;
  filtered = false;
  empty = true;

  constructor(askedUsage: boolean, n: number, said: (choice: object) => unknown = deltaOf) {
    this.#askedUsage = askedUsage;
    this.#n = n;
    this.#said = said;
  }

  push(chunk: Buffer): Buffer {
    if (this.done || this.failure) return NOTHING;
    this.#reader.feed(chunk, this.#event);
    if (this.#reader.overflow && !this.done) this.#garbage('an event that is too large');
    return this.#take();
  }

  end(): void {
    if (this.done || this.failure) return;
    const rest = this.#reader.rest();
    if (rest?.data !== undefined && rest.data.trim() === '[DONE]') this.#end();
    if (this.done || this.failure) return;
    // Some servers never send `[DONE]`: a finish reason for every choice says as much.
    const finished = this.#finished.size >= this.#n && [...this.#finished.values()].every(Boolean);
    if (rest === undefined && finished) this.done = true;
    else this.failure = { kind: 'cut', message: 'The upstream ended the stream before it was complete.' };
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

  readonly #event = (event: SseEvent): boolean => {
    const { data } = event;
    if (data === undefined) {
      // A comment goes through; an event without data means nothing and upsets clients.
      if (event.raw[0] === 0x3a) this.#out.push(event.raw);
      return true;
    }
    if (data.startsWith('[DONE]')) return this.#end();
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      return this.#garbage('something that is not JSON');
    }
    if (typeof json !== 'object' || json === null) return this.#garbage('something that is not a chunk');
    const told = errorIn(json) ?? (event.name === 'error' ? errorIn({ error: json }) : undefined);
    if (told) this.failure = { kind: 'in_band', ...told };
    else this.#chunk(event, json as WireChunk);
    return this.failure === undefined;
  };

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
    this.#out.push(this.#askedUsage || chunk.usage === undefined ? event.raw : withoutUsage(event));
  }

  /** Another chunk follows, so what was held was not the last. */
  #release(): void {
    if (this.#held) this.#out.push(this.#held.raw);
    this.#held = undefined;
  }

  /** True where the choice ends with this chunk. */
  #choice(choice: WireChoice): boolean {
    const { index, finish_reason: finish } = choice;
    const delta = this.#said(choice);
    const told = errorInChoice(choice);
    if (told) this.failure ??= { kind: 'in_band', ...told };
    this.#text.add(generatedText(delta));
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
