/**
 * Refuses requests before the gateway drowns in them. Somebody looks at it a few times a second and says how strained it is: the
 * delay of its event loop and its memory, as shares of what they may be. From 0.8 on requests of low priority are refused, from 1
 * on those of normal, from 1.25 on all. It is up at once, and down by one step when the strain has been well below the mark of the
 * step for a while, so that it does not flap. To ask it costs the comparison of two numbers.
 *
 * As long as only a few requests run, nobody is refused: what strains the process then is not the load, and memory that was freed
 * by nobody's request is seen again only when there is work.
 */
import { type Refusal, refuse } from './errors.js';
import { type Priority, priorities, rankOf } from './priority.js';
import type { Random } from './random.js';

export interface Strain {
  /** 1: as late as it may be. */
  readonly delay: number;
  /** 1: as much as it may hold. */
  readonly memory: number;
}

/** From which strain on so many priorities are refused. */
const MARKS = [0.8, 1, 1.25] as const;
/** Below this share of a mark it is calm. */
const CALM_SHARE = 0.75;
/** Calm looks in a row that take a step back. */
const CALM_LOOKS = 8;
const FEW_RUNNING = 8;
/** Clients come back over so many seconds, not all in one. */
const SPREAD_S = 4;

const WORDS: Readonly<Record<Priority, string>> = {
  low: 'The gateway is near its limits, and serves requests of higher priority first. Try again after `retry-after`.',
  normal: 'The gateway is at its limits. Try again after `retry-after`.',
  high: 'The gateway is beyond its limits. Try again after `retry-after`.',
};

export class Overload {
  readonly #random: Random;
  #level = 0;
  #calm = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many of the priorities are refused. */
  get level(): number {
    return this.#level;
  }

  /** True where the level is another one now. */
  look({ delay, memory }: Strain, running: number): boolean {
    const before = this.#level;
    const strain = running <= FEW_RUNNING ? 0 : Math.max(delay, memory);
    const reached = MARKS.filter((mark) => strain >= mark).length;
    if (reached >= this.#level) {
      this.#level = reached;
      this.#calm = 0;
    } else if (strain >= MARKS[this.#level - 1]! * CALM_SHARE) this.#calm = 0;
    else if (++this.#calm >= CALM_LOOKS) {
      this.#level -= 1;
      this.#calm = 0;
    }
    return this.#level !== before;
  }

  refuses(priority: Priority): Refusal | undefined {
    return this.#level === 0 || rankOf(priority) >= this.#level ? undefined : this.#refusal(priority);
  }

  #refusal(priority: Priority): Refusal {
    const seconds = 1 + Math.floor(this.#random() * SPREAD_S);
    return refuse('overloaded', WORDS[priority], { headers: { 'retry-after': String(seconds) } });
  }
}

/** Words for what is refused at a level. */
export const refusedAt = (level: number): string => priorities.slice(0, level).join(', ') || 'nobody';
