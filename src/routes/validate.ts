/** What a request must look like: JSON Schemas for its body, its query and its headers. */
import { type Refusal, refuse } from '../lib/errors.js';
import type { Validator } from '../lib/validators.js';
import type { Visit } from './visit.js';

type Schemas = Readonly<Partial<Record<'body' | 'query' | 'headers', unknown>>>;

export class Validation {
  /** For bodies, as text; null: any body will do. */
  readonly schema: string | null;
  readonly #query: Validator | null;
  readonly #headers: Validator | null;

  constructor(schemas: Schemas, compile: (schema: unknown, texts?: boolean) => Validator) {
    this.schema = schemas.body === undefined ? null : JSON.stringify(schemas.body);
    this.#query = schemas.query === undefined ? null : compile(schemas.query, true);
    this.#headers = schemas.headers === undefined ? null : compile(schemas.headers, true);
  }

  /** What can be said before the body is read. */
  head(visit: Visit): Refusal | undefined {
    const query = this.#query?.(queryObject(visit.query));
    if (query !== undefined) return refuse('invalid_request', `The query: ${query}.`, { param: 'query' });
    const headers = this.#headers?.({ ...visit.req.headers });
    if (headers !== undefined) return refuse('invalid_request', `The headers: ${headers}.`, { param: 'headers' });
    return undefined;
  }
}

function queryObject(query: string): Record<string, string | string[]> {
  const all = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) all.set(name, [...(all.get(name) ?? []), value]);
  return Object.fromEntries([...all].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}
