/** A piece of work on JSON that can be done here or in another thread, and how it is done. */
import { type Validator, validator } from '../lib/validators.js';
import { type EditPlan, editJson, type KeepPlan, type KeptPart, keepJson } from './json-edit.js';

export interface JsonJobs {
  edit: { readonly plan: EditPlan; readonly answer: string | undefined };
  keep: { readonly plan: KeepPlan; readonly answer: KeptPart | undefined };
  /** `plan` is a schema as text; what is wrong, in words. */
  check: { readonly plan: string; readonly answer: string | undefined };
}
export type JobKind = keyof JsonJobs;

export const NOT_JSON = 'is not JSON';
const MOST_SCHEMAS = 200;
const schemas = new Map<string, Validator>();

export function doJob<K extends JobKind>(kind: K, plan: JsonJobs[K]['plan'], text: string): JsonJobs[K]['answer'] {
  const doIt: { readonly [N in JobKind]: (plan: JsonJobs[N]['plan']) => JsonJobs[N]['answer'] } = {
    edit: (edit) => editJson(text, edit),
    keep: (keep) => keepJson(text, keep),
    check: (schema) => check(text, schema),
  };
  return doIt[kind](plan);
}

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
