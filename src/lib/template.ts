/** Texts with `{name}` in them, such as `/products/{id}`: parsed once, filled for each request. */

const PLACEHOLDER = /\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}/g;

/** The names of what a text wants filled in: `id`, `product.owner_id`. */
export const placeholders = (text: string): string[] => [...text.matchAll(PLACEHOLDER)].map((match) => match[1]!);

/** Fixed text and names in turn, beginning and ending with text. */
export function parseTemplate(text: string): readonly string[] {
  return text.split(PLACEHOLDER);
}

/** Fills a template; undefined where a value is missing. `encode` makes a value safe for its place. */
export function fill(
  parts: readonly string[],
  valueFor: (name: string) => string | undefined,
  encode?: (value: string, name: string) => string,
): string | undefined {
  let out = parts[0]!;
  for (let i = 1; i < parts.length; i += 2) {
    const value = valueFor(parts[i]!);
    if (value === undefined) return undefined;
    out += (encode ? encode(value, parts[i]!) : value) + parts[i + 1]!;
  }
  return out;
}
