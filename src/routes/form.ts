/** Forms (`application/x-www-form-urlencoded`) as JSON and back. */
import { Digits, isObject, type Json, type JsonObject } from './json.js';

export const FORM_TYPE = 'application/x-www-form-urlencoded';

export const isForm = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType);

/** Fields with their texts; a field that comes several times is the list of its texts. */
export function formAsJson(text: string): JsonObject {
  const object: JsonObject = new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = object.get(name);
    if (before === undefined) object.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else object.set(name, [before, value]);
  }
  return object;
}

/**
 * An object as a form: a list gives its name to each of its items, the names of an object inside are joined with dots, what is
 * null is left out. Undefined where it is no object, or has objects in a list.
 */
export function jsonAsForm(value: Json): string | undefined {
  if (!isObject(value)) return undefined;
  const form = new URLSearchParams();
  return addTo(form, '', value) ? form.toString() : undefined;
}

function addTo(form: URLSearchParams, path: string, value: Json): boolean {
  if (value === null) return true;
  if (isObject(value))
    return [...value].every(([name, inner]) => addTo(form, path === '' ? name : `${path}.${name}`, inner));
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isObject(item) || Array.isArray(item)) return false;
      addTo(form, path, item);
    }
    return true;
  }
  form.append(path, value instanceof Digits ? value.text : String(value));
  return true;
}
