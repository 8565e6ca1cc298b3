/**
 * One part of a composition: how its URL is filled, and what of its answer becomes part of ours. Values of other parts are
 * escaped into the URL, whatever they hold.
 */
import type { PartConfig } from '../config/classic-routes.js';
import { parseTemplate, placeholders } from '../lib/template.js';
import type { KeepPlan, KeptPart } from './json-edit.js';
import { roots, valueFor } from './values.js';
import type { Visit } from './visit.js';

export class Part {
  readonly config: PartConfig;
  readonly name: string;
  readonly origin: string;
  /** Names of parts that must be there before. */
  readonly after: readonly string[];
  /** What is done to its answer. */
  readonly keep: KeepPlan;
  readonly #template: readonly string[];

  /** `used`: what other parts put into their URLs, such as `product.owner_id`. */
  constructor(config: PartConfig, index: number, used: readonly string[]) {
    this.config = config;
    this.name = nameOf(config, index);
    const match = /^(https?:\/\/[^/?]+)(.*)$/i.exec(config.url)!;
    this.origin = match[1]!;
    const rest = match[2]!;
    this.#template = parseTemplate(rest.startsWith('/') ? rest : `/${rest}`);
    const needed = fieldsOf(config)
      .map((name) => name.split('.', 1)[0]!)
      .filter((root) => !roots.has(root));
    this.after = [...new Set([...(config.after ?? []), ...needed])];
    const { target = null, allow = null, deny = [], map = {}, collection, group } = config;
    const prefix = `${this.name}.`;
    this.keep = {
      ...{ target, allow, deny, map, grouped: group !== undefined },
      collection: collection === true ? 'collection' : collection || null,
      fields: used.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    };
  }

  /** The path with its query; a text that says what is missing where it cannot be filled. */
  target(
    visit: Visit,
    answers: ReadonlyMap<string, KeptPart>,
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

  #value(name: string, visit: Visit, answers: ReadonlyMap<string, KeptPart>): string | undefined {
    const dot = name.indexOf('.');
    const answer = dot === -1 ? undefined : answers.get(name.slice(0, dot));
    if (!answer) return valueFor(visit, name);
    const value = answer.values[name.slice(dot + 1)];
    // Half a character cannot be escaped.
    return value !== undefined && /\p{Cs}/u.test(value) ? undefined : value;
  }
}

const nameOf = ({ name, group }: PartConfig, index: number): string => name ?? group ?? `part ${index}`;

/** What a part's URL uses of others and of the request, by names with a dot. */
export const fieldsOf = ({ url }: PartConfig): string[] => placeholders(url).filter((name) => name.includes('.'));
