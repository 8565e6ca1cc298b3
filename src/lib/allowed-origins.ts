/** Which origins may read answers: `*`, origins by name, and `https://*.example.com` for all below. */
export class AllowedOrigins {
  readonly any: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #below: readonly (readonly [scheme: string, suffix: string])[];

  constructor(origins: readonly string[]) {
    this.any = origins.includes('*');
    this.#names = new Set(origins.map((origin) => origin.toLowerCase()));
    this.#below = origins
      .filter((origin) => origin.includes('://*.'))
      .map((origin) => origin.toLowerCase().split('*') as [string, string]);
  }

  has(origin: string): boolean {
    if (this.any) return true;
    const lower = origin.toLowerCase();
    return (
      this.#names.has(lower) ||
      this.#below.some(
        ([scheme, suffix]) =>
          lower.startsWith(scheme) &&
          lower.endsWith(suffix) &&
          /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(lower.slice(scheme.length, lower.length - suffix.length)),
      )
    );
  }
}
