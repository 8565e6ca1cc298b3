/**
 * A stream that guards read along. Its events wait, in their order, until all pieces of text in them are decided, and are then told
 * as they came, or with other texts in them. Where a guard blocks, nothing more is told. Where a guard is asked elsewhere, which
 * takes the whole answer, every event waits for the end (`holdsAll`). What ends the stream is led through the guards as well; there,
 * after the answer was entered, what would block is taken out instead.
 */
import { DerivedStream } from '../formats/derived-stream.js';
import { jsonElements } from '../formats/json-elements.js';
import { type SseEvent, SseReader, sseEvent } from '../formats/sse.js';
import type { FormatTexts, TextPiece } from '../formats/texts.js';
import type { StreamReader, UsageExtra } from '../formats/translation.js';
import type { Refusal } from '../lib/errors.js';
import type { SizeGuardConfig } from '../lib/guard-spec.js';
import { isObject, type Json } from '../lib/json.js';
import type { Reading } from './edits.js';
import { nothingOf, Rewrite } from './rewrite.js';
import type { TextGuard } from './text-guard.js';
import { TextStream } from './text-stream.js';

const NOTHING = Buffer.alloc(0);
/** Characters of all texts that may wait for one of them. */
const MOST_WAITING = 4_352;
/** Of an answer that is held back whole. */
const MOST_HELD_BYTES = 8 * 1024 * 1024;

interface Waiting {
  readonly event: SseEvent;
  readonly json: Json | undefined;
  readonly pieces: readonly WaitingPiece[];
  readonly chars: number;
}

interface WaitingPiece extends TextPiece {
  readonly text: TextStream;
  readonly start: number;
  readonly end: number;
}

export interface GuardedStreamOptions {
  readonly texts: FormatTexts;
  readonly guards: readonly TextGuard[];
  readonly reading: Reading;
  /** Its events are elements of one JSON array. */
  readonly asArray: boolean;
  readonly holdsAll: boolean;
  /** Caps on how much is answered. */
  readonly sizes: readonly SizeGuardConfig[];
}

export class GuardedStream extends DerivedStream {
  readonly #options: GuardedStreamOptions;
  readonly #events = new SseReader(64 * 1024 * 1024);
  readonly #texts = new Map<string, TextStream>();
  #queue: Waiting[] = [];
  #waitingChars = 0;
  #heldBytes = 0;
  #chars = 0;
  #elements = 0;
  #released = false;
  /** The whole of what was held back is too large to be judged. */
  tooLarge = false;

  constructor(inner: StreamReader, options: GuardedStreamOptions) {
    super(inner);
    this.#options = options;
  }

