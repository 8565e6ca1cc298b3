/**
 * Attempts that run side by side, of which the first to have something for the caller goes on and the others are given up.
 * Each sees a writer of its own, which passes what it does on to the caller's: only the winner ever writes.
 */
import type { ResponseWriter } from './response-writer.js';

interface Runner {
  supersede(): void;
}

/** What one attempt is given. */
export interface Entrant {
  readonly writer: ResponseWriter;
  /** Whether this attempt may answer: true for the first that asks, and whenever it asks again. */
  readonly claim: () => boolean;
  /** Whether another attempt ran beside this one. */
  readonly raced: () => boolean;
  /** The attempt runs. */
  readonly runs: (runner: Runner) => void;
}

export class Race {
  readonly #writer: ResponseWriter;
  readonly #runners = new Map<Entrant, Runner>();
  readonly #gone: (() => void)[] = [];
  readonly #drained: (() => void)[] = [];
  #entered = 0;
  #winner: Entrant | undefined;

  constructor(writer: ResponseWriter) {
    this.#writer = writer;
    writer.onGone(() => call(this.#gone));
    writer.onDrain(() => call(this.#drained));
  }

  get decided(): boolean {
    return this.#winner !== undefined;
  }

  enter(): Entrant {
    this.#entered += 1;
    const entrant: Entrant = {
      writer: this.#facade(),
      claim: () => this.#claim(entrant),
      raced: () => this.#entered > 1,
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

  #facade(): ResponseWriter {
    const writer = this.#writer;
    return {
      head: (status, headers) => writer.head(status, headers),
      write: (bytes) => writer.write(bytes),
      end: (bytes) => writer.end(bytes),
      breakOff: (event) => writer.breakOff(event),
      onDrain: (listener) => void this.#drained.push(listener),
      onGone: (listener) => {
        this.#gone.push(listener);
        if (writer.gone) listener();
      },
      get started() {
        return writer.started;
      },
      get gone() {
        return writer.gone;
      },
      get interrupted() {
        return writer.interrupted;
      },
    };
  }
}

const call = (listeners: readonly (() => void)[]): void => {
  for (const listener of listeners) listener();
};
