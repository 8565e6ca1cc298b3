/** A request that nobody waits for any more. */
import { type Refusal, refuse } from '../lib/errors.js';
import type { ResponseWriter } from './response-writer.js';

const interrupted: Refusal = refuse(
  'interrupted',
  'The gateway was stopped before the answer was complete. Try again.',
  { headers: { 'retry-after': '1' } },
);

const left: Refusal = refuse('client_closed_request', 'The caller left.');

/** Why nobody waits for the answer any more. */
export const givenUp = (writer: Pick<ResponseWriter, 'interrupted'>): Refusal =>
  writer.interrupted ? interrupted : left;
