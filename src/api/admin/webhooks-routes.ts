/** `/admin/v1/webhooks`: endpoints, and `/admin/v1/webhooks/deliveries`: what was sent to them, or is to be. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ok, type Result, refuse } from '../../lib/errors.js';
import type { Query } from '../../lib/query.js';
import type { DeliveryFilter } from '../../webhooks/deliveries-pg.js';
import type { Attempt, Delivery, Endpoint } from '../../webhooks/endpoint.js';
import type { Endpoints, WithSecret } from '../../webhooks/endpoints.js';
import type { Webhooks } from '../../webhooks/webhooks.js';
import type { AdminApp } from './admin-api.js';
import { listOf, showPage } from './answers.js';
import { sendRefusal } from './errors.js';
import { type Answer, type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, pageOf } from './schemas.js';
import * as s from './webhook-schemas.js';

type Changes = Pick<Webhooks, 'test' | 'redeliver' | 'urlProblem' | 'wake'>;

export interface Hooking {
  readonly webhooks: Changes & {
    readonly endpoints: Pick<Endpoints, 'create' | 'patch' | 'remove' | 'rotate'>;
    readonly read: {
      endpoint(id: string): Promise<Endpoint | null>;
      endpoints(limit: number, after: string | null): Promise<readonly Endpoint[]>;
      deliveries(filter: DeliveryFilter, limit: number, after: string | null): Promise<readonly Delivery[]>;
      delivery(id: string): Promise<{ delivery: Delivery; attempts: readonly Attempt[]; body: string } | null>;
    };
  };
}

const DAY_MS = 86_400_000;

const shown = (status: number) => (result: Result<WithSecret>) =>
  result.ok ? ok({ status, body: { secret: result.value.secret, ...s.showWebhook(result.value.endpoint) } }) : result;
const plain = (result: Result<Endpoint>) =>
  result.ok ? ok({ status: 200, body: s.showWebhook(result.value) }) : result;
const accepted = (result: Result<Delivery>) =>
  result.ok ? ok({ status: 202, body: s.showDelivery(result.value) }) : result;

export function webhooksRoutes(app: AdminApp, deps: Hooking & Writing): void {
  const { webhooks } = deps;
  const { read } = webhooks;

  /** Does it with an audit line, and delivers what it led to. */
  const change: Change = async (request, reply, action, detail, work) => {
    await write(deps, request, reply, async ({ tx }) => {
      const done = await work(tx.query);
      if (!done.ok) return done;
      const { id, endpoint } = done.value.body as { id: string; endpoint?: string };
      const what = endpoint === undefined ? { subject: id, detail } : { subject: endpoint, detail: { delivery: id } };
      await tx.audit({ at: deps.clock.now(), actor: request.adminActor, action, ...what });
      return done;
    });
    webhooks.wake();
  };

  route(app, 'createWebhook', {
    schema: { body: s.newWebhook, response: { 201: s.shownWebhookAnswer } },
    handler: async (request, reply) => {
      const { secret, ...detail } = request.body;
      const wrong = await webhooks.urlProblem(detail.url);
      if (wrong) return await sendRefusal(reply, refuse('invalid_value', `url: ${wrong}`, { param: 'url' }));
      await change(request, reply, 'webhook.create', detail, async (query) => {
        const created = await webhooks.endpoints.create(query, request.body);
        if (created.ok) reply.header('location', `/admin/v1/webhooks/${created.value.endpoint.id}`);
        return shown(201)(created);
      });
    },
  });

  route(app, 'listWebhooks', {
    schema: { querystring: s.webhookQuery, response: { 200: listOf(s.webhookAnswer) } },
    handler: async ({ query, principal: { role } }) => {
      const { limit, after } = pageOf(query);
      return showPage(await read.endpoints(limit + 1, after), limit, (one) => s.showWebhookTo(role, one));
    },
  });

  route(app, 'getWebhook', {
    schema: { params: byId, response: { 200: s.webhookAnswer } },
    handler: async ({ params: { id }, principal: { role } }, reply) => {
      const endpoint = await read.endpoint(id);
      return endpoint ? s.showWebhookTo(role, endpoint) : sendRefusal(reply, noEndpoint(id));
    },
  });

  route(app, 'updateWebhook', {
    schema: { params: byId, body: s.webhookPatch, response: { 200: s.webhookAnswer } },
    handler: async (request, reply) => {
      const { body, params } = request;
      const wrong = body.url === undefined ? null : await webhooks.urlProblem(body.url);
      if (wrong) return await sendRefusal(reply, refuse('invalid_value', `url: ${wrong}`, { param: 'url' }));
      await change(request, reply, 'webhook.update', given(body), async (query) =>
        plain(await webhooks.endpoints.patch(query, params.id, body)),
      );
    },
  });

  route(app, 'deleteWebhook', {
    schema: { params: byId, response: { 200: s.webhookAnswer } },
    handler: (request, reply) =>
      change(request, reply, 'webhook.delete', {}, async (query) =>
        plain(await webhooks.endpoints.remove(query, request.params.id)),
      ),
  });

  route(app, 'rotateWebhook', {
    schema: { params: byId, body: s.webhookRotation, response: { 200: s.shownWebhookAnswer } },
    handler: (request, reply) => {
      const { overlap = DAY_MS, secret } = request.body ?? {};
      return change(request, reply, 'webhook.rotate', { overlap_ms: overlap }, async (query) =>
        shown(200)(await webhooks.endpoints.rotate(query, request.params.id, overlap, secret)),
      );
    },
  });

  route(app, 'testWebhook', {
    schema: { params: byId, response: { 202: s.deliveryAnswer } },
    handler: (request, reply) =>
      change(request, reply, 'webhook.test', {}, async (query) =>
        accepted(await webhooks.test(query, request.params.id)),
      ),
  });

  deliveriesRoutes(app, deps, change);
}

