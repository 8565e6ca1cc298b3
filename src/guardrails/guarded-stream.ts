/**
 * A stream that guards read along. Its events wait, in their order, until all pieces of text in them are decided, and are then told
 * as they came, or with other texts in them. Where a guard blocks, nothing more is told. Where a guard is asked elsewhere, which
 * takes the whole answer, every event waits for the end (`holdsAll`). What ends the stream is read with the rest of it and told
 * last, so that guards have spoken of all of it before the answer is entered. Of a stream that breaks, what waits is not told.
 */
import { DerivedStream } from '../formats/derived-stream.js';
import { pushedElements } from '../formats/json-elements.js';
import { type SseEvent, SseReader, sseEvent } from '../formats/sse.js';
import type { FormatTexts, TextPiece } from '../formats/texts.js';
import type { StreamReader, UsageExtra } from '../formats/translation.js';
import type { Refusal } from '../lib/errors.js';
import type { SizeGuardConfig } from '../lib/guard-spec.js';
import { isObject, type Json } from '../lib/json.js';
import { mapTexts, textsOf } from './all-texts.js';
import type { Reading } from './edits.js';
import { nothingOf, Rewrite } from './rewrite.js';
import type { TextGuard } from './text-guard.js';
import { longestFind, TextStream } from './text-stream.js';

const NOTHING = Buffer.alloc(0);
/** So many characters of each other text may come after the last of one that is waited for, unless guards look for longer finds. */
const MOST_WAITING = 4_352;
/** So many may wait in all, also where many texts come by turns. */
const MOST_WAITING_IN_ALL = 4 * 1024 * 1024;
/** Beyond the longest find: what is held back behind it, and escapes in it. */
const BESIDE_FIND = 1_024;
/** Of an answer that is held back whole. */
const MOST_HELD_BYTES = 8 * 1024 * 1024;

/** Stands for what is added to the usage of a stream until that is known. */
const TO_COME: UsageExtra = { cost_usd: 'not known yet', attempts: -1, cache: 'not known yet' };
const TO_COME_BYTES = Buffer.from(JSON.stringify(TO_COME));

interface Waiting {
  readonly event: SseEvent;
  /** As it is told. */
  json: Json | undefined;
  readonly pieces: readonly WaitingPiece[];
  readonly chars: number;
  isChanged: boolean;
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
  /** The whole is too large to be held back. Unless something blocks now, it is told as it comes. */
  readonly onTooLarge: () => void;
  /** Caps on how much is answered. */
  readonly sizes: readonly SizeGuardConfig[];
}

export class GuardedStream extends DerivedStream {
  readonly #options: GuardedStreamOptions;
  readonly #events = new SseReader(64 * 1024 * 1024);
  readonly #texts = new Map<string, TextStream>();
  readonly #mostWaiting: number;
  #queue: Waiting[] = [];
  /** So many of the events that wait, from the first on, have their texts as they are told. */
  #settled = 0;
  #waitingChars = 0;
  /** Characters of all texts up to now, and of each text how many there were after its last piece. */
  #came = 0;
  readonly #lastCame = new Map<TextStream, number>();
  #heldBytes = 0;
  #chars = 0;
  #elements = 0;
  #released = false;
  /** What ends the stream is among what waits. */
  #isClosed = false;
  #holdsAll: boolean;
  /** Of each text, what is settled, where all is held back. */
  readonly #told = new Map<TextStream, string[]>();

  constructor(inner: StreamReader, options: GuardedStreamOptions) {
    super(inner);
    this.#options = options;
    this.#holdsAll = options.holdsAll;
    this.#mostWaiting = Math.max(MOST_WAITING, longestFind(options.guards) + BESIDE_FIND);
  }

  /** A guard has blocked. */
  get blocked(): boolean {
    return this.#options.reading.words.blockedBy !== undefined;
  }

  /** All of it waits to be judged. */
  get isHeld(): boolean {
    return this.#holdsAll;
  }

  push(chunk: Buffer): Buffer {
    if (this.blocked) return NOTHING;
    this.#feed(this.inner.push(chunk));
    const most = this.#queue.length;
    this.#close();
    this.#settle();
    return this.blocked || this.#holdsAll ? NOTHING : this.#take(most);
  }

  override end(): void {
    super.end();
    this.#close();
  }

