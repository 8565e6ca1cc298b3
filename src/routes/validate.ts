/** What a request must look like: JSON Schemas for its body, its query and its headers. */
import { type Refusal, refuse } from '../lib/errors.js';
import type { Validator } from '../lib/validators.js';
import type { Visit } from './visit.js';

type Schemas = Readonly<Partial<Record<'body' | 'query' | 'headers', unknown>>>;

export class Validation {
  readonly body: Validator | null;
  readonly #query: Validator | null;
  readonly #headers: Validator | null;

  constructor(schemas: Schemas, compile: (schema: unknown, texts?: boolean) => Validator) {
    this.body = schemas.body === undefined ? null : compile(schemas.body);
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

  checkBody(bytes: Buffer): Refusal | undefined {
    if (!this.body) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8'));
    } catch {
      return refuse('invalid_json', 'The body is not JSON.', { param: 'body' });
    }
    const wrong = this.body(value);
    return wrong === undefined ? undefined : refuse('invalid_request', `The body: ${wrong}.`, { param: 'body' });
  }
}

function queryObject(query: string): Record<string, string | string[]> {
  const all = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) all.set(name, [...(all.get(name) ?? []), value]);
  return Object.fromEntries([...all].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}
