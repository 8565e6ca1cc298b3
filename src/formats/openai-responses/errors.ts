/** The gateway's own words in the Responses API: errors as in all of OpenAI's formats, and in a stream as its events. */
import { newId, timeOf } from '../../lib/ids.js';
import type { ErrorWriter } from '../format.js';
import { openaiErrors } from '../openai-chat/errors.js';
import { EventWriter, failedEvents } from './events.js';
import { responseObject } from './response-object.js';

export const responsesErrors: ErrorWriter = {
  body: openaiErrors.body,
  /** Where nothing is known of the stream that broke: its reader knows more (`StreamReader.broken`). */
  event(refusal) {
    const id = newId('resp');
    const begun = { id, model: '', createdAtS: Math.floor(timeOf(id) / 1000), output: [] };
    const response = responseObject({}, { ...begun, status: 'failed' });
    return Buffer.from(failedEvents(new EventWriter(), refusal, response));
  },
  keepAlive: openaiErrors.keepAlive,
};