  override get begun(): boolean {
    return this.inner.done || (this.inner.begun && this.#released);
  }

  /** What ends it by an error, as it says it again; undefined where nothing of what was generated may be in it. */
  broken(refusal: Refusal): Buffer | undefined {
    this.#queue = [];
    this.#settled = 0;
    const bytes = this.blocked || this.#holdsAll ? undefined : this.inner.broken?.(refusal);
    if (!bytes) return undefined;
    this.#feed(bytes);
    this.#endTexts();
    this.#settle();
    const told = this.#take(this.#queue.length);
    return this.blocked ? undefined : told;
  }

  closing(extra: UsageExtra): Buffer {
    this.#close();
    this.#settle();
    const rest = withExtra(this.#take(this.#queue.length), extra);
    if (!this.#options.asArray) return rest;
    return Buffer.concat([rest, Buffer.from(this.#elements === 0 ? '[]' : ']')]);
  }

  /** What was answered, by text, where all of it was held back: each text once, however often it is said. */
  get answered(): readonly string[] {
    this.#settle();
    const texts = new Set<string>();
    for (const told of this.#told.values()) texts.add(told.join(''));
    for (const { json, pieces } of this.#queue)
      if (json) for (const text of textsOf(json, this.#options.texts.answer, pieces)) texts.add(text);
    texts.delete('');
    return [...texts];
  }

  /** Others stand for them, wherever they are said. */
  replace(texts: readonly string[]): void {
    const instead = new Map(this.answered.map((text, n) => [text, texts[n]!]));
    const wholes = new Map([...this.#told].map(([text, told]) => [text, told.join('')]));
    const begun = new Set<TextStream>();
    for (const waiting of this.#queue) {
      if (!waiting.json) continue;
      let isChanged = false;
      for (const { holder, key, text } of waiting.pieces) {
        const whole = wholes.get(text) ?? '';
        const other = instead.get(whole) ?? whole;
        if (other === whole) continue;
        holder[key] = begun.has(text) ? '' : other;
        begun.add(text);
        isChanged = true;
      }
      const { answer } = this.#options.texts;
      const json = mapTexts(waiting.json, answer, (text) => instead.get(text) ?? text, waiting.pieces);
      if (!isChanged && json === waiting.json) continue;
      waiting.json = isChanged ? withoutEchoes(json, answer.echoes) : json;
      waiting.isChanged = true;
    }
  }

  #feed(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#holdsAll && (this.#heldBytes += bytes.length) > MOST_HELD_BYTES) {
      this.#holdsAll = false;
      this.#told.clear();
      this.#options.onTooLarge();
      if (this.blocked) return;
    }
    if (this.#options.asArray)
      for (const element of pushedElements(bytes))
        this.#event({ name: '', data: element.toString('utf8'), raw: element });
    else
      this.#events.feed(bytes, (event) => {
        this.#event(event);
        return !this.blocked;
      });
  }

  /** The answer is whole: what ends it is read now and told by `closing`. */
  #close(): void {
    if (this.#isClosed || !this.inner.done || this.inner.failure) return;
    this.#isClosed = true;
    this.#feed(this.inner.closing(TO_COME));
    this.#endTexts();
  }

  #event(event: SseEvent): void {
    const came = event.data === undefined ? undefined : parsed(event.data);
    const { texts } = this.#options;
    const inPieces = came ? texts.pieces(came) : [];
    const json = came && this.#rewritten(came, inPieces);
    const isChanged = json !== came;
    const pieces = (json && isChanged ? texts.pieces(json) : inPieces).map((piece) => this.#piece(piece));
    const chars = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#queue.push({ event, json, pieces, chars, isChanged });
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
    this.#came += text.length - start;
    this.#lastCame.set(text, this.#came);
    return { ...piece, text, start, end: text.length };
  }

  #endTexts(): void {
    for (const text of this.#texts.values()) text.end();
  }

  /** Gives the events whose texts are decided, from the first on, the texts that are told. */
  #settle(): void {
    const { echoes } = this.#options.texts.answer;
    for (; this.#settled < this.#queue.length; this.#settled++) {
      const waiting = this.#queue[this.#settled]!;
      if (!this.#isDecided(waiting)) return;
      this.#waitingChars -= waiting.chars;
      if (!waiting.json || !this.#settlePieces(waiting)) continue;
      waiting.json = withoutEchoes(waiting.json, echoes);
      waiting.isChanged = true;
    }
  }

  #settlePieces({ pieces }: Waiting): boolean {
    let isChanged = false;
    for (const { holder, key, text, start, end } of pieces) {
      const told = text.take(start, end);
      text.given(end);
      if (this.#holdsAll) this.#keep(text, told);
      if (told === holder[key]) continue;
      holder[key] = told;
      isChanged = true;
    }
    return isChanged;
  }

  #keep(text: TextStream, told: string): void {
    const known = this.#told.get(text);
    if (known) known.push(told);
    else this.#told.set(text, [told]);
  }

  #isDecided({ pieces }: Waiting): boolean {
    for (const { text, end } of pieces) {
      if (text.decided >= end) continue;
      if (!this.#isLeft(text) && this.#waitingChars <= MOST_WAITING_IN_ALL) return false;
      text.end();
    }
    return true;
  }

  /** Others go on and this one does not: it is not waited for. */
  #isLeft(text: TextStream): boolean {
    const last = this.#lastCame.get(text) ?? 0;
    if (this.#came - last <= this.#mostWaiting) return false;
    return this.#came - last > this.#mostWaiting * [...this.#lastCame.values()].filter((came) => came > last).length;
  }

  /** The first `most` of those that wait, as far as they are settled. */
  #take(most: number): Buffer {
    const taken = Math.min(most, this.#settled);
    if (taken === 0) return NOTHING;
    const out = this.#queue.slice(0, taken).map((waiting) => this.#bytes(waiting));
    this.#queue = this.#queue.slice(taken);
    this.#settled -= taken;
    this.#released = true;
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  /** The event with its whole texts read; its pieces are read as they come together. */
  #rewritten(json: Json, pieces: readonly TextPiece[]): Json {
    const { guards, texts, reading } = this.#options;
    const walk = new Rewrite(guards, texts.answer, reading, pieces).whole(json);
    for (;;) {
      const { done, value } = walk.next();
      if (done) return value;
    }
  }

  #bytes({ event, json, isChanged }: Waiting): Buffer {
    if (!json) return event.raw;
    const data = isChanged ? JSON.stringify(json) : event.data!;
    if (this.#options.asArray) return Buffer.from(`${this.#elements++ === 0 ? '[' : ',\n'}${data}`);
    return isChanged ? sseEvent(data, event.name) : event.raw;
  }
}

/** With what is known by now in its place. */
function withExtra(bytes: Buffer, extra: UsageExtra): Buffer {
  const at = bytes.lastIndexOf(TO_COME_BYTES);
  if (at === -1) return bytes;
  const after = bytes.subarray(at + TO_COME_BYTES.length);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(JSON.stringify(extra)), after]);
}

const parsed = (data: string): Json | undefined => {
  try {
    const json: unknown = JSON.parse(data);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
};

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
