/** What is kept of responses, as OpenAI has it: asked for, deleted, cancelled, and the items that they were given. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mayComeFrom, mayUseEndpoint } from '../../identity/allow.js';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import { type Refusal, refuse } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import { requestIdOf, tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { HttpResponseWriter } from '../response-writer.js';
import { routeOf } from '../route.js';
import { failed } from './background.js';
import { away } from './continued.js';
import type { ResponsesDeps } from './response-session.js';

export interface ResponsesRoutesDeps extends ResponsesDeps {
  readonly authenticator: Authenticator;
}

type Handler = (call: StoredCall) => Promise<unknown>;

/** A call about one stored response. */
interface StoredCall {
  readonly deps: ResponsesRoutesDeps;
  readonly id: string;
  readonly caller: Caller;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly reply: FastifyReply;
  refuse(refusal: Refusal): FastifyReply;
}

export function responsesRoutes(app: FastifyInstance, deps: ResponsesRoutesDeps): void {
  const handled = (handler: Handler) => (request: FastifyRequest, reply: FastifyReply) =>
    handle(deps, handler, request, reply);
  app.route({ ...routeOf('getResponse'), handler: handled(getResponse) });
  app.route({ ...routeOf('deleteResponse'), handler: handled(deleteResponse) });
  app.route({ ...routeOf('cancelResponse'), handler: handled(cancelResponse) });
  app.route({ ...routeOf('listInputItems'), handler: handled(listInputItems) });
}

async function handle(deps: ResponsesRoutesDeps, handler: Handler, request: FastifyRequest, reply: FastifyReply) {
  const refuseWith = (refusal: Refusal) => sendError('openai-chat', request, reply, refusal);
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return refuseWith(caller.refusal);
  const { key } = caller.value;
  if (!mayComeFrom(key, request.ip)) return refuseWith(NOT_FROM_HERE);
  if (!mayUseEndpoint(key, 'chat')) return refuseWith(NOT_THIS_ENDPOINT);
  reply.header('x-request-id', requestIdOf(request.headers));
  const { id } = request.params as { id: string };
  const query = request.query as Record<string, string | undefined>;
  try {
    return await handler({ deps, id, caller: caller.value, query, reply, refuse: refuseWith });
  } catch (error) {
    return refuseWith(away(error));
  }
}

const NOT_FROM_HERE = refuse(
  'ip_not_allowed',
  'This key may not be used from your address. Ask its owner to allow it.',
);
const NOT_THIS_ENDPOINT = refuse(
  'endpoint_not_allowed',
  'This key may not use the chat endpoint, to which responses belong.',
);

const unknown = (id: string): Refusal => refuse('not_found', `There is no response '${id.slice(0, 100)}' of this key.`);

/** The response as it is now: one that should be over, and that nobody ended, is. */
async function find({ deps, id, caller }: StoredCall): Promise<StoredResponse | undefined> {
  const { stored, runs, clock } = deps;
  const run = runs.of(id, caller.key.id);
  if (run) return run.row;
  const found = await stored.find(id, caller.key.id);
  if (!found || found.runningUntilMs === null || found.runningUntilMs > clock.now()) return found;
  const response = failed(found.response, 'The gateway that ran it ended before it was complete.');
  return { ...found, status: 'failed', response };
}

async function getResponse(call: StoredCall): Promise<unknown> {
  const found = await find(call);
  if (!found) return call.refuse(unknown(call.id));
  return call.query['stream'] === 'true' ? follow(call, found) : found.response;
}

async function deleteResponse(call: StoredCall): Promise<unknown> {
  const { deps, id, caller } = call;
  deps.runs.of(id, caller.key.id)?.cancel();
  if (!(await deps.stored.remove(id, caller.key.id))) return call.refuse(unknown(id));
  return { id, object: 'response', deleted: true };
}

async function cancelResponse(call: StoredCall): Promise<unknown> {
  const { deps, id, caller } = call;
  const found = await find(call);
  if (!found) return call.refuse(unknown(id));
  if (!found.background)
    return call.refuse(
      refuse('invalid_value', 'Only a response that was asked for with `background: true` can be cancelled.'),
    );
  if (found.status !== 'queued' && found.status !== 'in_progress') return found.response;
  const run = deps.runs.of(id, caller.key.id);
  if (run) {
    run.cancel();
    return run.row.response;
  }
  await deps.stored.cancel(id, caller.key.id);
  const response = { ...found.response, status: 'cancelled' };
  await deps.stored.write({ ...found, status: 'cancelled', response, runningUntilMs: null });
  return response;
}

const MOST_ITEMS = 100;
const USUAL_ITEMS = 20;

async function listInputItems(call: StoredCall): Promise<unknown> {
  const { query, id } = call;
  const found = await find(call);
  if (!found) return call.refuse(unknown(id));
  const limit = query['limit'] === undefined ? USUAL_ITEMS : Number(query['limit']);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ITEMS)
    return call.refuse(refuse('invalid_value', `'limit' must be from 1 to ${MOST_ITEMS}.`, { param: 'limit' }));
  const { order = 'desc', after } = query;
  if (order !== 'asc' && order !== 'desc')
    return call.refuse(refuse('invalid_value', "'order' must be 'asc' or 'desc'.", { param: 'order' }));
  const items = order === 'asc' ? found.input : [...found.input].reverse();
  const at = after === undefined ? -1 : items.findIndex((item) => item['id'] === after);
  if (after !== undefined && at === -1)
    return call.refuse(refuse('invalid_value', "'after' names no item of this response.", { param: 'after' }));
  const data = items.slice(at + 1, at + 1 + limit);
  const idOf = (item: Json | undefined): unknown => item?.['id'] ?? null;
  return {
    object: 'list',
    data,
    first_id: idOf(data[0]),
    last_id: idOf(data.at(-1)),
    has_more: at + 1 + limit < items.length,
  };
}

/** The events of a response that is, or was, streamed in the background, after a number and as they come. */
function follow(call: StoredCall, found: StoredResponse): unknown {
  const { deps, id, caller, query, reply } = call;
  const run = deps.runs.of(id, caller.key.id);
  const events = run ? (run.streams ? run.events : undefined) : found.events;
  if (!events)
    return call.refuse(
      refuse(
        'invalid_value',
        'Only a response that was asked for with `background` and `stream`, and that runs here or is over, can be streamed.',
        {
          param: 'stream',
        },
      ),
    );
  const after = Number(query['starting_after'] ?? -1);
  if (!Number.isInteger(after))
    return call.refuse(refuse('invalid_value', "'starting_after' must be a number.", { param: 'starting_after' }));
  const requestId = String(reply.getHeader('x-request-id'));
  const writer = new HttpResponseWriter(reply.hijack().raw);
  writer.head(200, [
    'x-request-id',
    requestId,
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache',
  ]);
  if (run) run.follow(after, writer);
  else {
    for (const event of events.slice(after + 1)) writer.write(Buffer.from(event));
    writer.end();
  }
  return undefined;
}
