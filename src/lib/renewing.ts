/**
 * A value that ends, such as a token: made when it is first asked for, made anew in the background before it ends, and by
 * everybody who waits together. A failure is not kept: whoever comes next tries again.
 */
export interface Renewed<T> {
  readonly value: T;
  /** Infinite: it does not end. */
  readonly expiresAtMs: number;
}

/** Before a value ends it is made anew, as long as the old one holds. */
const EARLY_MS = 300_000;
/** A value that was refused is dropped at most so often: a new one that is refused as well is not the token's fault. */
const DROP_AGAIN_MS = 60_000;

export class Renewing<T> {
  readonly #make: () => Promise<Renewed<T>>;
  readonly #nowMs: () => number;
  #kept: Renewed<T> | undefined;
  #making: Promise<T> | undefined;
  #madeAtMs = 0;
  #droppedAtMs = Number.NEGATIVE_INFINITY;

  constructor(make: () => Promise<Renewed<T>>, nowMs: () => number) {
    this.#make = make;
    this.#nowMs = nowMs;
  }

  get(): Promise<T> {
    const kept = this.#kept;
    const now = this.#nowMs();
    if (!kept || now >= kept.expiresAtMs) return this.#renew();
    // Of a short life the last fifth.
    const early = Math.min(EARLY_MS, (kept.expiresAtMs - this.#madeAtMs) / 5);
    if (now >= kept.expiresAtMs - early) this.#renew().catch(() => undefined);
    return Promise.resolve(kept.value);
  }

  /** What is kept was refused. False: nothing is kept that could be made anew, or that was done just now. */
  drop(): boolean {
    const now = this.#nowMs();
    if (!this.#kept || this.#kept.expiresAtMs === Number.POSITIVE_INFINITY) return false;
    if (now - this.#droppedAtMs < DROP_AGAIN_MS) return false;
    this.#droppedAtMs = now;
    this.#kept = undefined;
    return true;
  }

  #renew(): Promise<T> {
    this.#making ??= this.#make()
      .then((made) => {
        this.#kept = made;
        this.#madeAtMs = this.#nowMs();
        return made.value;
      })
      .finally(() => {
        this.#making = undefined;
      });
    return this.#making;
  }
}
