/**
 * One part of a composition: how its URL is filled, and what of its answer becomes part of ours, in this order: target, allow
 * or deny, map, group. Values of other parts are escaped into the URL, whatever they hold.
 */
import type { PartConfig } from '../config/classic-routes.js';
import { parseTemplate, placeholders } from '../lib/template.js';
import { at, copyOf, Digits, isObject, type Json, type JsonObject, put, take } from './json.js';
import { roots, valueFor } from './values.js';
import type { Visit } from './visit.js';

/** What a part answered: as it came, and what is left of it. */
export interface PartAnswer {
  readonly whole: Json;
  readonly kept: Json;
}

export class Part {
  readonly config: PartConfig;
  readonly name: string;
  readonly origin: string;
  /** Names of parts that must be there before. */
  readonly after: readonly string[];
  readonly #template: readonly string[];
  readonly #collection: string | null;

  constructor(config: PartConfig, index: number) {
    this.config = config;
    this.name = config.name ?? config.group ?? `part ${index}`;
    const match = /^(https?:\/\/[^/?]+)(.*)$/i.exec(config.url)!;
    this.origin = match[1]!;
    const rest = match[2]!;
    this.#template = parseTemplate(rest.startsWith('/') ? rest : `/${rest}`);
    const used = placeholders(config.url)
      .filter((name) => name.includes('.'))
      .map((name) => name.split('.', 1)[0]!)
      .filter((root) => !roots.has(root));
    this.after = [...new Set([...(config.after ?? []), ...used])];
    const { collection } = config;
    this.#collection = collection === true ? 'collection' : collection || null;
  }

  /** The path with its query; a text that says what is missing where it cannot be filled. */
  target(
    visit: Visit,
    answers: ReadonlyMap<string, PartAnswer>,
  ): { readonly path: string } | { readonly missing: string } {
    let out = this.#template[0]!;
    for (let i = 1; i < this.#template.length; i += 2) {
      const name = this.#template[i]!;
      const inQuery = out.includes('?');
      const value = this.#value(name, visit, answers);
      // An empty or dotted segment would be another path.
      if (value === undefined || (!inQuery && (value === '' || value === '.' || value === '..')))
        return { missing: name };
      out += encodeURIComponent(value) + this.#template[i + 1]!;
    }
    const listed = (this.config.query ?? []).flatMap((name) =>
      new URLSearchParams(visit.query)
        .getAll(name)
        .map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
    );
    if (listed.length > 0) out += (out.includes('?') ? '&' : '?') + listed.join('&');
    return { path: out };
  }

  #value(name: string, visit: Visit, answers: ReadonlyMap<string, PartAnswer>): string | undefined {
    const dot = name.indexOf('.');
    const answer = dot === -1 ? undefined : answers.get(name.slice(0, dot));
    if (!answer) return valueFor(visit, name);
    const field = name.slice(dot + 1);
    return textOf(at(answer.whole, field) ?? at(answer.kept, field));
  }

  /** What is kept of an answer. */
  keep(body: Json): PartAnswer {
    const { target, allow, deny, map } = this.config;
    const whole = target === undefined ? body : (at(body, target) ?? null);
    let kept = copyOf(whole);
    const each = (change: (object: JsonObject) => JsonObject): void => {
      if (Array.isArray(kept)) kept = kept.map((item) => (isObject(item) ? change(item) : item));
      else if (isObject(kept)) kept = change(kept);
    };
    if (allow) each((object) => only(object, allow));
    else if (deny)
      each((object) => {
        for (const path of deny) take(object, path);
        return object;
      });
    if (map) each((object) => renamed(object, map));
    const { group } = this.config;
    const collection = this.#collection ?? (Array.isArray(kept) && group === undefined ? 'collection' : null);
    if (collection !== null) kept = new Map([[collection, kept]]);
    return { whole, kept };
  }

  /** Adds what is kept to the answer; what came later in the configuration goes over what came before. */
  merge(into: JsonObject, kept: Json): void {
    const { group } = this.config;
    if (group === undefined) {
      if (isObject(kept)) for (const [name, value] of kept) into.set(name, value);
      return;
    }
    const before = into.get(group);
    if (isObject(before) && isObject(kept)) for (const [name, value] of kept) before.set(name, value);
    else into.set(group, kept);
  }
}

function only(object: JsonObject, paths: readonly string[]): JsonObject {
  const kept: JsonObject = new Map();
  for (const path of paths) {
    const value = at(object, path);
    if (value !== undefined) put(kept, path, value);
  }
  return kept;
}

/** Members keep their places. */
function renamed(object: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  const out: JsonObject = new Map();
  for (const [name, value] of object) out.set(Object.hasOwn(names, name) ? names[name]! : name, value);
  for (const [from, to] of Object.entries(names)) {
    if (!from.includes('.')) continue;
    const value = take(out, from);
    if (value !== undefined) put(out, to, value);
  }
  return out;
}

function textOf(value: Json | undefined): string | undefined {
  if (value instanceof Digits) return value.text;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return undefined;
  const texts = value.map(textOf);
  return texts.every((text) => text !== undefined) ? texts.join(',') : undefined;
}
