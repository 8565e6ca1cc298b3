/** All texts of a request or an answer, in order, and the same JSON with others in their places. */
import { isMedia, type TextRules } from '../formats/texts.js';
import { isObject, type Json } from '../lib/json.js';

/** Calls `next` for each text; what it answers takes the text's place. What has not changed stays the same object. */
export function mapTexts(json: Json, rules: TextRules, next: (text: string) => string): Json {
  const object = (value: Json, free: boolean, isTop: boolean): Json => {
    let changed: Record<string, unknown> | undefined;
    for (const key of Object.keys(value)) {
      if (isTop && rules.apart.has(key)) continue;
      const member = value[key];
      const isFree = free || (rules.free.has(key) && typeof member === 'object');
      const other = any(member, key, value, isFree);
      if (other === member) continue;
      changed ??= { ...value };
      changed[key] = other;
    }
    return changed ?? value;
  };
  const any = (value: unknown, key: string, holder: Json, free: boolean): unknown => {
    if (typeof value === 'string') {
      if (value === '' || (!free && (rules.plain.has(key) || isMedia(key, holder, value)))) return value;
      return next(value);
    }
    if (Array.isArray(value)) {
      const others = (value as unknown[]).map((one) => any(one, key, holder, free));
      return others.some((one, place) => one !== value[place]) ? others : value;
    }
    return isObject(value) ? object(value, free, false) : value;
  };
  return object(json, false, true);
}

export function textsOf(json: Json, rules: TextRules): string[] {
  const texts: string[] = [];
  mapTexts(json, rules, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** `texts`: as many as there are. */
export function withTexts(json: Json, rules: TextRules, texts: readonly string[]): Json {
  let at = 0;
  return mapTexts(json, rules, () => texts[at++]!);
}
