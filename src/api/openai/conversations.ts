/** Conversations as OpenAI has them: made, described, deleted, and their items. Each is there for the key that made it alone. */
import type { FastifyInstance } from 'fastify';
import { missing, readJsonBody } from '../../formats/json-body.js';
import { itemType } from '../../formats/openai-responses/items.js';
import { problemInItems } from '../../formats/openai-responses/request.js';
import { itemsOf } from '../../formats/openai-responses/response-object.js';
import type { Authenticator } from '../../identity/authenticate.js';
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { ConversationId } from '../../responses/conversation-store.js';
import { type Conversation, type Conversations, MOST_ITEMS, type NoRoom } from '../../responses/conversations.js';
import { readBody } from '../read-body.js';
import { routeOf } from '../route.js';
import { unknownConversation } from './continued.js';
import { askedPage, itemsPage, type StoredCall, storedCall } from './stored-call.js';

export interface ConversationsRoutesDeps {
  readonly conversations: Conversations;
  readonly authenticator: Authenticator;
  readonly bodyLimit: () => number;
}

type Handler = (call: StoredCall, deps: ConversationsRoutesDeps, at: ConversationId) => Promise<unknown>;

export function conversationsRoutes(app: FastifyInstance, deps: ConversationsRoutesDeps): void {
  const handled = (handler: Handler) =>
    storedCall(
      deps.authenticator,
      (call) =>
        deps.conversations.enabled
          ? handler(call, deps, { id: call.params['id'] ?? '', keyId: call.caller.key.id })
          : Promise.resolve(call.refuse(NOT_KEPT)),
      'Conversations',
    );
  app.route({ ...routeOf('createConversation'), handler: handled(create) });
  app.route({ ...routeOf('getConversation'), handler: handled(get) });
  app.route({ ...routeOf('updateConversation'), handler: handled(update) });
  app.route({ ...routeOf('deleteConversation'), handler: handled(remove) });
  app.route({ ...routeOf('createConversationItems'), handler: handled(createItems) });
  app.route({ ...routeOf('listConversationItems'), handler: handled(listItems) });
  app.route({ ...routeOf('getConversationItem'), handler: handled(getItem) });
  app.route({ ...routeOf('deleteConversationItem'), handler: handled(removeItem) });
}

const NOT_KEPT = refuse('unsupported_parameter', 'This gateway keeps no conversations (responses.store).');

const create: Handler = async (call, deps, { keyId }) => {
  const body = await bodyOf(call, deps);
  if (!body.ok) return call.refuse(body.refusal);
  const metadata = metadataIn(body.value);
  if (!metadata.ok) return call.refuse(metadata.refusal);
  const items = itemsIn(body.value, 0);
  if (!items.ok) return call.refuse(items.refusal);
  const made = await deps.conversations.create(keyId, metadata.value, items.value);
  if (made === 'too_many_of_key') return call.refuse(TOO_MANY_CONVERSATIONS);
  return typeof made === 'string' ? call.refuse(noRoom[made]) : told(made);
};

const get: Handler = async (call, { conversations }, at) => {
  const found = await conversations.find(at);
  return found ? told(found) : call.refuse(unknownConversation(at.id));
};

const update: Handler = async (call, deps, at) => {
  const body = await bodyOf(call, deps);
  if (!body.ok) return call.refuse(body.refusal);
  if (body.value['metadata'] === undefined) return call.refuse(missing('metadata'));
  const metadata = metadataIn(body.value);
  if (!metadata.ok) return call.refuse(metadata.refusal);
  const described = await deps.conversations.describe(at, metadata.value);
  return described ? told(described) : call.refuse(unknownConversation(at.id));
};

const remove: Handler = async (call, { conversations }, at) =>
  (await conversations.remove(at))
    ? { id: at.id, object: 'conversation.deleted', deleted: true }
    : call.refuse(unknownConversation(at.id));

const createItems: Handler = async (call, deps, at) => {
  const body = await bodyOf(call, deps);
  if (!body.ok) return call.refuse(body.refusal);
  const items = itemsIn(body.value, 1);
  if (!items.ok) return call.refuse(items.refusal);
  const appended = await deps.conversations.append(at, items.value);
  if (appended === 'unknown') return call.refuse(unknownConversation(at.id));
  return typeof appended === 'string' ? call.refuse(noRoom[appended]) : itemsPage(appended, false);
};

