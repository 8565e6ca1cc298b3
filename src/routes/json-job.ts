/** A piece of work on JSON that can be done here or in another thread, and how it is done. */
import { type JsonLimits, jsonExcess } from '../lib/json-bounds.js';
import { type Validator, validator } from '../lib/validators.js';
import { type AnswerPlan, type ChangedAnswer, changedAnswer } from './json-answer.js';
import { type EditPlan, editJson, type KeepPlan, type KeptPart, keepJson } from './json-edit.js';

export interface JsonJobs {
  edit: { readonly plan: EditPlan; readonly answer: Uint8Array | undefined };
  answer: { readonly plan: AnswerPlan; readonly answer: ChangedAnswer };
  keep: { readonly plan: BoundedKeep; readonly answer: KeptPart | 'too much' | undefined };
  /** `plan` is a schema as text; what is wrong, in words. */
  check: { readonly plan: string; readonly answer: string | undefined };
}
export type JobKind = keyof JsonJobs;

interface BoundedKeep {
  readonly keep: KeepPlan;
  readonly limits: JsonLimits;
}

export const NOT_JSON = 'is not JSON';
const MOST_SCHEMAS = 200;
const schemas = new Map<string, Validator>();

const jobs: { readonly [K in JobKind]: (bytes: Buffer, plan: JsonJobs[K]['plan']) => JsonJobs[K]['answer'] } = {
  edit(bytes, plan) {
    const text = editJson(bytes.toString('utf8'), plan);
    return text === undefined ? undefined : Buffer.from(text);
  },
  answer: changedAnswer,
  keep: (bytes, { keep, limits }) =>
    jsonExcess(bytes, limits) === null ? keepJson(bytes.toString('utf8'), keep) : 'too much',
  check: (bytes, schema) => check(bytes.toString('utf8'), schema),
};

export const doJob = <K extends JobKind>(kind: K, plan: JsonJobs[K]['plan'], bytes: Buffer): JsonJobs[K]['answer'] =>
  jobs[kind](bytes, plan);

function check(text: string, schema: string): string | undefined {
  let compiled = schemas.get(schema);
  if (!compiled) {
    if (schemas.size >= MOST_SCHEMAS) schemas.clear();
    schemas.set(schema, (compiled = validator(JSON.parse(schema))));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
  return compiled(value);
}
