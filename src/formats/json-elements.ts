/** The elements of a JSON array, each as its own bytes. The bytes must already have passed `JSON.parse`. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN: ReadonlySet<number> = new Set([OPEN_BRACKET, 0x7b]);
const CLOSE: ReadonlySet<number> = new Set([CLOSE_BRACKET, 0x7d]);

export function jsonElements(array: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (const element of elementSteps(array, array.length)) if (element) elements.push(element);
  return elements;
}

/** The same in steps of so many bytes; null where a step is over. Of an array that is cut its whole elements. */
export function* elementSteps(array: Buffer, stepBytes: number): Generator<Buffer | null, void> {
  let depth = 0;
  let start = 1;
  let isText = false;
  let step = stepBytes;
  for (let at = 0; at < array.length; at++) {
    if (at > step) {
      yield null;
      step = at + stepBytes;
    }
    const byte = array[at]!;
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
      continue;
    }
    if (byte === QUOTE) isText = true;
    else if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) depth--;
    const ends = (byte === COMMA && depth === 1) || depth === 0;
    if (!ends) continue;
    if (byte === COMMA || !isBlank(array, start, at)) yield array.subarray(start, at);
    start = at + 1;
  }
}

/** Of what a stream as an array has pushed: whole elements, with what opens the list or stands between them. */
export function pushedElements(bytes: Buffer): readonly Buffer[] {
  const first = bytes[0];
  if (first !== OPEN_BRACKET && first !== COMMA) return [];
  const list = Buffer.concat([Buffer.from('['), bytes.subarray(1)]);
  return jsonElements(list.at(-1) === CLOSE_BRACKET ? list : Buffer.concat([list, Buffer.from(']')]));
}

const isBlank = (json: Buffer, start: number, end: number): boolean => json.toString('utf8', start, end).trim() === '';
