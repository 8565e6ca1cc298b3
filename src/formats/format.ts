/** What clients call: a wire format, and what the gateway itself says in it. */
import type { Refusal } from '../lib/errors.js';

/** How a format says what the gateway itself has to say. */
export interface ErrorWriter {
  body(refusal: Refusal, requestId: string): Buffer;
  /** The in-band error that ends a broken stream. */
  event(refusal: Refusal, requestId: string): Buffer;
  /** A comment that keeps a silent stream's connection alive. */
  readonly keepAlive: Buffer;
}
