/** Guards that look for something in texts, and what they have said of one request. */
import type { GuardAction, GuardSide, PatternGuardConfig, PiiGuardConfig } from '../lib/guard-spec.js';
import type { Finder } from './finder.js';
import { PatternFinder } from './pattern.js';
import { PiiFinder } from './pii.js';

export interface TextGuard {
  readonly name: string;
  readonly on: readonly GuardSide[];
  readonly action: GuardAction;
  readonly message: string | null;
  /** What it took out of the input is put back into the answer. */
  readonly restore: boolean;
  readonly finder: Finder;
}

export function textGuardOf(config: PatternGuardConfig | PiiGuardConfig): TextGuard {
  const { name, on, action, message } = config;
  const finder =
    config.kind === 'pii' ? new PiiFinder(config.entities) : new PatternFinder(config.patterns, config.placeholder);
  return { name, on, action, message, restore: action === 'redact' && config.restore, finder };
}

/** A guard that blocks, as the refusal names it. */
export interface Blocking {
  readonly name: string;
  readonly message: string | null;
}

/** `error`: it could not be asked, and the request went on. */
export type GuardVerb = GuardAction | 'error';

export interface GuardSaid {
  readonly guard: string;
  readonly side: GuardSide;
  readonly action: GuardVerb;
  count: number;
}

/** What the guards have said of a request: names and counts, never what they found. */
export class GuardWords {
  readonly said: GuardSaid[] = [];
  /** All that was found. */
  count = 0;
  /** The first guard that blocks. */
  blockedBy: Blocking | undefined;
  readonly #onFirst: (said: GuardSaid) => void;

  /** `onFirst`: told the first time that a guard does something on one side. */
  constructor(onFirst: (said: GuardSaid) => void) {
    this.#onFirst = onFirst;
  }

  add(guard: string, side: GuardSide, action: GuardVerb): void {
    this.count += 1;
    const known = this.said.find((one) => one.guard === guard && one.side === side && one.action === action);
    if (known) {
      known.count += 1;
      return;
    }
    const first = { guard, side, action, count: 1 };
    this.said.push(first);
    this.#onFirst(first);
  }

  block(guard: Blocking, side: GuardSide): void {
    this.blockedBy ??= guard;
    this.add(guard.name, side, 'block');
  }
}
