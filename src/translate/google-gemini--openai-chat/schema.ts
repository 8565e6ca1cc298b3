/** Google's schemas, a subset of OpenAPI's with types in capitals, as JSON schemas. A JSON schema stays what it is. */
import { camelOf } from '../../formats/google-gemini/fields.js';
import { isObject, type Json } from '../../lib/json.js';

const DEEPEST = 128;

/** Of the keywords whose values are schemas by name. */
const maps: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'patternProperties']);
/** What orders or illustrates, and is no keyword of JSON schemas. */
const silent: ReadonlySet<string> = new Set(['propertyOrdering', 'nullable', 'example']);
/** Numbers that Google writes as texts. */
const counts: ReadonlySet<string> = new Set([
  ...['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'],
]);

export function plainSchema(schema: Json, depth = 0): Json {
  if (depth > DEEPEST) return {};
  const below = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((one) => (isObject(one) ? plainSchema(one, depth + 1) : one));
    return isObject(value) ? plainSchema(value, depth + 1) : value;
  };
  const plain: Record<string, unknown> = {};
  for (const [written, value] of Object.entries(schema)) {
    const name = camelOf(written);
    if (silent.has(name)) continue;
    if (maps.has(name) && isObject(value))
      plain[name] = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, below(one)]));
    else if (name === 'type') plain['type'] = typeof value === 'string' ? value.toLowerCase() : value;
    else if (name === 'format' && value === 'enum') continue;
    else if (counts.has(name) && typeof value === 'string' && /^\d{1,15}$/.test(value)) plain[name] = Number(value);
    else if (valued.has(name)) plain[name] = value;
    else plain[name] = below(value);
  }
  return schema['nullable'] === true ? orNull(plain) : plain;
}

/** Of the keywords whose values are not schemas, whatever they look like. */
const valued: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required', 'examples']);

function orNull(schema: Json): Json {
  const { type, enum: values } = schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(values) && { enum: [...(values as unknown[]), null] }) };
}
