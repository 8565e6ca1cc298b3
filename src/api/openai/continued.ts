/**
 * A request of the Responses API with all that it refers to put in: the conversation of the response that it goes on from, and
 * items that it names by their ids. Only what the same key was answered is found.
 */
import { missing } from '../../formats/json-body.js';
import { conversationId, inputItems, itemType } from '../../formats/openai-responses/items.js';
import type { ResponsesRequest } from '../../formats/openai-responses/request.js';
import { itemsOf } from '../../formats/openai-responses/response-object.js';
import { asSentAgain, unstored, withInput } from '../../formats/openai-responses/with-input.js';
import { isDatabaseAway } from '../../lib/database-away.js';
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import { messageOf } from '../../lib/thrown.js';
import type { ConversationId } from '../../responses/conversation-store.js';
import type { Conversations } from '../../responses/conversations.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import { outputOf, type StoredResponses } from '../../responses/stored-responses.js';

export interface Continued {
  readonly request: ResponsesRequest;
  /** All items before its own input. */
  readonly before: readonly Json[];
  /** Its own input, with ids. */
  readonly input: readonly Json[];
  /** The conversation that the request and its answer become part of. */
  readonly conversation?: ConversationId | undefined;
}

export interface KeptState {
  readonly stored: StoredResponses;
  readonly conversations: Conversations;
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
  state: KeptState,
): Promise<Result<Continued>> {
  const { json } = request;
  if (!state.stored.enabled) return withoutStore(request);
  if (json['background'] === true && !request.stores)
    return refused(refuse('invalid_value', "'background' needs 'store' to be true.", { param: 'background' }));
  const id = conversationId(json);
  if (id !== undefined && typeof json['previous_response_id'] === 'string')
    return invalid('conversation', "says what 'previous_response_id' says: send one of them");
  try {
    return await resolved(request, keyId, state, id === undefined ? undefined : { id, keyId });
  } catch (error) {
    return refused(away(error, id === undefined ? undefined : 'Conversations'));
  }
}

const isRunning = ({ status }: StoredResponse): boolean => status === 'queued' || status === 'in_progress';

async function resolved(
  request: ResponsesRequest,
  keyId: string,
  { stored, conversations }: KeptState,
  conversation: ConversationId | undefined,
): Promise<Result<Continued>> {
  const { json } = request;
  const told = conversation ? await conversations.all(conversation) : undefined;
  if (conversation && !told) return refused(unknownConversation(conversation.id));
  const before = told ? ok(told) : await toldBefore(json, keyId, stored);
  if (!before.ok) return before;
  const isThere = new Set(told?.map((item) => item['id']));
  const references = referencesIn(json).filter((id) => !isThere.has(id));
  const known = references.length > 0 ? await stored.items(references, keyId) : new Map<string, Json>();
  const unknown = references.find((id) => !known.has(id));
  if (unknown !== undefined)
    return invalid('input', `refers to the item '${unknown.slice(0, 100)}', which is not kept here`);
  /** What a reference stands for; one to what the conversation has adds nothing to it. */
  const itself = (item: Json): Json[] => {
    if (itemType(item) !== 'item_reference') return [item];
    return isThere.has(item['id']) ? [] : [known.get(item['id'] as string)!];
  };
  const input = ownInput(json).flatMap(itself);
  const own = { before: before.value, input, conversation };
  if (before.value.length === 0 && input.length === 0 && !isObject(json['prompt'])) return refused(missing('input'));
  if (before.value.length === 0 && references.length === 0) return ok({ request, ...own });
  const sent = inputItems(json['input']).flatMap((item) =>
    itemType(item) === 'item_reference' ? itself(item).map(asSentAgain) : [item],
  );
  const items = [...before.value.map(asSentAgain), ...sent].filter((item) => item !== undefined);
  const expanded = await withInput(request, items);
  return expanded.ok ? ok({ request: expanded.value, ...own }) : expanded;
}

/** What was said up to the response that a request goes on from. */
async function toldBefore(json: Json, keyId: string, stored: StoredResponses): Promise<Result<readonly Json[]>> {
  const previous = json['previous_response_id'];
  if (typeof previous !== 'string') return ok([]);
  const from = await stored.find(previous, keyId);
  if (!from) return refused(unknownPrevious(previous));
  if (isRunning(from)) return invalid('previous_response_id', `names the response '${from.id}', which is not finished`);
  return ok([...from.before, ...from.input, ...outputOf(from.response)]);
}

const ownInput = ({ input }: Json): Json[] => itemsOf(input, () => newId('msg'));

const referencesIn = ({ input }: Json): string[] =>
  typeof input === 'string'
    ? []
    : inputItems(input).flatMap((item) =>
        itemType(item) === 'item_reference' && typeof item['id'] === 'string' ? [item['id']] : [],
      );

function withoutStore(request: ResponsesRequest): Result<Continued> {
  for (const name of ['previous_response_id', 'conversation', 'background'])
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

export const unknownConversation = (id: string) =>
  refuse('not_found', `There is no conversation '${id.slice(0, 100)}' of this key.`, { param: 'conversation' });

/** The store does not answer: what depends on it cannot be served. What is a fault of our own is thrown again. */
export function away(error: unknown, what = 'Stored responses'): Refusal {
  if (!isDatabaseAway(error)) throw error;
  return refuse('unavailable', `${what} cannot be reached at the moment. Try again.`, {
    headers: { 'retry-after': '1' },
    cause: messageOf(error),
  });
}
