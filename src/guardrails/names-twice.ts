/**
 * Whether an object in a body names a field twice: who reads it takes one of the two, and it need not be the one that was looked at.
 * Counts colons in the bytes, and names in what was read of them, in steps.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const STEP_BYTES = 32 * 1024;
const STEP_VALUES = 500;

export function* namesTwice(body: Buffer, json: unknown): Generator<number, boolean> {
  return (yield* colonsIn(body)) !== (yield* namesIn(json));
}

function* colonsIn(body: Buffer): Generator<number, number> {
  let colons = 0;
  let pause = STEP_BYTES;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) at = stringEnd(body, at);
    else if (byte === COLON) colons += 1;
    if (at < pause) continue;
    pause = at + STEP_BYTES;
    yield 2_000;
  }
  return colons;
}

/** Where the string that begins at `start` has its last quote. */
function stringEnd(body: Buffer, start: number): number {
  for (let at = start + 1; ; at++) {
    at = body.indexOf(QUOTE, at);
    if (at === -1) return body.length;
    let slashes = 0;
    while (body[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
}

function* namesIn(json: unknown): Generator<number, number> {
  let names = 0;
  let values = 0;
  const open: unknown[] = [json];
  while (open.length > 0) {
    const value = open.pop();
    if (++values % STEP_VALUES === 0) yield 1_000;
    if (typeof value !== 'object' || value === null) continue;
    const members = Object.values(value);
    if (!Array.isArray(value)) names += members.length;
    for (const member of members) if (typeof member === 'object' && member !== null) open.push(member);
  }
  return names;
}
