/** The answer that a stream told, put together from its bytes: also where it broke off, or where only its beginning was kept. */
import type { FormatId } from '../formats/format-id.js';
import { elementSteps } from '../formats/json-elements.js';
import { SseReader } from '../formats/sse.js';
import { isObject, type Json } from '../lib/json.js';
import { JsonReading, type ReadLimits } from '../lib/json-reading.js';
import { Candidates } from './told/candidates.js';
import { Choices } from './told/choices.js';
import { Message } from './told/message.js';
import { Response } from './told/response.js';
import type { Telling } from './told/telling.js';

const tellings: Partial<Readonly<Record<FormatId, new () => Telling>>> = {
  'openai-chat': Choices,
  'openai-completions': Choices,
  'anthropic-messages': Message,
  'openai-responses': Response,
  'google-gemini': Candidates,
};

/** Bytes that are read in one step. */
const STEP_BYTES = 32 * 1024;
const LONGEST_EVENT = 16 * 1024 * 1024;
/** A longer event is read in steps. */
const LONG_CHARS = 32 * 1024;
const LIMITS: ReadLimits = { depth: 256, names: 10_000 };
const OPEN_BRACKET = 0x5b;

/** `array`: it was told as the elements of one JSON array. Undefined: there is nothing to put together. */
export function* putTogether(
  format: FormatId,
  pieces: readonly Buffer[],
  array: boolean,
): Generator<number, Json | undefined> {
  const Made = tellings[format];
  if (!Made) return undefined;
  const telling = new Made();
  for (const data of array ? elementsOf(pieces) : eventsOf(pieces)) {
    if (data === null) {
      yield STEP_BYTES;
      continue;
    }
    const event = data.length > LONG_CHARS ? yield* readInSteps(data) : parsed(data);
    if (isObject(event)) telling.take(event);
  }
  return telling.answer();
}

/** Null where a step is over. */
function* eventsOf(pieces: readonly Buffer[]): Generator<string | null, void> {
  const reader = new SseReader(LONGEST_EVENT);
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += STEP_BYTES) {
      const events: string[] = [];
      reader.feed(piece.subarray(at, at + STEP_BYTES), ({ data }) => {
        if (data !== undefined) events.push(data);
        return true;
      });
      yield* events;
      yield null;
    }
}

/** Whole elements; the last one may have been cut, and is none then. */
function* elementsOf(pieces: readonly Buffer[]): Generator<string | null, void> {
  const bytes = Buffer.concat(pieces);
  if (bytes[0] !== OPEN_BRACKET) return;
  for (const element of elementSteps(bytes, STEP_BYTES)) yield element ? element.toString('utf8') : null;
}

function* readInSteps(data: string): Generator<number, unknown> {
  yield data.length;
  const reading = new JsonReading(Buffer.from(data), LIMITS);
  for (let cost = reading.step(); cost >= 0; cost = reading.step()) yield cost;
  return reading.value;
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
