/**
 * One text for all ways to write one JSON value: keys sorted, no spaces, so that an answer is found again whatever the
 * client's serialiser does. What two readers could understand differently (a name given twice, a number that loses digits)
 * has no such text: such a request is not cached.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const object = value as Record<string, unknown>;
  const names = Object.keys(object).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(object[name])}`).join(',')}}`;
}

/** Whether a value has more names and values than can be written anew without holding others up. */
export function isVast(value: unknown, most: number): boolean {
  let left = most;
  const counted = (one: unknown): boolean => {
    if (--left < 0) return false;
    if (typeof one !== 'object' || one === null) return true;
    return Array.isArray(one) ? one.every(counted) : Object.values(one).every(counted);
  };
  return !counted(value);
}

/** Whether `json`, which was read from `bytes`, says all that the bytes say. */
export function readsWhole(bytes: Buffer, json: unknown): boolean {
  const names = namesIn(json);
  return names !== null && names === colonsIn(bytes);
}

/** How many names all objects in a value have; null where a number lost digits on its way. */
function namesIn(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 0 : null;
  if (typeof value !== 'object' || value === null) return 0;
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let sum = Array.isArray(value) ? 0 : inner.length;
  for (const one of inner) {
    const names = namesIn(one);
    if (names === null) return null;
    sum += names;
  }
  return sum;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Colons outside strings: one per name. */
function colonsIn(json: Buffer): number {
  let colons = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === COLON) colons += 1;
    if (byte !== QUOTE) continue;
    at += 1;
    while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  }
  return colons;
}
