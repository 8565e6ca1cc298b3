/** A call about what is kept for a key: who may make it, and what it is handed. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayComeFrom, mayUseEndpoint } from '../../identity/allow.js';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import { isDatabaseAway } from '../../lib/database-away.js';
import { type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { away } from './continued.js';

export interface StoredCall {
  readonly params: Readonly<Record<string, string>>;
  readonly caller: Caller;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  refuse(refusal: Refusal): FastifyReply;
}

/** Fastify's handler of such a call. `what`: what it is about, as it is told where the store is away. */
export const storedCall =
  (authenticator: Authenticator, handler: (call: StoredCall) => Promise<unknown>, what?: string) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const refuseWith = (refusal: Refusal) => sendError('openai-chat', request, reply, refusal);
    const caller = await authenticator.authenticate(tokenOf(request.headers));
    if (!caller.ok) return refuseWith(caller.refusal);
    const { key } = caller.value;
    if (!mayComeFrom(key, request.ip)) return refuseWith(NOT_FROM_HERE);
    if (!mayUseEndpoint(key, 'chat')) return refuseWith(NOT_THIS_ENDPOINT);
    reply.header('x-request-id', request.id);
    const params = request.params as Record<string, string>;
    const query = request.query as Record<string, string | undefined>;
    try {
      return await handler({ params, caller: caller.value, query, request, reply, refuse: refuseWith });
    } catch (error) {
      if (isDatabaseAway(error)) return refuseWith(away(error, what));
      request.log.error({ err: error }, 'a request about what is kept failed');
      return refuseWith(FAULT);
    }
  };

const NOT_FROM_HERE = refuse(
  'ip_not_allowed',
  'This key may not be used from your address. Ask its owner to allow it.',
);
const NOT_THIS_ENDPOINT = refuse(
  'endpoint_not_allowed',
  'This key may not use the chat endpoint, to which responses belong.',
);

const FAULT = refuse('internal_error', 'The gateway failed. The request id leads to the cause in its log.');

const MOST_ITEMS = 100;
const USUAL_ITEMS = 20;

export interface AskedPage {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly after: string | undefined;
}

/** Which page of items is asked for. */
export function askedPage({ query }: Pick<StoredCall, 'query'>): Result<AskedPage> {
  const limit = query['limit'] === undefined ? USUAL_ITEMS : Number(query['limit']);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ITEMS)
    return refused(refuse('invalid_value', `'limit' must be from 1 to ${MOST_ITEMS}.`, { param: 'limit' }));
  const { order = 'desc', after } = query;
  if (order !== 'asc' && order !== 'desc')
    return refused(refuse('invalid_value', "'order' must be 'asc' or 'desc'.", { param: 'order' }));
  return { ok: true, value: { limit, order, after } };
}

const idOf = (item: Json | undefined): unknown => item?.['id'] ?? null;

/** A page of items, as OpenAI has it. */
export const itemsPage = (data: readonly Json[], more: boolean): Json => ({
  object: 'list',
  data,
  first_id: idOf(data[0]),
  last_id: idOf(data.at(-1)),
  has_more: more,
});
