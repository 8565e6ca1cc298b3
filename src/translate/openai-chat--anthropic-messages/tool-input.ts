/**
 * Arguments of a tool's call as the target's `input`. They are text that a model wrote, so they may be no JSON at all (cut short
 * by a token limit, say). The target takes objects only; the conversation goes on with the text as it is under a name that says
 * what it is. What is an object is printed as it came: numbers in it keep their precision.
 */
import { isObject } from '../../lib/json.js';
import { JsonReading } from '../../lib/json-reading.js';
import { jsonText } from '../../lib/json-text.js';

const DEEPEST = 256;
const MOST_NAMES = 10_000;
/** Looked at as a whole. */
const SHORT_CHARS = 4096;

export function toolInput(args: string): string {
  if (!/\S/.test(args)) return '{}';
  try {
    if (isObject(JSON.parse(args))) return args;
  } catch {
    // told below
  }
  return JSON.stringify({ invalid_arguments: args });
}

/** The same in pieces, of which none takes long to make. */
export function* toolInputPieces(args: string): Generator<string, void> {
  if (args.length <= SHORT_CHARS) return yield toolInput(args);
  const reading = new JsonReading(Buffer.from(args), { depth: DEEPEST, names: MOST_NAMES });
  while (reading.step() >= 0) yield '';
  if (reading.problem === undefined && isObject(reading.value)) yield args;
  else if (args.trim() === '') yield '{}';
  else yield* jsonText({ invalid_arguments: args });
}
