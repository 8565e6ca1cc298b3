/** `Accept-Encoding` (RFC 9110 12.5.3). */

/** The encoding that the client likes best of those that there are; undefined: none. */
export function acceptedEncoding(accept: string | undefined): 'br' | 'gzip' | undefined {
  if (accept === undefined) return undefined;
  let best: 'br' | 'gzip' | undefined;
  let highest = 0;
  const weights = new Map<string, number>();
  for (const part of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const q = parameters.find((text) => text.startsWith('q='));
    weights.set(name, q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  for (const name of ['br', 'gzip'] as const) {
    const weight = weights.get(name) ?? weights.get('*') ?? 0;
    if (weight > highest) {
      highest = weight;
      best = name;
    }
  }
  return best;
}
