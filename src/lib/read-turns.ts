/**
 * Large bodies are read in turns. One socket that has much to say is read up to 2 MB at once before others are looked at, and
 * forty of them hold the loop for as long as all of it takes. So what is read of large bodies in one round of the loop is
 * bounded, all bodies together: whoever is beyond that stops, and goes on in a later round, in the order in which they stopped.
 * Small pieces are of requests and streams that cost little: they do not count.
 */
interface Reader {
  /** Reads on. */
  readOn(): void;
}

interface Waiting {
  readonly reader: Reader;
  /** What its last piece cost: the next one is expected to cost as much. */
  readonly cost: number;
}

/** Of one round, in bytes that are only handed on: about a millisecond. */
const ROUND_COST = 1024 * 1024;
const SMALL_BYTES = 16 * 1024;
/** How many times as much a byte costs that is looked at. */
export const LOOKED_AT = 4;

export class ReadTurns {
  readonly #nextRound: (begin: () => void) => void;
  readonly #waiting: Waiting[] = [];
  #left = ROUND_COST;
  /** Several go on in this round: each reads one piece. */
  #isShared = false;
  #isScheduled = false;

  constructor(nextRound: (begin: () => void) => void = setImmediate) {
    this.#nextRound = nextRound;
  }

  /** A piece of a body was read. False: the reader must stop, and is told when to go on. `factor`: how much a byte costs. */
  read(reader: Reader, bytes: number, factor = 1): boolean {
    if (bytes < SMALL_BYTES) return true;
    const cost = bytes * factor;
    this.#left -= cost;
    this.#schedule();
    if (this.#left > 0 && !this.#isShared) return true;
    this.#waiting.push({ reader, cost });
    return false;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#nextRound(this.#begin);
  }

  readonly #begin = (): void => {
    this.#isScheduled = false;
    this.#left = ROUND_COST;
    this.#isShared = this.#waiting.length > 1;
    for (let room = ROUND_COST; room > 0 && this.#waiting.length > 0; ) {
      const { reader, cost } = this.#waiting.shift()!;
      room -= cost;
      reader.readOn();
    }
    if (this.#isShared) this.#schedule();
  };
}

/** Those of this process, which has one loop. */
export const readTurns = new ReadTurns();
