/**
 * One text that comes in pieces. What came last is held back, so that what begins in one piece and ends in another is found; what is
 * decided is given in the pieces that it came in, with what takes the place of a find in the piece where that began. A find that
 * still grows at the end of what has come is waited for, as long as guards look for any. All places count from the beginning of the whole text.
 */
import { type Edit, editedPart, editsOf, type Reading } from './edits.js';
import { fold } from './fold.js';
import { type JsonCharacters, jsonCharacters, jsonEdits } from './json-characters.js';
import { Placeholders } from './placeholders.js';
import { foundIn, type Span } from './scan.js';
import type { TextGuard } from './text-guard.js';

/** Characters that are held back where guards look for something. */
const WINDOW = 256;
/** So much new text is looked at at once. */
const STEP = 64;
/** What was given and is still there to be looked back at. */
const BEFORE = 64;
/** More than that of it goes. */
const MOST_BEFORE = 1_024;

/** What has come and is still there, as guards read it. */
interface View {
  readonly text: string;
  /** Undefined: it is read as it is. */
  readonly json: JsonCharacters | undefined;
  /** The first character of which nothing is decided. */
  readonly from: number;
}

/** A find that has become so long is taken as it is. Characters. */
export const longestFind = (guards: readonly TextGuard[]): number =>
  guards.reduce((most, { finder }) => Math.max(most, finder.longest), Placeholders.longest);

export class TextStream {
  readonly #guards: readonly TextGuard[];
  readonly #reading: Reading;
  readonly #restored: Placeholders | null;
  #text = '';
  /** Characters that came before `#text`. */
  #base = 0;
  #decided = 0;
  #edits: Edit[] = [];
  /** It is JSON, so that escapes are undone; undefined: not known yet. */
  #isJson: boolean | undefined;
  #beginsInString = false;
  /** Nothing is decided before it is so long: what grows is looked at each time that it has grown by a part of itself. */
  #again = WINDOW + STEP;
  readonly #longest: number;

  constructor(guards: readonly TextGuard[], reading: Reading) {
    this.#guards = guards;
    this.#reading = reading;
    this.#restored = reading.placeholders.restores ? reading.placeholders : null;
    this.#longest = longestFind(guards);
  }

  /** Nothing is to be found or to be put back. */
  get #isIdle(): boolean {
    return this.#guards.length === 0 && !this.#restored;
  }

  get length(): number {
    return this.#base + this.#text.length;
  }

  /** From here on, nothing is decided. */
  get decided(): number {
    return this.#decided;
  }

  push(piece: string): void {
    this.#text += piece;
    if (this.#isIdle) {
      this.#decided = this.length;
      return;
    }
    if (this.#isJson === undefined) {
      const first = /\S/.exec(this.#text.slice(0, 64))?.[0];
      if (first !== undefined) this.#isJson = first === '{' || first === '[';
    }
    if (this.#guards.length > 0) {
      if (this.length < this.#again) return;
      this.#decide(this.length - WINDOW);
      const waiting = this.length - this.#decided;
      this.#again = Math.max(this.#decided + WINDOW + STEP, this.length + Math.min(waiting >> 3, WINDOW));
    } else this.#decide(this.#beginningOfPlaceholder());
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#decided < this.length) this.#decide(this.length, true);
  }

  /** The piece that came from `start` to `end`, which are decided, as it is told. */
  take(start: number, end: number): string {
    const base = this.#base;
    if (this.#edits.length === 0) return this.#text.slice(start - base, end - base);
    const edits = this.#edits.map((edit) => ({ start: edit.start - base, end: edit.end - base, with: edit.with }));
    return editedPart(this.#text, start - base, end - base, edits);
  }

  /** What ended before `place` was given; a little of it is kept. */
  given(place: number): void {
    let cut = Math.min(place, this.#decided) - this.#base - BEFORE;
    if (cut < MOST_BEFORE) return;
    if (this.#isJson) {
      const { places } = jsonCharacters(this.#text, this.#beginsInString);
      cut = places.find((one) => one >= cut)!;
      this.#beginsInString = jsonCharacters(this.#text.slice(0, cut), this.#beginsInString).endsWithin;
    }
    this.#text = this.#text.slice(cut);
    this.#base += cut;
    this.#edits = this.#edits.filter((edit) => edit.end > this.#base);
  }

  #beginningOfPlaceholder(): number {
    const open = this.#text.lastIndexOf('[');
    const mayBegin = open !== -1 && this.#text.length - open < Placeholders.longest && !this.#text.includes(']', open);
    return mayBegin ? this.#base + open : this.length;
  }

  #decide(safe: number, isLast = false): void {
    const view = this.#view();
    const { text, from } = view;
    const spans = this.#found(view);
    let until = Math.max(from, indexOf(view, safe - this.#base));
    for (const { start, end } of spans) {
      if (start >= until) break;
      const grows = !isLast && end >= text.length && text.length - start < this.#longest;
      until = grows ? start : Math.max(until, end);
    }
    const edits = editsOf(
      spans.filter(({ start }) => start < until),
      text,
      this.#reading,
    );
    for (const edit of edits) {
      const own = view.json ? jsonEdits(view.json, edit) : [edit];
      for (const { start, end, with: instead } of own)
        this.#edits.push({ start: this.#base + start, end: this.#base + end, with: instead });
    }
    // The last character of JSON may be an escape that is not whole.
    this.#decided = isLast ? this.length : this.#base + (view.json?.places[until] ?? until);
  }

  #view(): View {
    const json = this.#isJson ? jsonCharacters(this.#text, this.#beginsInString) : undefined;
    const view = { text: json?.text ?? this.#text, json, from: 0 };
    return { ...view, from: indexOf(view, this.#decided - this.#base) };
  }

  /** Finds that begin where nothing is decided yet, by their beginnings. */
  #found({ text, from }: View): Span[] {
    const folded = fold(text);
    const spans = this.#guards.flatMap((guard) => foundIn(folded, guard, from));
    this.#restored?.find(text, from, (start, end, type) => spans.push({ start, end, type, guard: null }));
    // The order of the guards stays where beginnings are the same.
    return spans.sort((a, b) => a.start - b.start);
  }
}

/** The character that stands at a place of what is there, or after it. */
function indexOf({ json, text }: View, place: number): number {
  if (!json) return place;
  const at = json.places.findIndex((one) => one >= place);
  return at === -1 ? text.length : Math.min(at, text.length);
}
