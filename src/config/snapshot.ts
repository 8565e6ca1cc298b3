/**
 * What is in force, and how long what was in force before is still needed. A request enters the snapshot in force, works with
 * that one until it is done, and leaves it. A swap is one assignment, so no request sees half of two snapshots. A snapshot that
 * was replaced ends when the last request has left it; only then are the connections given back that nothing else uses.
 */
export class Snapshot<T> {
  readonly value: T;
  readonly #end: () => void;
  #inside = 0;
  #replaced = false;

  constructor(value: T, end: () => void) {
    this.value = value;
    this.#end = end;
  }

  leave(): void {
    this.#inside--;
    this.#endIfUnused();
  }

  /** Called by `Snapshots`. */
  enter(): this {
    this.#inside++;
    return this;
  }

  /** Called by `Snapshots`. */
  replaced(): void {
    this.#replaced = true;
    this.#endIfUnused();
  }

  /** For what must succeed before the snapshot comes into force. Where it throws, the snapshot ends unused. */
  beforeSwap<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      this.replaced();
      throw error;
    }
  }

  #endIfUnused(): void {
    if (this.#replaced && this.#inside === 0) this.#end();
  }
}

export class Snapshots<T> {
  #current: Snapshot<T>;

  constructor(first: Snapshot<T>) {
    this.#current = first;
  }

  /** What is in force now, for a question that is answered at once. */
  get value(): T {
    return this.#current.value;
  }

  /** The snapshot in force, which does not end before `leave`. */
  enter(): Snapshot<T> {
    return this.#current.enter();
  }

  swap(next: Snapshot<T>): void {
    const last = this.#current;
    this.#current = next;
    last.replaced();
  }
}
