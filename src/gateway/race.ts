/**
 * Attempts that run side by side, of which the first to have something for the caller goes on and the others are given up.
 * Each sees a reply of its own, which passes what it does on to the caller's: only the winner ever writes.
 */
import type { Reply } from './call.js';

interface Runner {
  supersede(): void;
}

/** What one attempt is given. */
export interface Entrant {
  readonly reply: Reply;
  /** Whether this attempt may answer: true for the first that asks, and whenever it asks again. */
  readonly claim: () => boolean;
  /** The attempt runs. */
  readonly runs: (runner: Runner) => void;
}

export class Race {
  readonly #reply: Reply;
  readonly #runners = new Map<Entrant, Runner>();
  readonly #gone: (() => void)[] = [];
  readonly #drained: (() => void)[] = [];
  #winner: Entrant | undefined;

  constructor(reply: Reply) {
    this.#reply = reply;
    reply.onGone(() => call(this.#gone));
    reply.onDrain(() => call(this.#drained));
  }

  get decided(): boolean {
    return this.#winner !== undefined;
  }

  enter(): Entrant {
    const entrant: Entrant = {
      reply: this.#facade(),
      claim: () => this.#claim(entrant),
      runs: (runner) => {
        this.#runners.set(entrant, runner);
        if (this.#winner && this.#winner !== entrant) runner.supersede();
      },
    };
    return entrant;
  }

  #claim(entrant: Entrant): boolean {
    if (this.#winner) return this.#winner === entrant;
    this.#winner = entrant;
    for (const [other, runner] of this.#runners) if (other !== entrant) runner.supersede();
    return true;
  }

  #facade(): Reply {
    const reply = this.#reply;
    return {
      head: (status, headers) => reply.head(status, headers),
      write: (bytes) => reply.write(bytes),
      end: (bytes) => reply.end(bytes),
      breakOff: (event) => reply.breakOff(event),
      onDrain: (listener) => void this.#drained.push(listener),
      onGone: (listener) => {
        this.#gone.push(listener);
        if (reply.gone) listener();
      },
      get started() {
        return reply.started;
      },
      get gone() {
        return reply.gone;
      },
    };
  }
}

const call = (listeners: readonly (() => void)[]): void => {
  for (const listener of listeners) listener();
};
