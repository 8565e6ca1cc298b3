/** What a route changes in answers: in all of them, and in those that a condition fits. */
import type { ConditionalChanges, RouteConfig } from '../config/classic-routes.js';
import { headerIn } from '../lib/headers.js';
import { anyOf } from '../lib/patterns.js';
import { BodyEdit, HeaderEdit } from './transform.js';

/** What is done to one answer. */
export interface AnswerChanges {
  readonly headers: readonly HeaderEdit[];
  readonly body: BodyEdit | null;
  readonly status: number | null;
}

interface Conditional extends AnswerChanges {
  readonly fits: (status: number, headers: readonly string[]) => boolean;
}

export class ResponseChanges {
  readonly #always: AnswerChanges;
  readonly #conditional: readonly Conditional[];
  /** Bodies of some answers are changed. */
  readonly bodies: boolean;

  constructor({ headers, body, status, when = [] }: NonNullable<RouteConfig['response']>) {
    const always: AnswerChanges = {
      headers: headers ? [new HeaderEdit(headers)] : [],
      body: body ? new BodyEdit(body) : null,
      status: status ?? null,
    };
    this.#always = always;
    this.#conditional = when.map((one) => ({
      fits: conditionOf(one),
      headers: one.headers ? [...always.headers, new HeaderEdit(one.headers)] : always.headers,
      body: one.body ? new BodyEdit(one.body) : always.body,
      status: one.set_status ?? always.status,
    }));
    this.bodies = always.body !== null || when.some((one) => one.body !== undefined);
  }

  /** The first condition that fits decides; where none does, what is done to all answers. */
  of(status: number, headers: readonly string[]): AnswerChanges {
    for (const one of this.#conditional) if (one.fits(status, headers)) return one;
    return this.#always;
  }
}

function conditionOf({ status, has = {} }: ConditionalChanges): Conditional['fits'] {
  const statuses = status && new Set(status.map(String));
  const wanted = Object.entries(has).map(([name, value]) => [name.toLowerCase(), anyOf([value])] as const);
  return (code, headers) => {
    if (statuses && !statuses.has(String(code)) && !statuses.has(`${Math.floor(code / 100)}xx`)) return false;
    return wanted.every(([name, fits]) => {
      const value = headerIn(headers, name);
      return value !== undefined && fits(value);
    });
  };
}
