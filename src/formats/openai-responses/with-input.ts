/** A request with another input: the rest of its bytes stays as it is. */
import type { Result } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { splice } from '../json-fields.js';
import { itemType } from './items.js';
import { type ResponsesRequest, readResponsesRequest } from './request.js';

export async function withInput(
  { body, fields }: ResponsesRequest,
  items: readonly Json[],
): Promise<Result<ResponsesRequest>> {
  const input = JSON.stringify(items);
  const field = fields.fields.find(({ name }) => name === 'input');
  const edit = field
    ? { start: field.valueStart, end: field.valueEnd, with: input }
    : { start: fields.end, end: fields.end, with: `,"input":${input}` };
  return readResponsesRequest(splice(body, [edit]));
}

/** A request that asks for nothing to be kept. */
export const unstored = (request: ResponsesRequest): ResponsesRequest => ({
  ...request,
  json: { ...request.json, store: false },
  stores: false,
});

/**
 * An item that was told earlier, as it is sent again. Targets keep nothing, so they know none of its ids; what a model thought is
 * of use only where it comes along encrypted.
 */
export function asSentAgain(item: Json): Json | undefined {
  const { id: _id, status: _status, ...rest } = item;
  if (itemType(item) !== 'reasoning') return rest;
  const { encrypted_content: blob } = rest;
  return typeof blob === 'string' && blob !== '' ? rest : undefined;
}
