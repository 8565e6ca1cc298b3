/** What is done to JSON: pure functions on its text, for the thread of a request or another one. */
import { formAsJson, jsonAsForm } from './form.js';
import {
  at,
  copyOf,
  Digits,
  isObject,
  type Json,
  type JsonObject,
  move,
  only,
  parseJson,
  put,
  remove,
  writeJson,
} from './json.js';

/** Changes to a body, in this order; `set` holds JSON. */
export interface EditPlan {
  readonly remove: readonly string[];
  readonly move: readonly (readonly [from: string, to: string])[];
  readonly set: readonly (readonly [path: string, json: string])[];
  /** The value that becomes the whole, in the end; null where there is none. */
  readonly target?: string | undefined;
  /** A form is read; left out: JSON. */
  readonly form?: boolean;
  /** A form is written; left out: JSON. */
  readonly asForm?: boolean;
}

/** For a form that is made to JSON. */
export const FORM_TO_JSON: EditPlan = { remove: [], move: [], set: [], form: true };

/** The changed text; undefined where it is neither an object nor a list, in which nothing can be changed, or no form. */
export function editJson(text: string, plan: EditPlan): string | undefined {
  const body = plan.form ? formAsJson(text) : parseJson(text);
  if (!Array.isArray(body) && !isObject(body)) return undefined;
  for (const path of plan.remove) remove(body, path);
  for (const [from, to] of plan.move) move(body, from, to);
  for (const [path, json] of plan.set) {
    const value = parseJson(json)!;
    for (const item of Array.isArray(body) ? body : [body]) if (isObject(item)) put(item, path, copyOf(value));
  }
  const whole = plan.target === undefined ? body : (at(body, plan.target) ?? null);
  return plan.asForm ? jsonAsForm(whole) : writeJson(whole);
}

/** What of a part's answer becomes part of ours: `target`, then `allow` or `deny`, then `map`, then a collection. */
export interface KeepPlan {
  readonly target: string | null;
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  readonly map: Readonly<Record<string, string>>;
  /** The field for a list; null: only a list that has no group gets one. */
  readonly collection: string | null;
  readonly grouped: boolean;
  /** Fields that other parts put into their URLs. */
  readonly fields: readonly string[];
}

/** JSON as text: an object by its members, so that two can become one. */
export type KeptJson = { readonly members: readonly (readonly [string, string])[] } | { readonly text: string };

export interface KeptPart {
  readonly kept: KeptJson;
  readonly values: Readonly<Record<string, string>>;
}

/** Undefined where the text is not JSON. */
export function keepJson(text: string, plan: KeepPlan): KeptPart | undefined {
  const body = text === '' ? new Map() : parseJson(text);
  if (body === undefined) return undefined;
  const whole = plan.target === null ? body : (at(body, plan.target) ?? null);
  let kept: Json = plan.allow ? only(whole, plan.allow) : copyOf(whole);
  if (!plan.allow) for (const path of plan.deny) remove(kept, path);
  kept = Array.isArray(kept) ? kept.map((item) => renamed(item, plan.map)) : renamed(kept, plan.map);
  const collection = plan.collection ?? (Array.isArray(kept) && !plan.grouped ? 'collection' : null);
  if (collection !== null) kept = new Map([[collection, kept]]);
  const values: Record<string, string> = {};
  for (const field of plan.fields) {
    const value = textOf(at(whole, field) ?? at(kept, field));
    if (value !== undefined) values[field] = value;
  }
  return { kept: keptOf(kept), values };
}

const keptOf = (value: Json): KeptJson =>
  isObject(value)
    ? { members: [...value].map(([name, inner]) => [name, writeJson(inner)] as const) }
    : { text: writeJson(value) };

/** Members keep their places. */
function renamed(value: Json, names: Readonly<Record<string, string>>): Json {
  if (!isObject(value)) return value;
  const out: JsonObject = new Map();
  for (const [name, inner] of value) out.set(Object.hasOwn(names, name) ? names[name]! : name, inner);
  for (const [from, to] of Object.entries(names)) if (from.includes('.')) move(out, from, to);
  return out;
}

function textOf(value: Json | undefined): string | undefined {
  if (value instanceof Digits) return value.text;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return undefined;
  const texts = value.map(textOf);
  return texts.every((text) => text !== undefined) ? texts.join(',') : undefined;
}
