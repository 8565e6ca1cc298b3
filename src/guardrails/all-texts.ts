/** All texts of a request or an answer, in order, and the same JSON with others in their places. */
import { isMedia, type TextPiece, type TextRules } from '../formats/texts.js';
import { isObject, type Json } from '../lib/json.js';
import { nothingOf } from './rewrite.js';

type Excepted = readonly Pick<TextPiece, 'holder' | 'key'>[];

interface At {
  /** All is text: names and numbers too. */
  readonly free: boolean;
  readonly isTop: boolean;
}

const TOP: At = { free: false, isTop: true };
const FREE: At = { free: true, isTop: false };
const BELOW: At = { free: false, isTop: false };

/**
 * Calls `next` for each text; what it answers takes the text's place. What has not changed stays the same object. Echoes are none,
 * and go where something beside them changes.
 */
export function mapTexts(json: Json, rules: TextRules, next: (text: string) => string, except: Excepted = []): Json {
  const object = (value: Json, at: At): Json => {
    let changed: [string, unknown][] | undefined;
    const entries = Object.entries(value);
    for (const [place, [key, member]] of entries.entries()) {
      if (!at.free && ((at.isTop && rules.apart.has(key)) || rules.echoes.has(key))) continue;
      const isFree = at.free || (rules.free.has(key) && typeof member === 'object');
      const below = isFree ? FREE : at.isTop && key === rules.frame ? TOP : BELOW;
      const name = at.free && key !== '' ? next(key) : key;
      const other = any(member, key, value, below);
      if (other === member && name === key) continue;
      changed ??= entries.slice();
      changed[place] = [name, other];
    }
    if (!changed) return value;
    return Object.fromEntries(
      changed.map(([key, one]) => [key, !at.free && rules.echoes.has(key) ? nothingOf(one) : one]),
    );
  };
  const any = (value: unknown, key: string, holder: Json, at: At): unknown => {
    if (typeof value === 'string') {
      if (value === '' || (!at.free && (rules.plain.has(key) || isMedia(key, holder, value)))) return value;
      return except.some((piece) => piece.holder === holder && piece.key === key) ? value : next(value);
    }
    if (typeof value === 'number' && at.free) {
      const text = String(value);
      const other = next(text);
      return other === text ? value : other;
    }
    if (Array.isArray(value)) {
      const others = (value as unknown[]).map((one) => any(one, key, holder, at));
      return others.some((one, place) => one !== value[place]) ? others : value;
    }
    return isObject(value) ? object(value, at) : value;
  };
  return object(json, TOP);
}

export function textsOf(json: Json, rules: TextRules, except: Excepted = []): string[] {
  const texts: string[] = [];
  const take = (text: string): string => {
    texts.push(text);
    return text;
  };
  mapTexts(json, rules, take, except);
  return texts;
}

/** `texts`: as many as there are. */
export function withTexts(json: Json, rules: TextRules, texts: readonly string[]): Json {
  let at = 0;
  return mapTexts(json, rules, () => texts[at++]!);
}
