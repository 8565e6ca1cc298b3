/** How a stream that had begun is ended where the gateway has to refuse the rest of it. */
import type { Refusal } from '../lib/errors.js';
import type { Carried } from './carried.js';
import type { Received } from './stages.js';

type Answerable = Pick<Received, 'call'>;

/** The in-band error that ends a stream: as its reader tells it, where that depends on what was streamed. */
export function breaking({ call }: Answerable, refusal: Refusal, carried: Carried | undefined): Buffer {
  const reading = carried && 'reading' in carried ? carried.reading : undefined;
  return reading?.broken?.(refusal) ?? call.format.errors.event(refusal, call.requestId);
}
