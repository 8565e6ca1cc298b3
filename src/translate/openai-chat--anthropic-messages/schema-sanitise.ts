/**
 * JSON schemas as constrained decoding at Anthropic takes them: every object closed, `oneOf` as `anyOf`, and no keyword
 * that it does not know. What a removed keyword said (`minimum`, `pattern`, ...) moves into the description, where the
 * model at least reads it.
 */
import { isObject, type Json } from '../../lib/json.js';

const formats: ReadonlySet<unknown> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);

const keptAsTheyAre: ReadonlySet<string> = new Set([
  'type',
  'title',
  'description',
  'default',
  'enum',
  'const',
  'required',
]);
const unions: ReadonlyMap<string, string> = new Map([
  ['anyOf', 'anyOf'],
  ['oneOf', 'anyOf'],
  ['allOf', 'allOf'],
]);
const schemaMaps: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);
/** Replaced by what is written below, or no matter to a model. */
const silent: ReadonlySet<string> = new Set(['additionalProperties', '$schema', '$id', '$comment', 'examples']);

export function sanitiseSchema(schema: unknown): Record<string, unknown> {
  if (!isObject(schema)) return {}; // `true`: anything
  const clean: Record<string, unknown> = {};
  const told: string[] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (keptAsTheyAre.has(name)) clean[name] = value;
    else if (schemaMaps.has(name) && isObject(value)) clean[name] = mapValues(value, sanitiseSchema);
    else if (name === 'items') clean[name] = sanitiseSchema(value);
    else if (unions.has(name) && Array.isArray(value)) clean[unions.get(name)!] = value.map(sanitiseSchema);
    else if (name === 'format' && formats.has(value)) clean[name] = value;
    else if (name === 'minItems' && (value === 0 || value === 1)) clean[name] = value;
    else if (name === '$ref') return reference(schema);
    else if (!silent.has(name)) told.push(`${name}: ${JSON.stringify(value)}`);
  }
  if (isObjectSchema(schema)) {
    clean['properties'] ??= {};
    clean['additionalProperties'] = false;
  }
  if (told.length > 0) {
    const said = typeof clean['description'] === 'string' ? `${clean['description']}\n\n` : '';
    clean['description'] = `${said}(${told.join(', ')})`;
  }
  return clean;
}

/**
 * True where the schema has an object with free names, such as a dictionary. Constrained decoding knows closed objects
 * only, so the dictionary would always come back empty.
 */
export function hasFreeNames(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.some(hasFreeNames);
  if (!isObject(schema)) return false;
  const { additionalProperties: more, properties } = schema;
  if (more === true || isObject(more) || isObject(schema['patternProperties'])) return true;
  const type = schema['type'];
  if (type === 'object' && more !== false && !isObject(properties) && !hasShapeElsewhere(schema)) return true;
  return Object.entries(schema).some(([name, value]) => {
    if (schemaMaps.has(name)) return isObject(value) && Object.values(value).some(hasFreeNames);
    return (name === 'items' || unions.has(name)) && hasFreeNames(value);
  });
}

const hasShapeElsewhere = (schema: Json): boolean =>
  Object.keys(schema).some((name) => name === '$ref' || unions.has(name));

const isObjectSchema = ({ type, properties }: Json): boolean =>
  type === 'object' || (Array.isArray(type) && type.includes('object')) || (type === undefined && isObject(properties));

/** Beside a reference only definitions may stand. */
function reference(schema: Json): Record<string, unknown> {
  const clean: Record<string, unknown> = { $ref: schema['$ref'] };
  for (const name of ['$defs', 'definitions']) {
    const definitions = schema[name];
    if (isObject(definitions)) clean[name] = mapValues(definitions, sanitiseSchema);
  }
  return clean;
}

const mapValues = (object: Json, map: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
