/** JSON Schema (2020-12) as functions. Nothing that is validated is changed. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const plugin = formats as unknown as (ajv: Ajv2020) => Ajv2020;

const strict = plugin(new Ajv2020({ strict: false, validateFormats: true }));
/** For texts that stand for other things: query parameters, headers. */
const lenient = plugin(new Ajv2020({ strict: false, coerceTypes: 'array' }));

export type Validator = (value: unknown) => string | undefined;

/** Throws where the schema is none. The function answers what is wrong, in words, or undefined. */
export function validator(schema: unknown, texts = false): Validator {
  const check = (texts ? lenient : strict).compile(schema as object) as ValidateFunction;
  return (value) => (check(value) ? undefined : words(check.errors?.[0]));
}

function words(error: ErrorObject | undefined): string {
  if (!error) return 'is not as it must be';
  const place = error.instancePath === '' ? '' : `${error.instancePath.slice(1).replaceAll('/', '.')} `;
  const more =
    error.params['additionalProperty'] === undefined ? '' : ` (${String(error.params['additionalProperty'])})`;
  return `${place}${error.message ?? 'is not as it must be'}${more}`.slice(0, 300);
}
