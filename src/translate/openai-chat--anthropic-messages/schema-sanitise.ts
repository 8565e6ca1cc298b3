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
    else if (name === 'items')
      clean[name] = Array.isArray(value) ? { anyOf: value.map(sanitiseSchema) } : sanitiseSchema(value);
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
 * What a schema has that constrained decoding cannot be held to; undefined: nothing. It knows closed objects only, so a dictionary
 * would always come back empty; and it takes no schema that refers to itself.
 */
export function cannotHold(schema: unknown): string | undefined {
  if (hasFreeNames(schema, true)) return 'has an object with free names';
  return isRecursive(schema) ? 'refers to itself' : undefined;
}

/** `root`: an object without properties at the root is one that is meant to be empty. */
function hasFreeNames(schema: unknown, root = false): boolean {
  if (Array.isArray(schema)) return schema.some((one) => hasFreeNames(one));
  if (!isObject(schema)) return false;
  const { additionalProperties: more, properties, type } = schema;
  if (more === true || isObject(more) || isObject(schema['patternProperties'])) return true;
  const typed = type === 'object' || (Array.isArray(type) && type.includes('object'));
  const named = isObject(properties) && (root || Object.keys(properties).length > 0);
  if (typed && more !== false && !named && !hasShapeElsewhere(schema)) return true;
  return Object.entries(schema).some(([name, value]) => {
    if (schemaMaps.has(name)) return isObject(value) && Object.values(value).some((one) => hasFreeNames(one));
    return (name === 'items' || unions.has(name)) && hasFreeNames(value);
  });
}

const hasShapeElsewhere = (schema: Json): boolean =>
  Object.keys(schema).some((name) => name === '$ref' || unions.has(name));

const LONGEST_WAY = 200;

/** True where following references comes back to where one began. */
function isRecursive(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  const onTheWay = new Set<string>();
  const done = new Set<string>();
  const leadsBack = (reference: string): boolean => {
    // A way so long is as good as endless.
    if (reference === '#' || onTheWay.has(reference) || onTheWay.size > LONGEST_WAY) return true;
    if (done.has(reference)) return false;
    onTheWay.add(reference);
    const back = [...referencesIn(definition(schema, reference))].some(leadsBack);
    onTheWay.delete(reference);
    done.add(reference);
    return back;
  };
  return [...referencesIn(schema)].some(leadsBack);
}

function definition(root: Json, reference: string): unknown {
  const [, holder = '', name = ''] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference.slice(0, 500)) ?? [];
  const definitions = root[holder];
  return isObject(definitions) ? definitions[name.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
}

function referencesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [name, inner] of Object.entries(value)) {
    if (name === '$ref' && typeof inner === 'string') found.add(inner);
    else referencesIn(inner, found);
  }
  return found;
}

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
