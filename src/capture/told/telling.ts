/** Puts an answer together from the events of its stream, as far as they came. */
import type { Json } from '../../lib/json.js';

export interface Telling {
  take(event: Json): void;
  /** Undefined: nothing was told. */
  answer(): Json | undefined;
}