const listItems: Handler = async (call, { conversations }, at) => {
  const asked = askedPage(call);
  if (!asked.ok) return call.refuse(asked.refusal);
  const page = await conversations.page(at, asked.value);
  if (page === 'unknown') return call.refuse(unknownConversation(at.id));
  if (page === 'unknown_after')
    return call.refuse(refuse('invalid_value', "'after' names no item of this conversation.", { param: 'after' }));
  return itemsPage(page.items, page.more);
};

const getItem: Handler = async (call, { conversations }, at) => {
  const item = await conversations.item(at, call.params['item']!);
  return item ?? call.refuse(unknownItem(call.params['item']!, at.id));
};

const removeItem: Handler = async (call, deps, at) => {
  if (!(await deps.conversations.removeItem(at, call.params['item']!)))
    return call.refuse(unknownItem(call.params['item']!, at.id));
  return get(call, deps, at);
};

const told = ({ id, createdAtMs, metadata }: Conversation): Json => ({
  id,
  object: 'conversation',
  created_at: Math.floor(createdAtMs / 1000),
  metadata,
});

/** An empty body says nothing. */
async function bodyOf({ request }: StoredCall, { bodyLimit }: ConversationsRoutesDeps): Promise<Result<Json>> {
  const bytes = await readBody(request.raw, bodyLimit());
  if (!bytes) return refused(refuse('invalid_json', 'The request body ended too early.'));
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return ok({});
  const read = await readJsonBody(bytes.value);
  return read.ok ? ok(read.value.json) : read;
}

const MOST_PAIRS = 16;
const LONGEST_NAME = 64;
const LONGEST_VALUE = 512;

function metadataIn({ metadata }: Json): Result<Json> {
  if (metadata === undefined || metadata === null) return ok({});
  const wrong = (what: string) => refused(refuse('invalid_value', `'metadata' ${what}.`, { param: 'metadata' }));
  if (!isObject(metadata)) return wrong('must be an object');
  const pairs = Object.entries(metadata);
  if (pairs.length > MOST_PAIRS) return wrong(`must have at most ${MOST_PAIRS} pairs`);
  const fits = ([name, value]: [string, unknown]): boolean =>
    name.length <= LONGEST_NAME && typeof value === 'string' && value.length <= LONGEST_VALUE;
  return pairs.every(fits)
    ? ok(metadata)
    : wrong(`must have names of at most ${LONGEST_NAME} characters and texts of at most ${LONGEST_VALUE}`);
}

const MOST_AT_ONCE = 20;

/** Items, each with an id. */
function itemsIn({ items }: Json, least: number): Result<Json[]> {
  const wrong = (what: string) => refused(refuse('invalid_value', `'items' ${what}.`, { param: 'items' }));
  if ((items === undefined || items === null) && least === 0) return ok([]);
  if (!Array.isArray(items) || items.length < least || items.length > MOST_AT_ONCE)
    return wrong(`must be a list of ${least} to ${MOST_AT_ONCE} items`);
  const problem = problemInItems(items, 'items');
  if (problem) return refused(problem);
  const reference = items.findIndex((item) => itemType(item as Json) === 'item_reference');
  if (reference !== -1) return wrong(`refers to another item at ${reference}: send the item itself`);
  return ok(withSaneIds(items as Json[]));
}

const SANE_ID = /^[\w-]{1,128}$/;

/** Items with ids of their own where they have none, or one that cannot stand in an address. */
export const withSaneIds = (items: readonly Json[]): Json[] =>
  itemsOf(
    items.map((item) => (SANE_ID.test(String(item['id'] ?? '')) ? item : { ...item, id: undefined })),
    () => newId('msg'),
  );

const noRoom: Readonly<Record<NoRoom, Refusal>> = {
  too_large: refuse(
    'request_too_large',
    'The conversation would be larger than this gateway keeps (responses.max_size). Begin another one.',
  ),
  too_many: refuse(
    'request_too_large',
    `The conversation would have more than ${MOST_ITEMS} items, the most that this gateway keeps. Begin another one.`,
  ),
};

const TOO_MANY_CONVERSATIONS = refuse(
  'invalid_request',
  'This key has as many conversations as this gateway keeps for one (responses.max_conversations). Delete some, or wait until older ones expire.',
);

const unknownItem = (item: string, id: string): Refusal =>
  refuse('not_found', `There is no item '${item.slice(0, 100)}' in a conversation '${id.slice(0, 100)}' of this key.`);
