/**
 * JSON that comes in pieces, as the characters that it says: escapes are undone, and of each character it is known where it stands
 * and whether it is in a string. What is found in it can be exchanged and leaves JSON.
 */
import type { Edit } from './edits.js';

export interface JsonCharacters {
  readonly text: string;
  /** Where each character begins in the JSON; one more, for the end. */
  readonly places: readonly number[];
  readonly inString: readonly boolean[];
  /** What comes next is in a string. */
  readonly endsWithin: boolean;
}

const SHORT: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** `begins`: the JSON begins within a string. An escape that is not whole ends what is read. */
export function jsonCharacters(json: string, begins: boolean): JsonCharacters {
  let text = '';
  const places: number[] = [];
  const inString: boolean[] = [];
  let within = begins;
  let at = 0;
  while (at < json.length) {
    const char = json[at]!;
    let length = 1;
    let said = char;
    let isText = within;
    if (within && char === '\\') {
      const next = json[at + 1];
      length = next === 'u' ? 6 : 2;
      if (at + length > json.length) break;
      const code = Number.parseInt(json.slice(at + 2, at + 6), 16);
      said = next === 'u' ? String.fromCharCode(Number.isNaN(code) ? 0xfffd : code) : (SHORT[next!] ?? next!);
    } else if (char === '"') {
      within = !within;
      isText = false;
    }
    text += said;
    places.push(at);
    inString.push(isText);
    at += length;
  }
  places.push(at);
  return { text, places, inString, endsWithin: within };
}

/** What an exchange of characters changes in the JSON: in strings the text is escaped, and in the place of a number stands a string. */
export function jsonEdits(characters: JsonCharacters, { start, end, with: text }: Edit): Edit[] {
  const runs = runsOf(characters, start, end);
  const escaped = JSON.stringify(text).slice(1, -1);
  const inside = runs.filter((run) => run.inString);
  if (inside.length === 0) return [{ start: runs[0]!.start, end: runs.at(-1)!.end, with: `"${escaped}"` }];
  return inside.map((run, n) => ({ start: run.start, end: run.end, with: n === 0 ? escaped : '' }));
}

interface Run {
  readonly start: number;
  end: number;
  readonly inString: boolean;
}

/** Runs of characters in strings and outside of them in turn, by their places in the JSON. */
function runsOf({ places, inString }: JsonCharacters, start: number, end: number): Run[] {
  const runs: Run[] = [];
  for (let at = start; at < end; at++) {
    const last = runs.at(-1);
    if (last && last.inString === inString[at]) last.end = places[at + 1]!;
    else runs.push({ start: places[at]!, end: places[at + 1]!, inString: inString[at]! });
  }
  return runs;
}
