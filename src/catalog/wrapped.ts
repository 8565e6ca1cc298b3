/** A translation whose format is wrapped by its provider: its body is changed, and its stream comes in frames. */
import type { Translation } from '../formats/translation.js';
import { UnframedStream } from '../formats/unframed-stream.js';
import type { PathFacts } from '../provider/provider-type.js';
import type { Wrapping } from '../provider/wrapping.js';

export function wrapped(translation: Translation, wrapping: Wrapping, facts: PathFacts): Translation {
  const { unframe } = wrapping;
  return {
    ...translation,
    body: wrapping.body?.(translation.body, facts) ?? translation.body,
    answer: (body) => translation.answer(body),
    failure: (status, body) => translation.failure(status, body),
    stream: () => (unframe ? new UnframedStream(translation.stream(), unframe()) : translation.stream()),
  };
}
