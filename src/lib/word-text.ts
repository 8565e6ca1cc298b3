/** Names as words of a text whose words are parted by spaces, and have colons and the like in them. */

/** Longest name, in UTF-16 units; a longer one is cut. */
const MOST_CHARS = 200;
const plain = /^[\w./*-]{1,200}$/;

export const encoded = (name: string): string =>
  plain.test(name)
    ? name
    : encodeURIComponent(name.slice(0, MOST_CHARS).replace(/\p{Surrogate}/gu, '\ufffd')).replace(
        /%2F|[()~!']/g,
        (sign) => OTHERS[sign]!,
      );

const OTHERS: Readonly<Record<string, string>> = {
  '%2F': '/',
  '(': '%28',
  ')': '%29',
  '~': '%7E',
  '!': '%21',
  "'": '%27',
};

export function decoded(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** The name that has this code; null: none has. */
export const named = <T extends string>(codes: Readonly<Record<T, string>>, code: string): T | null =>
  (Object.keys(codes) as T[]).find((name) => codes[name] === code) ?? null;
