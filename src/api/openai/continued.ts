/**
 * A request of the Responses API with all that it refers to put in: the conversation of the response that it goes on from, and
 * items that it names by their ids. Only what the same key was answered is found.
 */
import { inputItems, itemType } from '../../formats/openai-responses/items.js';
import type { ResponsesRequest } from '../../formats/openai-responses/request.js';
import { itemsOf } from '../../formats/openai-responses/response-object.js';
import { asSentAgain, unstored, withInput } from '../../formats/openai-responses/with-input.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import type { Json } from '../../lib/json.js';
import { messageOf } from '../../lib/thrown.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import { outputOf, type StoredResponses } from '../../responses/stored-responses.js';

export interface Continued {
  readonly request: ResponsesRequest;
  /** All items before its own input. */
  readonly before: readonly Json[];
  /** Its own input, with ids. */
  readonly input: readonly Json[];
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** What of a request the gateway sees to: only such a request needs to look anything up, or is kept. */
export const asksForState = ({ json, stores }: ResponsesRequest): boolean =>
  stores ||
  json['background'] === true ||
  isPresent(json['previous_response_id']) ||
  isPresent(json['conversation']) ||
  referencesIn(json).length > 0;

export async function continued(
  request: ResponsesRequest,
  keyId: string,
  stored: StoredResponses,
): Promise<Result<Continued>> {
  const { json } = request;
  if (isPresent(json['conversation']))
    return unsupported('conversation', 'is not served: send `previous_response_id`, or the items themselves');
  if (!stored.enabled) return withoutStore(request);
  if (json['background'] === true && !request.stores)
    return refused(refuse('invalid_value', "'background' needs 'store' to be true.", { param: 'background' }));
  const previous = json['previous_response_id'];
  const references = referencesIn(json);
  if (typeof previous !== 'string' && references.length === 0)
    return ok({ request, before: [], input: ownInput(json) });
  try {
    const from = typeof previous === 'string' ? await stored.find(previous, keyId) : undefined;
    if (typeof previous === 'string' && !from) return refused(unknownPrevious(previous));
    if (from && isRunning(from))
      return invalid('previous_response_id', `names the response '${from.id}', which is not finished`);
    return await resolved(request, from, references, keyId, stored);
  } catch (error) {
    return refused(away(error));
  }
}

const isRunning = ({ status }: StoredResponse): boolean => status === 'queued' || status === 'in_progress';

async function resolved(
  request: ResponsesRequest,
  from: StoredResponse | undefined,
  references: readonly string[],
  keyId: string,
  stored: StoredResponses,
): Promise<Result<Continued>> {
  const known = references.length > 0 ? await stored.items(references, keyId) : new Map<string, Json>();
  const missing = references.find((id) => !known.has(id));
  if (missing !== undefined)
    return invalid('input', `refers to the item '${missing.slice(0, 100)}', which is not kept here`);
  const input = ownInput(request.json).map((item) =>
    itemType(item) === 'item_reference' ? known.get(item['id'] as string)! : item,
  );
  const before = from ? [...from.before, ...from.input, ...outputOf(from.response)] : [];
  const sent = inputItems(request.json['input']).map((item) =>
    itemType(item) === 'item_reference' ? asSentAgain(known.get(item['id'] as string)!) : item,
  );
  const items = [...before.map(asSentAgain), ...sent].filter((item) => item !== undefined);
  const expanded = await withInput(request, items);
  return expanded.ok ? ok({ request: expanded.value, before, input }) : expanded;
}

const ownInput = ({ input }: Json): Json[] => itemsOf(input, () => newId('msg'));

const referencesIn = ({ input }: Json): string[] =>
  typeof input === 'string'
    ? []
    : inputItems(input).flatMap((item) =>
        itemType(item) === 'item_reference' && typeof item['id'] === 'string' ? [item['id']] : [],
      );

function withoutStore(request: ResponsesRequest): Result<Continued> {
  for (const name of ['previous_response_id', 'background'])
    if (isPresent(request.json[name]) && request.json[name] !== false)
      return unsupported(name, 'needs stored responses, which this gateway does not keep (responses.store)');
  if (referencesIn(request.json).length > 0)
    return unsupported('input', 'refers to items, which this gateway does not keep (responses.store): send them');
  return ok({ request: unstored(request), before: [], input: [] });
}

const unsupported = (param: string, why: string): Result<never> =>
  refused(refuse('unsupported_parameter', `'${param}' ${why}.`, { param }));
const invalid = (param: string, why: string): Result<never> =>
  refused(refuse('invalid_value', `'${param}' ${why}.`, { param }));

const unknownPrevious = (id: string) =>
  refuse('previous_response_not_found', `There is no response '${id.slice(0, 100)}' that this key may go on from.`, {
    param: 'previous_response_id',
  });

/** The store does not answer: what depends on it cannot be served. */
export const away = (error: unknown) =>
  refuse('unavailable', 'Stored responses cannot be read at the moment. Try again.', {
    headers: { 'retry-after': '1' },
    cause: messageOf(error),
  });
