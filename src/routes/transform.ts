/**
 * Changes to requests and answers: headers, query, path, JSON bodies. In each of them: remove, rename, move, set, add. What
 * templates make is looked at again after they are filled: no value of a client becomes a second header line or another path.
 */

import type { BodyChanges, HeaderChanges, RequestChanges } from '../config/classic-routes.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { Rewrite } from '../lib/rewrite.js';
import { fill, parseTemplate } from '../lib/template.js';
import { withoutTrailing } from '../lib/without-trailing.js';
import { isForm } from './form.js';
import { removeFrom } from './headers.js';
import { copyOf, Digits, fromPlain, isObject, type Json, writeJson } from './json.js';
import type { EditPlan } from './json-edit.js';
import { readTarget } from './path.js';
import { pathSafe, valueFor } from './values.js';
import type { Visit } from './visit.js';

type Template = readonly string[];
type Templates = readonly (readonly [name: string, template: Template])[];

const templatesOf = (written: Readonly<Record<string, string>> | undefined, lower: boolean): Templates =>
  Object.entries(written ?? {}).map(([name, text]) => [lower ? name.toLowerCase() : name, parseTemplate(text)]);

const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

const badValue = (what: string): Refusal =>
  refuse('invalid_request', `The request holds a value that cannot be put into ${what}.`);

export class HeaderEdit {
  readonly #remove: readonly string[];
  readonly #rename: readonly (readonly [string, string])[];
  readonly #set: Templates;
  readonly #add: Templates;

  constructor(changes: HeaderChanges) {
    this.#remove = changes.remove ?? [];
    this.#rename = Object.entries(changes.rename ?? {}).map(([from, to]) => [from, to.toLowerCase()]);
    this.#set = templatesOf(changes.set, true);
    this.#add = templatesOf(changes.add, true);
  }

