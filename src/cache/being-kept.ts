/** Answers that were given to their callers and are being read still before they are kept, by their keys. */
export class BeingKept {
  readonly #works = new Map<string, Promise<void>>();

  add(key: string, work: Promise<void>): void {
    const kept = work
      .catch(() => {}) // told by the one whose work it is
      .finally(() => {
        if (this.#works.get(key) === kept) this.#works.delete(key);
      });
    this.#works.set(key, kept);
  }

  /** Resolves once the answer of the key is kept, or is not going to be; undefined: none is under way. */
  settled(key: string): Promise<void> | undefined {
    return this.#works.get(key);
  }
}
