/**
 * The root of a tool's parameters as the target takes it: an object's schema without a union or a reference. A union there is
 * flattened: the properties of all its branches stand in one object, and what all of them require is required. What is lost
 * (which properties go together) is told in the description, where the model at least reads it.
 */
import { isObject, type Json } from '../../lib/json.js';

export interface RootObject {
  readonly schema: Json;
  /** The unions that were at the root: `anyOf`, `oneOf`, `allOf`. */
  readonly flattened: readonly string[];
}

const unions = ['allOf', 'anyOf', 'oneOf'] as const;
/** Unions in unions, references to references. */
const MOST_LEVELS = 20;
/** Branches and properties that are looked at: definitions may refer to each other in ways that multiply. */
const MOST_LOOKS = 10_000;
const LONGEST_NOTE = 2000;

/** What a walk through a schema needs. */
interface Walk {
  readonly root: Json;
  looksLeft: number;
}

/** What a schema says of the properties of an object. */
interface Shape {
  readonly properties: ReadonlyMap<string, readonly unknown[]>;
  readonly required: ReadonlySet<string>;
  /** No properties beside these; a schema: further ones are such; undefined: nothing is said. */
  readonly additional: unknown;
  /** In words, where a union was lost. */
  readonly notes: readonly string[];
}

export function rootObject(schema: Json): RootObject {
  const target = resolved(schema, schema);
  const flattened = unions.filter((name) => Array.isArray(target[name]));
  if (flattened.length === 0 && target === schema) return { schema, flattened };
  const { $ref: _reference, anyOf: _any, oneOf: _one, allOf: _all, ...kept } = { ...schema, ...target };
  if (flattened.length === 0) return { schema: kept, flattened };
  const shape = shapeOf(target, { root: schema, looksLeft: MOST_LOOKS }, MOST_LEVELS);
  const required = [...shape.required].filter((name) => shape.properties.has(name));
  const { required: _required, additionalProperties: _additional, ...rest } = kept;
  return {
    flattened,
    schema: {
      ...rest,
      ...described(kept, shape.notes),
      type: 'object',
      properties: Object.fromEntries([...shape.properties].map(([name, schemas]) => [name, oneOf(schemas)])),
      ...(required.length > 0 ? { required } : {}),
      ...(shape.additional === undefined ? {} : { additionalProperties: shape.additional }),
    },
  };
}

function described({ description }: Json, notes: readonly string[]): { description?: string } {
  const said = typeof description === 'string' && description !== '' ? [description] : [];
  const all = [...said, ...notes.map((note) => note.slice(0, LONGEST_NOTE))];
  return all.length > 0 ? { description: all.join('\n\n') } : {};
}

/** A property that branches tell in different ways is any of them. */
function oneOf(schemas: readonly unknown[]): unknown {
  const different = new Map([...new Set(schemas)].map((schema) => [JSON.stringify(schema), schema]));
  const [first] = different.values();
  return different.size === 1 ? first : { anyOf: [...different.values()] };
}

function shapeOf(schema: unknown, walk: Walk, levels: number): Shape {
  const own = isObject(schema) ? resolved(schema, walk.root) : {};
  const parts: Shape[] = [ownShape(own, walk)];
  for (const name of levels > 0 ? unions : []) {
    const branches = own[name];
    if (!Array.isArray(branches)) continue;
    const shapes: Shape[] = [];
    for (const branch of branches) {
      if (walk.looksLeft-- <= 0) break;
      if (mayBeObject(branch, walk.root)) shapes.push(shapeOf(branch, walk, levels - 1));
    }
    if (shapes.length > 0) parts.push(name === 'allOf' ? together(shapes) : either(name, shapes));
  }
  return parts.length === 1 ? parts[0]! : together(parts);
}

function ownShape({ properties, required, additionalProperties }: Json, walk: Walk): Shape {
  const own = isObject(properties) ? Object.entries(properties).slice(0, Math.max(0, walk.looksLeft)) : [];
  walk.looksLeft -= own.length;
  const names = Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
  return {
    properties: new Map(own.map(([name, schema]) => [name, [schema]])),
    required: new Set(names),
    additional: additionalProperties,
    notes: [],
  };
}

/** All of them hold. */
function together(shapes: readonly Shape[]): Shape {
  const stated = shapes.map(({ additional }) => additional).filter((additional) => additional !== undefined);
  return {
    properties: allProperties(shapes),
    required: new Set(shapes.flatMap(({ required }) => [...required])),
    // `false` beside another branch's properties would forbid those: what was meant is that there are no others.
    additional:
      stated.length > 0 && stated.every((additional) => additional === false)
        ? false
        : stated.find((one) => one !== false),
    notes: shapes.flatMap(({ notes }) => notes),
  };
}

/** One of them holds, or at least one. */
function either(union: 'anyOf' | 'oneOf', shapes: readonly Shape[]): Shape {
  const [first, ...others] = shapes as [Shape, ...Shape[]];
  const required = [...first.required].filter((name) => others.every((other) => other.required.has(name)));
  const open = shapes.find(({ additional }) => additional !== false);
  return {
    properties: allProperties(shapes),
    required: new Set(required),
    additional: open ? open.additional : false,
    notes: [...noteOf(union, shapes, new Set(required)), ...shapes.flatMap(({ notes }) => notes)],
  };
}

function noteOf(union: 'anyOf' | 'oneOf', shapes: readonly Shape[], common: ReadonlySet<string>): string[] {
  const branches = shapes.map(({ required }) => [...required].filter((name) => !common.has(name)).join(' and '));
  const different = [...new Set(branches)];
  if (different.length < 2) return [];
  const choices = different.map((names) => names || 'none of these').join('; or ');
  return [`${union === 'oneOf' ? 'Give exactly one of these' : 'Give at least one of these'}: ${choices}.`];
}

function allProperties(shapes: readonly Shape[]): Map<string, unknown[]> {
  const all = new Map<string, unknown[]>();
  for (const { properties } of shapes)
    for (const [name, schemas] of properties) {
      const before = all.get(name);
      if (before) before.push(...schemas);
      else all.set(name, [...schemas]);
    }
  return all;
}

/** An input is always an object: a branch that is something else (`null`, say) can never hold. */
function mayBeObject(branch: unknown, root: Json): boolean {
  if (!isObject(branch)) return branch === true;
  const { type } = resolved(branch, root);
  return type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'));
}

/** What a schema refers to within its root, with what stands beside the reference; the schema itself where it refers to nothing. */
function resolved(schema: Json, root: Json): Json {
  let found = schema;
  for (let level = 0; level < MOST_LEVELS && typeof found['$ref'] === 'string'; level++) {
    const target = definitionAt(found['$ref'], root);
    if (!target) return found;
    const { $ref: _reference, ...beside } = found;
    found = { ...target, ...beside };
  }
  return found;
}

/** `#/$defs/name`, `#/definitions/name`, `#`. */
function definitionAt(reference: string, root: Json): Json | undefined {
  if (reference === '#') return undefined;
  const [, holder, name] = /^#\/(\$defs|definitions)\/([^/]{1,200})$/.exec(reference) ?? [];
  const definitions = holder === undefined ? undefined : root[holder];
  const target = isObject(definitions) && name !== undefined ? definitions[unescaped(name)] : undefined;
  return isObject(target) ? target : undefined;
}

/** A name in a JSON pointer. */
const unescaped = (name: string): string => name.replaceAll('~1', '/').replaceAll('~0', '~');
