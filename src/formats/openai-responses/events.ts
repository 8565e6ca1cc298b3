/**
 * Events of a streamed response, numbered from 0 without gaps, in the order that clients hold them to: the response is created,
 * then each item is added, filled part by part and done, then the response ends.
 */
import { errorTable, type Refusal } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';

/** The next number; events are text. */
export class EventWriter {
  #next: number;

  constructor(next = 0) {
    this.#next = next;
  }

  event(type: string, fields: Json): string {
    const data = JSON.stringify({ type, sequence_number: this.#next++, ...fields });
    return `event: ${type}\ndata: ${data}\n\n`;
  }
}

/** Codes on which clients act, where the gateway's own differ. */
const codes: Readonly<Partial<Record<Refusal['code'], string>>> = {
  budget_exceeded: 'insufficient_quota',
  overloaded: 'server_is_overloaded',
  no_target_available: 'server_is_overloaded',
  content_policy_violation: 'invalid_prompt',
};

export const failureCode = ({ code, upstream }: Refusal): string => {
  const told = upstream?.code;
  if (typeof told === 'string' && told !== '') return told;
  return codes[code] ?? (errorTable[code].status >= 500 ? 'server_error' : code);
};

/** The in-band error, flat and nested: some clients read the one, some the other. Then the response as it failed. */
export function failedEvents(writer: EventWriter, refusal: Refusal, response: Json): string {
  const { message, param = null, upstream } = refusal;
  const code = failureCode(refusal);
  const type = upstream?.type ?? errorTable[refusal.code].type;
  return (
    writer.event('error', { code, message, param, error: { type, code, message, param } }) +
    writer.event('response.failed', { response: { ...response, status: 'failed', error: { code, message } } })
  );
}
