/** The elements of a JSON array, each as its own bytes. The bytes must already have passed `JSON.parse`. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSE: ReadonlySet<number> = new Set([0x5d, 0x7d]);

export function jsonElements(array: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < array.length; at++) {
    const byte = array[at]!;
    if (byte === QUOTE) at = closingQuote(array, at);
    else if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) depth--;
    const ends = (byte === COMMA && depth === 1) || depth === 0;
    if (!ends) continue;
    if (byte === COMMA || !isBlank(array, start, at)) elements.push(array.subarray(start, at));
    start = at + 1;
  }
  return elements;
}

function closingQuote(json: Buffer, open: number): number {
  let at = open + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

const isBlank = (json: Buffer, start: number, end: number): boolean => json.toString('utf8', start, end).trim() === '';
