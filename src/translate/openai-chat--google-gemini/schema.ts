/**
 * Schemas as Google takes them. Newer models read JSON schemas; older ones a subset of OpenAPI's, without references, unions of
 * types, constants and closed objects. References are inlined: how deep and how large that may grow is bounded, and a schema that
 * holds itself cannot be told.
 */
import { isObject, type Json } from '../../lib/json.js';

/** A JSON schema for those that read one. */
export function jsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(jsonSchema);
  if (!isObject(schema)) return schema;
  const told: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    if (silent.has(name)) continue;
    if (name === 'const') told['enum'] = [value];
    else if (mapsOfSchemas.has(name) && isObject(value)) told[name] = mapValues(value, jsonSchema);
    else if (schemas.has(name)) told[name] = jsonSchema(value);
    else told[name] = value;
  }
  return told;
}

const silent: ReadonlySet<string> = new Set(['$schema', '$comment', 'examples']);
const mapsOfSchemas: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'patternProperties']);
const schemas: ReadonlySet<string> = new Set([
  ...['items', 'prefixItems', 'anyOf', 'oneOf', 'allOf', 'additionalProperties', 'not'],
]);

const MOST_NODES = 5_000;
const DEEPEST = 64;

/** Undefined where the schema holds itself, or grows beyond what can be sent. */
export function openApiSchema(schema: unknown): Json | undefined {
  const writer = new OpenApiWriter(isObject(schema) ? schema : {});
  const written = writer.write(schema, []);
  return writer.failed ? undefined : written;
}

const kept: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'format', 'pattern', 'required', 'nullable', 'propertyOrdering', 'example'],
  ...['minimum', 'maximum', 'minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'],
]);

class OpenApiWriter {
  readonly #root: Json;
  #nodes = 0;
  failed = false;

  constructor(root: Json) {
    this.#root = root;
  }

  /** `through`: the references that led here. */
  write(schema: unknown, through: readonly string[], depth = 0): Json {
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES || depth > DEEPEST) this.failed = true;
    if (this.failed || !isObject(schema)) return {};
    const ref = schema['$ref'];
    if (typeof ref === 'string') return this.#reference(schema, ref, through, depth);
    const merged = Array.isArray(schema['allOf']) ? mergedAll(schema) : schema;
    const written: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(merged)) if (kept.has(name)) written[name] = value;
    const below = (one: unknown): Json => this.write(one, through, depth + 1);
    if (isObject(merged['properties'])) written['properties'] = mapValues(merged['properties'], below);
    if (merged['items'] !== undefined) written['items'] = below(merged['items']);
    const union = merged['anyOf'] ?? merged['oneOf'];
    if (Array.isArray(union)) this.#union(union.map(below), union, written);
    writeType(merged['type'], written);
    writeValues(merged['const'] === undefined ? merged['enum'] : [merged['const']], written);
    return written;
  }

  #reference(schema: Json, ref: string, through: readonly string[], depth: number): Json {
    const found = through.includes(ref) ? undefined : resolved(this.#root, ref);
    if (!isObject(found)) {
      this.failed = true;
      return {};
    }
    const { $ref: _ref, $defs: _defs, definitions: _definitions, ...beside } = schema;
    return this.write({ ...found, ...beside }, [...through, ref], depth + 1);
  }

  /** `null` among the choices says that the value may be missing. */
  #union(choices: readonly Json[], asked: readonly unknown[], written: Record<string, unknown>): void {
    const real = choices.filter((_, i) => !isNull(asked[i]));
    if (real.length < choices.length) written['nullable'] = true;
    if (real.length === 1) Object.assign(written, { ...real[0], ...written });
    else if (real.length > 0) written['anyOf'] = real;
  }
}

const isNull = (schema: unknown): boolean => isObject(schema) && schema['type'] === 'null';

function writeType(type: unknown, written: Record<string, unknown>): void {
  if (typeof type === 'string') written['type'] = type;
  if (!Array.isArray(type)) return;
  const real = type.filter((one) => one !== 'null');
  if (real.length < type.length) written['nullable'] = true;
  if (real.length === 1) written['type'] = real[0];
  else if (real.length > 1) written['anyOf'] ??= real.map((one) => ({ type: one as unknown }));
}

/** Only texts can be enumerated. */
function writeValues(values: unknown, written: Record<string, unknown>): void {
  if (!Array.isArray(values)) return;
  const real = values.filter((value) => value !== null);
  if (real.length < values.length) written['nullable'] = true;
  if (real.length === 0) return;
  written['enum'] = real.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  written['type'] = 'string';
  written['format'] = 'enum';
}

function mergedAll({ allOf, ...rest }: Json): Json {
  let merged: Json = rest;
  for (const one of (allOf as readonly unknown[]).filter(isObject)) {
    const properties = { ...(merged['properties'] as object), ...(one['properties'] as object) };
    const required = [...listOf(merged['required']), ...listOf(one['required'])];
    merged = {
      ...one,
      ...merged,
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required: [...new Set(required)] }),
    };
  }
  return merged;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a reference within the schema (`#/$defs/Name`) leads to. */
function resolved(root: Json, ref: string): unknown {
  if (ref !== '#' && !ref.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const step of ref.split('/').slice(1, DEEPEST)) {
    const name = pointerStep(step);
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

function pointerStep(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

const mapValues = (object: Json, map: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