type Change = (
  request: FastifyRequest,
  reply: FastifyReply,
  action: string,
  detail: Readonly<Record<string, unknown>>,
  work: (query: Query) => Promise<Result<Answer>>,
) => Promise<void>;

function deliveriesRoutes(app: AdminApp, { webhooks }: Hooking, change: Change): void {
  const { read } = webhooks;
  const list = async ({
    limit: asked,
    cursor,
    message,
    ...filter
  }: {
    limit?: number | undefined;
    cursor?: string | undefined;
    message?: string | undefined;
    state?: Delivery['state'] | undefined;
    type?: string | undefined;
    endpoint?: string | undefined;
  }) => {
    const { limit, after } = pageOf({ limit: asked, cursor });
    return showPage(await read.deliveries({ ...filter, message_id: message }, limit + 1, after), limit, s.showDelivery);
  };

  route(app, 'listDeliveries', {
    schema: { querystring: s.deliveriesQuery, response: { 200: listOf(s.deliveryAnswer) } },
    handler: ({ query }) => list(query),
  });
  route(app, 'listWebhookDeliveries', {
    schema: { params: byId, querystring: s.endpointDeliveriesQuery, response: { 200: listOf(s.deliveryAnswer) } },
    handler: async ({ params: { id }, query }, reply) =>
      (await read.endpoint(id)) ? list({ ...query, endpoint: id }) : sendRefusal(reply, noEndpoint(id)),
  });

  const show = async (id: string, endpoint: string | undefined, reply: FastifyReply) => {
    const found = await read.delivery(id);
    if (!found || (endpoint !== undefined && found.delivery.endpoint !== endpoint)) {
      return sendRefusal(reply, refuse('not_found', `There is no delivery with the id dlv_${id}.`));
    }
    return s.showFullDelivery(found.delivery, found.attempts, found.body);
  };
  route(app, 'getDelivery', {
    schema: { params: s.byDelivery, response: { 200: s.fullDeliveryAnswer } },
    handler: ({ params }, reply) => show(params.delivery, undefined, reply),
  });
  route(app, 'getWebhookDelivery', {
    schema: { params: s.byIdAndDelivery, response: { 200: s.fullDeliveryAnswer } },
    handler: ({ params }, reply) => show(params.delivery, params.id, reply),
  });

  route(app, 'redeliver', {
    schema: { params: s.byDelivery, response: { 202: s.deliveryAnswer } },
    handler: (request, reply) =>
      change(request, reply, 'webhook.redeliver', {}, async (query) =>
        accepted(await webhooks.redeliver(query, request.params.delivery)),
      ),
  });
  route(app, 'redeliverToWebhook', {
    schema: { params: s.byIdAndDelivery, response: { 202: s.deliveryAnswer } },
    handler: (request, reply) =>
      change(request, reply, 'webhook.redeliver', {}, async (query) =>
        accepted(await webhooks.redeliver(query, request.params.delivery, request.params.id)),
      ),
  });
}

const given = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const noEndpoint = (id: string) => refuse('not_found', `There is no webhook endpoint with the id ${id}.`);
