/** The answer that a stream told, put together from its bytes: also where it broke off, or where only its beginning was kept. */
import type { FormatId } from '../formats/format-id.js';
import { jsonElements } from '../formats/json-elements.js';
import { SseReader } from '../formats/sse.js';
import { isObject, type Json } from '../lib/json.js';
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
  const take = (data: string | undefined): void => {
    const event = data === undefined ? undefined : parsed(data);
    if (isObject(event)) telling.take(event);
  };
  if (array) {
    for (const element of elementsOf(pieces)) {
      take(element.toString('utf8'));
      yield element.length;
    }
    return telling.answer();
  }
  const reader = new SseReader(LONGEST_EVENT);
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += STEP_BYTES) {
      const step = piece.subarray(at, at + STEP_BYTES);
      reader.feed(step, ({ data }) => {
        take(data);
        return true;
      });
      yield step.length;
    }
  return telling.answer();
}

/** Whole elements; the last one may have been cut, and is none then. */
function elementsOf(pieces: readonly Buffer[]): readonly Buffer[] {
  const bytes = Buffer.concat(pieces);
  return bytes[0] === OPEN_BRACKET ? jsonElements(bytes) : [];
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
