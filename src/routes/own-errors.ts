/** Bodies of our own for answers that failed: by status, else by its class. */
import type { RouteConfig } from '../config/classic-routes.js';
import { refusalHeaders } from '../lib/errors.js';
import { fill, parseTemplate } from '../lib/template.js';
import { fromPlain, type Json, writeJson } from './json.js';
import { filled } from './transform.js';
import { valueFor } from './values.js';
import type { Visit } from './visit.js';

type Written = NonNullable<NonNullable<RouteConfig['response']>['errors']>;

interface OwnError {
  readonly status: number | null;
  readonly type: string;
  readonly body: Json | undefined;
}

export class OwnErrors {
  readonly #byStatus: ReadonlyMap<string, OwnError>;

  constructor(written: Written) {
    this.#byStatus = new Map(
      Object.entries(written).map(([status, one]) => {
        const text = typeof one.body === 'string';
        const type = one.type ?? (text ? 'text/plain; charset=utf-8' : 'application/json');
        const body = one.body === undefined ? undefined : fromPlain(one.body);
        return [status, { status: one.status ?? null, type, body }];
      }),
    );
  }

  /** Answers in the place of the answer with this status; false: it goes as it is. */
  answer(visit: Visit, status: number, headers: readonly string[]): boolean {
    const own = this.#byStatus.get(String(status)) ?? this.#byStatus.get(`${Math.floor(status / 100)}xx`);
    if (!own || visit.answered) return false;
    const kept = headers.flatMap((name, i) => (i % 2 === 0 && !OF_THE_BODY.test(name) ? [name, headers[i + 1]!] : []));
    const code = own.status ?? status;
    // A status of ours tells when to come back, as every other of ours does.
    if (own.status !== null && !kept.includes('retry-after'))
      kept.push(...Object.entries(refusalHeaders({}, code)).flat());
    if (own.body === undefined) visit.answer(code, kept);
    else visit.answer(code, [...kept, 'content-type', own.type], textOf(own.body, visit));
    return true;
  }
}

const OF_THE_BODY = /^(?:content-|etag$|last-modified$|accept-ranges$|digest$|trailer$)/;

const textOf = (body: Json, visit: Visit): string =>
  typeof body === 'string'
    ? (fill(parseTemplate(body), (name) => valueFor(visit, name)) ?? '')
    : writeJson(filled(body, visit));
