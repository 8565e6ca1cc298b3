/**
 * JSON as it is captured: no larger than so many bytes, and without images, sounds and files, of which it says how long they were.
 * It stays JSON: the text that does not fit is cut, and what comes after it is left out.
 */
import { isMedia } from '../formats/texts.js';
import { isObject } from '../lib/json.js';

export interface Cut {
  readonly json: unknown;
  readonly truncated: boolean;
  /** Where the text is that was cut: the place in each object and list around it. Null: none was. */
  readonly path: readonly number[] | null;
  /** Characters of that text that are there beside what fits. */
  readonly spareChars: number;
}

/** Texts whose ends may be missing, any of them; those of an `error` that stands beside them came whole. */
export interface CutTexts {
  /** Fields that are no such texts. */
  readonly plain: ReadonlySet<string>;
  /** So many characters of the end of each are left out, so that nothing of which the other half is missing stays. */
  readonly endOf: (text: string) => number;
}

/** Shorter media are left. Characters. */
const SHORT_MEDIA = 256;
/** What is written around a value. */
const AROUND_BYTES = 3;
const STEP_VALUES = 256;

interface State {
  leftBytes: number;
  values: number;
  path: readonly number[] | null;
  truncated: boolean;
  readonly at: number[];
  readonly mostSpareChars: number;
  spareChars: number;
  cutTexts: CutTexts | undefined;
}

/** `mostSpareChars`: so much more of a text that is cut is left, for whoever looks at it and cuts it then (`withoutSpare`). */
export function* cutJson(
  value: unknown,
  mostBytes: number,
  mostSpareChars = 0,
  cutTexts?: CutTexts,
): Generator<number, Cut> {
  const state: State = {
    leftBytes: mostBytes,
    values: 0,
    path: null,
    truncated: false,
    at: [],
    mostSpareChars,
    spareChars: 0,
    cutTexts,
  };
  const json = yield* part(value, '', {}, state);
  return { json, truncated: state.truncated, path: state.path, spareChars: state.spareChars };
}

function* part(value: unknown, key: string, holder: object, state: State): Generator<number, unknown> {
  if (++state.values % STEP_VALUES === 0) yield STEP_VALUES * 8;
  if (typeof value === 'string') return text(value, key, holder, state);
  if (Array.isArray(value)) return yield* list(value, key, holder, state);
  if (isObject(value)) return yield* object(value, state);
  state.leftBytes -= String(value).length + 1;
  return value;
}

function text(told: string, key: string, holder: object, state: State): string {
  if (told.length > SHORT_MEDIA && isMedia(key, holder as Record<string, unknown>, told)) {
    state.leftBytes -= SHORT_MEDIA;
    return `[${told.length} characters]`;
  }
  const { cutTexts } = state;
  const value = cutTexts && !cutTexts.plain.has(key) ? withoutEnd(told, cutTexts.endOf(told)) : told;
  if (value.length <= state.leftBytes) {
    const bytes = Buffer.byteLength(value) + AROUND_BYTES;
    if (bytes <= state.leftBytes) {
      state.leftBytes -= bytes;
      return value;
    }
  }
  const kept = beginningOf(value, Math.max(0, state.leftBytes));
  state.leftBytes = 0;
  state.truncated = true;
  // Nothing follows a text that was cut.
  state.path = [...state.at];
  const cut = wholeCharacters(value.slice(0, kept.length + state.mostSpareChars));
  state.spareChars = Math.max(0, cut.length - kept.length);
  return cut;
}

const withoutEnd = (text: string, chars: number): string =>
  wholeCharacters(text.slice(0, Math.max(0, text.length - chars)));

/** Without half a character at its end. */
const wholeCharacters = (text: string): string => (/[\ud800-\udbff]$/.test(text.slice(-1)) ? text.slice(0, -1) : text);

function beginningOf(value: string, mostBytes: number): string {
  let kept = value.slice(0, mostBytes);
  for (let bytes = Buffer.byteLength(kept); bytes > mostBytes; bytes = Buffer.byteLength(kept))
    kept = kept.slice(0, Math.floor((kept.length * mostBytes) / bytes));
  return kept;
}

function* list(
  value: readonly unknown[],
  key: string,
  holder: object,
  state: State,
): Generator<number, readonly unknown[]> {
  const kept: unknown[] = [];
  state.leftBytes -= 2;
  for (const member of value) {
    if (isFull(state)) break;
    state.at.push(kept.length);
    kept.push(yield* part(member, key, holder, state));
    state.at.pop();
  }
  return kept;
}

function* object(value: Readonly<Record<string, unknown>>, state: State): Generator<number, object> {
  const kept: [string, unknown][] = [];
  state.leftBytes -= 2;
  for (const key of Object.keys(value)) {
    state.leftBytes -= key.length + AROUND_BYTES;
    if (isFull(state)) break;
    const { cutTexts } = state;
    if (key === 'error' && state.at.length === 0) state.cutTexts = undefined;
    state.at.push(kept.length);
    kept.push([key, yield* part(value[key], key, value, state)]);
    state.at.pop();
    state.cutTexts = cutTexts;
  }
  return Object.fromEntries(kept);
}

function isFull(state: State): boolean {
  if (state.leftBytes > 0) return false;
  state.truncated = true;
  return true;
}

/** Without the last characters of the text at `path`; null where none is there. */
export function withoutSpare(json: unknown, path: readonly number[], spareChars: number): unknown {
  const [place, ...below] = path;
  if (place === undefined) return typeof json === 'string' ? withoutEnd(json, spareChars) : null;
  if (Array.isArray(json)) return json.with(place, withoutSpare(json[place], below, spareChars)) as unknown;
  if (!isObject(json)) return null;
  const entries = Object.entries(json);
  return Object.fromEntries(
    entries.map(([key, value], n) => [key, n === place ? withoutSpare(value, below, spareChars) : value]),
  );
}