  get #blocked(): boolean {
    return this.tooLarge || this.#options.reading.words.blockedBy !== undefined;
  }

  /** A guard has blocked. */
  get blocked(): boolean {
    return this.#blocked;
  }

  push(chunk: Buffer): Buffer {
    if (this.#blocked) return NOTHING;
    this.#feed(this.inner.push(chunk));
    if (this.inner.done || this.inner.failure) this.#endTexts();
    return this.#blocked || this.#options.holdsAll ? NOTHING : this.#take();
  }

  override end(): void {
    super.end();
    this.#endTexts();
  }

  override get begun(): boolean {
    return this.inner.done || (this.inner.begun && this.#released);
  }

  /** What ends it by an error, as it says it again: where a guard blocks, nothing of what was generated. */
  broken(refusal: Refusal): Buffer | undefined {
    const bytes = this.#blocked ? undefined : this.inner.broken?.(refusal);
    if (!bytes) return undefined;
    this.#feed(bytes);
    this.#endTexts();
    return this.#blocked ? undefined : this.#take();
  }

  closing(extra: UsageExtra): Buffer {
    const array = this.#options.asArray;
    this.#feed(this.inner.closing(extra));
    this.#endTexts();
    const rest = this.#take();
    return array ? Buffer.concat([rest, Buffer.from(this.#elements === 0 ? '[]' : ']')]) : rest;
  }

  /** What was answered, by text, where all of it was held back. */
  get answered(): readonly string[] {
    this.#endTexts();
    return [...this.#texts.values()].map((text) => text.take(0, text.length));
  }

  /** Others stand for them. */
  replace(texts: readonly string[]): void {
    for (const [n, text] of [...this.#texts.values()].entries()) text.replace(texts[n]!);
  }

  #feed(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#options.holdsAll && (this.#heldBytes += bytes.length) > MOST_HELD_BYTES) {
      this.tooLarge = true;
      return;
    }
    if (this.#options.asArray)
      for (const element of elementsIn(bytes)) this.#event({ name: '', data: element.toString('utf8'), raw: element });
    else
      this.#events.feed(bytes, (event) => {
        this.#event(event);
        return !this.#blocked;
      });
  }

  #event(event: SseEvent): void {
    const json = event.data === undefined ? undefined : parsed(event.data);
    const { texts } = this.#options;
    const pieces = json ? texts.pieces(json).map((piece) => this.#piece(piece)) : [];
    const chars = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#queue.push({ event, json, pieces, chars });
    this.#waitingChars += chars;
    if (chars > 0) this.#measure(chars);
    if (json)
      for (const of of texts.ends(json)) for (const [name, text] of this.#texts) if (name.startsWith(of)) text.end();
  }

  #measure(chars: number): void {
    const { sizes, reading } = this.#options;
    const before = this.#chars;
    this.#chars += chars;
    for (const size of sizes) {
      const most = size.max_characters ?? Number.POSITIVE_INFINITY;
      if (this.#chars <= most || before > most) continue;
      if (size.action === 'log') reading.words.add(size.name, 'output', 'log');
      else reading.words.block(size, 'output');
    }
  }

  #piece(piece: TextPiece): WaitingPiece {
    const { guards, reading } = this.#options;
    let text = this.#texts.get(piece.of);
    if (!text) this.#texts.set(piece.of, (text = new TextStream(guards, reading)));
    const start = text.length;
    text.push(String(piece.holder[piece.key]));
    return { ...piece, text, start, end: text.length };
  }

  #endTexts(): void {
    for (const text of this.#texts.values()) text.end();
  }

  /** The events whose texts are decided, from the first on. */
  #take(): Buffer {
    const out: Buffer[] = [];
    let taken = 0;
    for (const waiting of this.#queue) {
      if (!this.#isDecided(waiting)) break;
      taken += 1;
      this.#waitingChars -= waiting.chars;
      out.push(this.#told(waiting));
    }
    if (taken === 0) return NOTHING;
    this.#queue = this.#queue.slice(taken);
    this.#released = true;
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  #isDecided({ pieces }: Waiting): boolean {
    for (const { text, end } of pieces) {
      if (text.decided >= end) continue;
      // Others go on and this one does not: it is not waited for.
      if (this.#waitingChars <= MOST_WAITING) return false;
      text.end();
    }
    return true;
  }

  #told({ event, json, pieces }: Waiting): Buffer {
    if (!json) return event.raw;
    let isChanged = false;
    for (const { holder, key, text, start, end } of pieces) {
      const told = text.take(start, end);
      if (!this.#options.holdsAll) text.given(end);
      if (told === holder[key]) continue;
      holder[key] = told;
      isChanged = true;
    }
    const rewritten = this.#rewritten(json, pieces);
    if (rewritten === json && !isChanged) return this.#bytes(event.data!, event);
    const { echoes } = this.#options.texts.answer;
    return this.#bytes(JSON.stringify(isChanged ? withoutEchoes(rewritten, echoes) : rewritten), event);
  }

  /** The event with its whole texts read; its pieces have been. */
  #rewritten(json: Json, pieces: readonly TextPiece[]): Json {
    const { guards, texts, reading } = this.#options;
    const walk = new Rewrite(guards, texts.answer, reading, pieces).whole(json);
    for (;;) {
      const { done, value } = walk.next();
      if (done) return value;
    }
  }

  #bytes(data: string, { name, raw, data: said }: SseEvent): Buffer {
    if (this.#options.asArray) return Buffer.from(`${this.#elements++ === 0 ? '[' : ',\n'}${data}`);
    return data === said ? raw : sseEvent(data, name);
  }
}

const parsed = (data: string): Json | undefined => {
  try {
    const json: unknown = JSON.parse(data);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
};

/** What a stream as an array has pushed: whole elements, with what opens the list or stands between them. */
function elementsIn(bytes: Buffer): readonly Buffer[] {
  const first = bytes[0];
  if (first !== OPEN && first !== COMMA) return [];
  const list = Buffer.concat([Buffer.from('['), bytes.subarray(1)]);
  return jsonElements(list.at(-1) === CLOSE ? list : Buffer.concat([list, Buffer.from(']')]));
}

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

const DEEPEST_ECHO = 4;

function withoutEchoes<T>(value: T, echoes: ReadonlySet<string>, depth = 0): T {
  if (depth > DEEPEST_ECHO || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => withoutEchoes(one as unknown, echoes, depth + 1)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      echoes.has(key) ? nothingOf(member) : withoutEchoes(member as unknown, echoes, depth + 1),
    ]),
  ) as T;
}