  /** Changes a flat list of headers in place. */
  apply(headers: string[], visit: Visit): Refusal | undefined {
    for (const name of this.#remove) removeFrom(headers, name);
    for (const [from, to] of this.#rename)
      for (let i = 0; i < headers.length; i += 2) if (headers[i] === from) headers[i] = to;
    for (const [name, template] of this.#set) {
      const value = fill(template, (key) => valueFor(visit, key));
      removeFrom(headers, name);
      if (value === undefined) continue;
      if (BAD_VALUE.test(value)) return badValue(`the header ${name}`);
      headers.push(name, value);
    }
    for (const [name, template] of this.#add) {
      const value = fill(template, (key) => valueFor(visit, key));
      if (value === undefined) continue;
      if (BAD_VALUE.test(value)) return badValue(`the header ${name}`);
      headers.push(name, value);
    }
    return undefined;
  }
}

export class BodyEdit {
  readonly #plan: Omit<EditPlan, 'set'>;
  readonly #set: readonly (readonly [string, Json])[];
  /** How a request's body is sent; null: as it came. */
  readonly send: 'json' | 'form' | null;

  constructor(changes: BodyChanges) {
    this.send = changes.send ?? null;
    const renamed = Object.entries(changes.rename ?? {}).map(([from, to]): [string, string] => {
      const dot = from.lastIndexOf('.');
      return [from, dot === -1 ? to : `${from.slice(0, dot)}.${to}`];
    });
    const { remove = [], move = {}, target } = changes;
    this.#plan = { remove, move: [...renamed, ...Object.entries(move)], target };
    this.#set = Object.entries(changes.set ?? {}).map(([path, value]) => [path, fromPlain(value)]);
  }

  /** What is to be done for one request: the values of templates are known. */
  planFor(visit: Visit): EditPlan {
    return { ...this.#plan, set: this.#set.map(([path, value]) => [path, writeJson(filled(value, visit))] as const) };
  }
}

/** A value of the configuration with its templates filled; null where a value is missing. */
export function filled(value: Json, visit: Visit): Json {
  if (typeof value === 'string') return fill(parseTemplate(value), (key) => valueFor(visit, key)) ?? null;
  if (Array.isArray(value)) return value.map((inner) => filled(inner, visit));
  if (isObject(value)) return new Map([...value].map(([name, inner]) => [name, filled(inner, visit)]));
  return value instanceof Digits ? value : copyOf(value);
}

/** RE2 takes microseconds for each character. */
const LONGEST_REWRITTEN = 1024;
const TOO_LONG = refuse('uri_too_long', `The path is longer than ${LONGEST_REWRITTEN} characters.`);

export class PathEdit {
  readonly #strip: string | null;
  readonly #add: string;
  readonly #set: Template | null;
  readonly #rewrite: Rewrite | null;
  readonly #query: RequestChanges['query'];
  readonly #querySet: Templates;
  readonly #queryAdd: Templates;

  constructor(path: RequestChanges['path'], query: RequestChanges['query']) {
    this.#strip = withoutTrailing(path?.strip_prefix ?? '', '/') || null;
    this.#add = withoutTrailing(path?.add_prefix ?? '', '/');
    this.#set = path?.set === undefined ? null : parseTemplate(path.set);
    this.#rewrite = path?.rewrite ? new Rewrite(path.rewrite) : null;
    this.#query = query;
    this.#querySet = templatesOf(query?.set, false);
    this.#queryAdd = templatesOf(query?.add, false);
  }

  /** What was taken off the front, for `X-Forwarded-Prefix`. */
  strippedFrom(path: string): string | null {
    const prefix = this.#strip;
    return prefix !== null && path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
      ? prefix
      : null;
  }

  /** The path with its query. */
  apply(visit: Visit): Result<string> {
    let { path } = visit;
    if (this.#set) {
      const made = this.#filledPath(this.#set, visit);
      if (made === undefined) return refused(badValue('the path'));
      path = made;
    } else {
      const stripped = this.strippedFrom(path);
      if (stripped !== null) path = path.slice(stripped.length) || '/';
    }
    if (this.#rewrite) {
      if (path.length > LONGEST_REWRITTEN) return refused(TOO_LONG);
      path = this.#rewrite.apply(path);
      // What patterns make of a path must be one, and not another one to whoever reads it next.
      if (readTarget(path)?.path !== path) return refused(badValue('the path'));
    }
    const query = this.#query === undefined ? visit.query : this.#editQuery(visit);
    return ok(this.#add + path + query);
  }

  #filledPath(template: Template, visit: Visit): string | undefined {
    let bad = false;
    const made = fill(
      template,
      (name) => valueFor(visit, name),
      (value) => {
        const safe = pathSafe(value);
        if (safe === undefined) bad = true;
        return safe ?? '';
      },
    );
    return bad ? undefined : made;
  }

  #editQuery(visit: Visit): string {
    const { remove = [], rename = {} } = this.#query!;
    const set = this.#querySet.map(
      ([name, template]) => [name, fill(template, (key) => valueFor(visit, key))] as const,
    );
    const gone = new Set([...remove, ...set.map(([name]) => name)]);
    const pairs: string[] = [];
    for (const pair of visit.query.slice(1).split('&')) {
      if (pair === '') continue;
      const name = new URLSearchParams(pair).keys().next().value ?? '';
      if (gone.has(name)) continue;
      const renamed = Object.hasOwn(rename, name) ? rename[name]! : undefined;
      const equals = pair.indexOf('=');
      pairs.push(
        renamed === undefined ? pair : encodeURIComponent(renamed) + (equals === -1 ? '' : pair.slice(equals)),
      );
    }
    const added = this.#queryAdd.map(
      ([name, template]) => [name, fill(template, (key) => valueFor(visit, key))] as const,
    );
    for (const [name, value] of [...set, ...added])
      if (value !== undefined) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  }
}

/** Whether a body can be looked into. */
export const isReadable = (contentType: string | undefined): boolean => isJson(contentType) || isForm(contentType);

export const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^\s*application\/(?:[\w.+-]+\+)?json\s*(;|$)/i.test(contentType);
