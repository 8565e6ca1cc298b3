/** What is kept of responses, as OpenAI has it: asked for, deleted, cancelled, and the items that they were given. */
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '../../identity/authenticate.js';
import { type Refusal, refuse } from '../../lib/errors.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import { HttpResponseWriter } from '../response-writer.js';
import { routeOf } from '../route.js';
import { failed } from './background.js';
import type { ResponsesDeps } from './response-session.js';
import { askedPage, itemsPage, type StoredCall, storedCall } from './stored-call.js';

export interface ResponsesRoutesDeps extends ResponsesDeps {
  readonly authenticator: Authenticator;
}

/** A call about one stored response. */
interface ResponseCall extends StoredCall {
  readonly deps: ResponsesRoutesDeps;
  readonly id: string;
}

type Handler = (call: ResponseCall) => Promise<unknown>;

export function responsesRoutes(app: FastifyInstance, deps: ResponsesRoutesDeps): void {
  const handled = (handler: Handler) =>
    storedCall(deps.authenticator, (call) => handler({ ...call, deps, id: call.params['id']! }));
  app.route({ ...routeOf('getResponse'), handler: handled(getResponse) });
  app.route({ ...routeOf('deleteResponse'), handler: handled(deleteResponse) });
  app.route({ ...routeOf('cancelResponse'), handler: handled(cancelResponse) });
  app.route({ ...routeOf('listInputItems'), handler: handled(listInputItems) });
}

const unknown = (id: string): Refusal => refuse('not_found', `There is no response '${id.slice(0, 100)}' of this key.`);

/** The response as it is now: one that should be over, and that nobody ended, is. */
async function find({ deps, id, caller }: ResponseCall): Promise<StoredResponse | undefined> {
  const { stored, runs, clock } = deps;
  const run = runs.of(id, caller.key.id);
  if (run) return run.row;
  const found = await stored.find(id, caller.key.id);
  if (!found || found.runningUntilMs === null || found.runningUntilMs > clock.now()) return found;
  const response = failed(found.response, 'The gateway that ran it ended before it was complete.');
  return { ...found, status: 'failed', response };
}

async function getResponse(call: ResponseCall): Promise<unknown> {
  const found = await find(call);
  if (!found) return call.refuse(unknown(call.id));
  return call.query['stream'] === 'true' ? follow(call, found) : found.response;
}

async function deleteResponse(call: ResponseCall): Promise<unknown> {
  const { deps, id, caller } = call;
  const run = deps.runs.of(id, caller.key.id);
  run?.cancel();
  // What is still being written would bring it back.
  if (run) await deps.runs.finished(id);
  if (!(await deps.stored.remove(id, caller.key.id))) return call.refuse(unknown(id));
  return { id, object: 'response', deleted: true };
}

async function cancelResponse(call: ResponseCall): Promise<unknown> {
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
    // It had come to its end before, and is about to be told.
    if (run.row.runningUntilMs !== null) await deps.runs.finished(id);
    return run.row.response;
  }
  await deps.stored.cancel(id, caller.key.id);
  const response = { ...found.response, status: 'cancelled' };
  await deps.stored.write({ ...found, status: 'cancelled', response, runningUntilMs: null });
  return response;
}

async function listInputItems(call: ResponseCall): Promise<unknown> {
  const found = await find(call);
  if (!found) return call.refuse(unknown(call.id));
  const asked = askedPage(call);
  if (!asked.ok) return call.refuse(asked.refusal);
  const { order, after, limit } = asked.value;
  const items = order === 'asc' ? found.input : [...found.input].reverse();
  const at = after === undefined ? -1 : items.findIndex((item) => item['id'] === after);
  if (after !== undefined && at === -1)
    return call.refuse(refuse('invalid_value', "'after' names no item of this response.", { param: 'after' }));
  return itemsPage(items.slice(at + 1, at + 1 + limit), at + 1 + limit < items.length);
}

/** The events of a response that is, or was, streamed in the background, after a number and as they come. */
function follow(call: ResponseCall, found: StoredResponse): unknown {
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
