/** How responses are kept, as written. */
import { z } from 'zod';
import * as s from './scalars.js';

const MOST_RESPONSE = 2 ** 30;
const MOST_CONVERSATIONS = 1_000_000;

export const responsesSection = z
  .strictObject({
    store: z
      .boolean()
      .default(true)
      .describe(
        'Keep responses of the Responses API, as `store` of a request asks for by default. false: none is kept.',
      ),
    retention: s
      .longDuration(3_600_000)
      .prefault('30d')
      .describe('How long they are kept; conversations: from their last turn on.'),
    max_size: s
      .size(MOST_RESPONSE)
      .prefault('16mb')
      .describe(
        'Largest response, with all that was said before it, and largest conversation. What is larger is not kept.',
      ),
    max_conversations: z
      .int()
      .min(1)
      .max(MOST_CONVERSATIONS)
      .default(10_000)
      .describe('Most conversations that a key has at once. Default 10000.'),
  })
  .prefault({})
  .describe('Stored responses: encrypted in the database, each for its key alone.');
