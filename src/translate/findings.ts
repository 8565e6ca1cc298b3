/**
 * What one translation finds out on its way: the first reason to refuse the request, and which fields were left out.
 * Readers of a request go on after a fault with what they have, so that they need not pass refusals around; whoever asked
 * looks at `refusal` once, at the end.
 */
import { type Refusal, refuse } from '../lib/errors.js';

/** Null says as much as leaving the field out. */
export const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

export class Findings {
  readonly #dropParams: boolean;
  readonly #dropped = new Set<string>();
  refusal: Refusal | undefined;

  /** `dropParams`: what cannot be translated is left out instead of refused. */
  constructor(dropParams: boolean) {
    this.#dropParams = dropParams;
  }

  get dropped(): string[] {
    return [...this.#dropped];
  }

  /** The field holds a wrong type or value. `what` completes the sentence that the field's name begins. */
  invalid(param: string, what: string): undefined {
    this.refusal ??= refuse('invalid_value', `'${param}' ${what}.`, { param });
    return undefined;
  }

  /** The field asks for something that the other dialect cannot express. */
  unsupported(param: string, why: string): undefined {
    if (this.#dropParams) return this.drop(param);
    const message = `'${param}' ${why}. Leave it out, or have the gateway leave it out with 'drop_params: true'.`;
    this.refusal ??= refuse('unsupported_parameter', message, { param });
    return undefined;
  }

  /** The field only tunes or hints: it is left out, and named. */
  drop(param: string): undefined {
    this.#dropped.add(param);
    return undefined;
  }
}
