/**
 * Finds the fields of a JSON object in its own bytes, so that one value can be exchanged while every other byte stays as
 * the caller wrote it: order, number precision, unknown fields. The bytes must already have passed `JSON.parse`; this
 * scan only measures depth and places, strings are skipped with native searches.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

export interface JsonField {
  readonly name: string;
  /** Where the name's opening quote is. */
  readonly start: number;
  readonly valueStart: number;
  /** The index after the value's last byte. */
  readonly valueEnd: number;
}

export interface JsonFields {
  /** Fields of the outermost object in order; a name that occurs twice is here twice. */
  readonly fields: readonly JsonField[];
  /** The index of the closing brace of the outermost object. */
  readonly end: number;
}

/** Fields of the object that `json` holds; null where it holds something else or nests deeper than `maxDepth`. */
export function jsonFields(json: Buffer, maxDepth = 256): JsonFields | null {
  let at = skipSpace(json, 0);
  if (json[at] !== OPEN_BRACE) return null;
  const fields: JsonField[] = [];
  at = skipSpace(json, at + 1);
  while (json[at] === QUOTE) {
    const start = at;
    at = stringEnd(json, at);
    const name = json[at - 1] === QUOTE ? nameOf(json, start, at) : '';
    at = skipSpace(json, at); // now at the colon
    const valueStart = skipSpace(json, at + 1);
    const valueEnd = valueEndAt(json, valueStart, maxDepth);
    if (valueEnd === -1) return null;
    fields.push({ name, start, valueStart, valueEnd });
    at = skipSpace(json, valueEnd);
    if (json[at] === COMMA) at = skipSpace(json, at + 1);
  }
  return json[at] === CLOSE_BRACE ? { fields, end: at } : null;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string | Buffer;
}

/** `json` with the given byte ranges exchanged: a copy unless nothing changes. Edits are in order and do not overlap. */
export function splice(json: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const edit of edits) {
    if (isThere(json, edit)) continue;
    parts.push(json.subarray(at, edit.start));
    if (edit.with.length > 0) parts.push(typeof edit.with === 'string' ? Buffer.from(edit.with) : edit.with);
    at = edit.end;
  }
  if (parts.length === 0) return json;
  parts.push(json.subarray(at));
  return Buffer.concat(parts);
}

/** It says what is there already: a model has more often than not the name that its provider gives it. */
const isThere = (json: Buffer, { start, end, with: text }: Edit): boolean =>
  typeof text === 'string' &&
  end - start === text.length &&
  text.length <= SHORT &&
  json.toString('latin1', start, end) === text;
const SHORT = 256;

/** The range to cut so that the field disappears together with one comma. */
export function fieldRange(found: JsonFields, index: number): { start: number; end: number } {
  const field = found.fields[index]!;
  const next = found.fields[index + 1];
  if (next) return { start: field.start, end: next.start };
  const previous = found.fields[index - 1];
  return previous ? { start: previous.valueEnd, end: field.valueEnd } : { start: field.start, end: field.valueEnd };
}

function nameOf(json: Buffer, start: number, end: number): string {
  const raw = json.toString('utf8', start + 1, end - 1);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function skipSpace(json: Buffer, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++;
  return at;
}

/** The index after the string whose opening quote is at `start`. */
function stringEnd(json: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = json.indexOf(QUOTE, at);
    if (quote === -1) return json.length;
    let slashes = 0;
    while (json[quote - 1 - slashes] === BACKSLASH && quote - 1 - slashes > start) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function valueEndAt(json: Buffer, start: number, maxDepth: number): number {
  const first = json[start];
  if (first === QUOTE) return stringEnd(json, start);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    let at = start;
    while (at < json.length && !isScalarEnd(json[at]!)) at++;
    return at;
  }
  let depth = 0;
  let at = start;
  while (at < json.length) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      at = stringEnd(json, at);
      continue;
    }
    at++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
      if (depth >= maxDepth) return -1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return at;
    }
  }
  return -1;
}

const isScalarEnd = (byte: number): boolean => byte === COMMA || byte === CLOSE_BRACE || byte <= 0x20;

/** The object without some of its fields and with others, all other bytes as they were. What is no object stays as it is. */
export function edited(
  json: Buffer,
  { remove, add }: { readonly remove: readonly string[]; readonly add: Readonly<Record<string, unknown>> },
): Buffer {
  let bytes = json;
  let found = jsonFields(bytes);
  // One after the other: the ranges of neighbours share a comma.
  for (const name of remove) {
    const at = found?.fields.findLastIndex((field) => field.name === name) ?? -1;
    if (!found || at === -1) continue;
    bytes = splice(bytes, [{ ...fieldRange(found, at), with: '' }]);
    found = jsonFields(bytes);
  }
  if (!found) return json;
  const added = JSON.stringify(add).slice(1, -1);
  const comma = found.fields.length > 0 && added !== '' ? ',' : '';
  return splice(bytes, [{ start: found.end, end: found.end, with: comma + added }]);
}

/** The object with these values, in the place of those that it has under their names; all other bytes as they were. */
export function withValues(json: Buffer, values: Readonly<Record<string, string | number>>): Buffer {
  const found = jsonFields(json);
  if (!found) {
    const parsed = JSON.parse(json.toString('utf8')) as object;
    return Buffer.from(JSON.stringify({ ...parsed, ...values }));
  }
  const texts = new Map(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
  const edits: Edit[] = [];
  for (const { name, valueStart: start, valueEnd: end } of found.fields) {
    const text = texts.get(name);
    if (text !== undefined) edits.push({ start, end, with: text });
  }
  const there = new Set(found.fields.map(({ name }) => name));
  const added = [...texts]
    .filter(([name]) => !there.has(name))
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  const comma = there.size > 0 && added.length > 0 ? ',' : '';
  return splice(json, [...edits, { start: found.end, end: found.end, with: comma + added.join() }]);
}
