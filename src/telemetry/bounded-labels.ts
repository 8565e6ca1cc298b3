/** Values of a label of which only so many are told apart: those that came first. All others are `other`. */
export class BoundedLabels {
  readonly #most: number;
  readonly #seen = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#most) return 'other';
    this.#seen.add(value);
    return value;
  }
}
