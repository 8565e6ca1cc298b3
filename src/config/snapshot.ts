/**
 * What is in force, and how long what was in force is still needed. A request enters the snapshot once, works with that
 * one to its end, and leaves it; a swap is one assignment, so no request sees half of each. A snapshot that was replaced
 * ends when the last request has left it, and only then is let go of what nothing else needs (its connections).
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

  /** Of `Snapshots`. */
  enter(): this {
    this.#inside++;
    return this;
  }

  /** Of `Snapshots`. */
  replaced(): void {
    this.#replaced = true;
    this.#endIfUnused();
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

  /** What is in force now, kept whole until `leave`. */
  enter(): Snapshot<T> {
    return this.#current.enter();
  }

  swap(next: Snapshot<T>): void {
    const last = this.#current;
    this.#current = next;
    last.replaced();
  }
}
