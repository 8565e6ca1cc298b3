/** Where the parts of the result come from, so that what is wrong with a part is told by the path of what was imported. */
export class Origins {
  readonly #paths = new WeakMap<object, string>();

  set(part: object, path: string): void {
    this.#paths.set(part, path);
  }

  /** The origin of the innermost part on the way to a path, and the steps inside it. */
  of(root: unknown, path: readonly (string | number)[]): { path: string; inside: readonly (string | number)[] } {
    let found = { path: '', inside: path };
    let value = root;
    path.forEach((step, i) => {
      value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
      if (typeof value !== 'object' || value === null) return;
      const origin = this.#paths.get(value);
      if (origin !== undefined) found = { path: origin, inside: path.slice(i + 1) };
    });
    return found;
  }
}
