/** A request's body as JSON whose bytes can be edited in place, and the words for what is wrong with its fields. */

import { isUtf8 } from 'node:buffer';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { isObject } from '../lib/json.js';
import { isSmall } from '../lib/json-bytes.js';
import { JsonReading, type ReadProblem } from '../lib/json-reading.js';
import { finishInTurns } from '../lib/turns.js';
import { type JsonField, type JsonFields, jsonFields, splice } from './json-fields.js';

const MAX_DEPTH = 256;
/** Names of one object in a large body: to list more of them holds others up. */
const MOST_NAMES = 10_000;

export interface JsonBody {
  /** The bytes that were read; with the model of the address in them, where that names one. */
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
  readonly fields: JsonFields;
}

/** `model`: what the address says, which counts whatever the body says. */
export function readJsonBody(body: Buffer, model?: string): Result<JsonBody> | Promise<Result<JsonBody>> {
  const read = readBytes(body);
  if (model === undefined) return read;
  return read instanceof Promise ? read.then((later) => addressedTo(model, later)) : addressedTo(model, read);
}

function readBytes(body: Buffer): Result<JsonBody> | Promise<Result<JsonBody>> {
  if (body.length === 0) return bad('The request body is empty: send a JSON object.');
  if (!isUtf8(body)) return bad('The request body is not valid UTF-8.');
  return isSmall(body.length) ? readSmall(body) : readLarge(body);
}

async function readLarge(body: Buffer): Promise<Result<JsonBody>> {
  const reading = new JsonReading(body, { depth: MAX_DEPTH, names: MOST_NAMES });
  await finishInTurns(reading);
  const { problem, value, fields, end, at } = reading;
  if (problem) return bad(`${problems[problem](at)}.`);
  return isObject(value)
    ? ok({ body, json: value, fields: { fields, end } })
    : bad('The request body must be a JSON object.');
}

const problems: Readonly<Record<ReadProblem, (at: number) => string>> = {
  syntax: (at) => `The request body is not valid JSON: unexpected character near byte ${at}`,
  ends: () => 'The request body is not valid JSON: it ends too early',
  depth: () => `The request body nests deeper than ${MAX_DEPTH} levels`,
  names: () => `An object in the request body has more than ${MOST_NAMES} names`,
  long: (at) => `The request body has a name or a number that is too long, at byte ${at}`,
};

function readSmall(body: Buffer): Result<JsonBody> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (error) {
    return bad(`The request body is not valid JSON: ${reason(error)}.`);
  }
  if (!isObject(json)) return bad('The request body must be a JSON object.');
  const fields = jsonFields(body, MAX_DEPTH);
  if (!fields) return bad(`The request body nests deeper than ${MAX_DEPTH} levels.`);
  return ok({ body, json, fields });
}

/** The body as if it had said the model itself. Where it says two, it stays for `repeated` to refuse. */
function addressedTo(model: string, read: Result<JsonBody>): Result<JsonBody> {
  if (!read.ok) return read;
  const { body, json, fields } = read.value;
  const written = JSON.stringify(model);
  const named = fields.fields.find(({ name }) => name === 'model');
  const start = named?.valueStart ?? fields.end;
  const end = named?.valueEnd ?? fields.end;
  const name = named ? '' : `${fields.fields.length > 0 ? ',' : ''}"model":`;
  const bytes = splice(body, [{ start, end, with: name + written }]);
  const longer = bytes.length - body.length;
  const moved = (field: JsonField): JsonField => {
    if (field === named) return { ...field, valueEnd: field.valueEnd + longer };
    if (field.start < start) return field;
    const { start: at, valueStart, valueEnd } = field;
    return { ...field, start: at + longer, valueStart: valueStart + longer, valueEnd: valueEnd + longer };
  };
  const nameStart = start + name.indexOf('"');
  const added: JsonField[] = named
    ? []
    : [{ name: 'model', start: nameStart, valueStart: start + name.length, valueEnd: start + longer }];
  json['model'] = model;
  return ok({
    body: bytes,
    json,
    fields: { fields: [...fields.fields.map(moved), ...added], end: fields.end + longer },
  });
}

/** V8 quotes the source text in its message; a prompt has no place in an error, its position has. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(message)?.[0];
  if (position) return `unexpected character ${position}`;
  return message.includes('end of JSON') ? 'it ends too early' : 'unexpected character';
}

/** The first field among `names` that is written twice: two readers could understand two different things. */
export function repeated({ fields }: JsonFields, names: ReadonlySet<string>): Refusal | undefined {
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (!names.has(name)) continue;
    if (seen.has(name)) return wrong(name, 'is given twice');
    seen.add(name);
  }
  return undefined;
}

export const optional = (value: unknown, is: (value: unknown) => boolean): boolean =>
  value === undefined || value === null || is(value);
export const isPositiveInteger = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const bad = (message: string): Result<never> => refused(refuse('invalid_json', message));
export const wrong = (param: string, what: string): Refusal =>
  refuse('invalid_value', `'${param}' ${what}.`, { param });
export const missing = (param: string): Refusal =>
  refuse('missing_required_parameter', `You must provide the parameter '${param}'.`, { param });
