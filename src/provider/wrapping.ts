/**
 * A format with something around it: clouds that serve another maker's models take its bodies with a field more or less, and
 * send its streams in frames of their own.
 */
import type { Unframer } from '../formats/unframed-stream.js';
import type { PathFacts } from './provider-type.js';

export interface Wrapping {
  /** The body as this provider takes it, from the one that the format has. */
  body?(body: Buffer, facts: PathFacts): Buffer;
  /** Takes the events of one stream out of their frames. */
  unframe?(): Unframer;
}
