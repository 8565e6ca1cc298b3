/** Webhook endpoints and deliveries in the words of the admin API. No secret is among what is shown. */

import { z } from 'zod';
import type { Role } from '../../identity/roles.js';
import { eventPattern, eventTypes, isSigningSecret, SIGNING_SECRET } from '../../lib/webhook-spec.js';
import type { Attempt, Delivery, Endpoint } from '../../webhooks/endpoint.js';
import { byId, duration, pagedBy, text } from './schemas.js';

const url = z.string().min(1).max(2_000);
const events = z
  .array(eventPattern)
  .min(1, 'an endpoint needs an event')
  .max(50)
  .transform((list) => [...new Set(list)]);
const description = z.union([z.literal(''), text(500)]);
const secret = z.string().refine(isSigningSecret, SIGNING_SECRET);

export const newWebhook = z
  .strictObject({
    url,
    events: events.default(['*']),
    description: description.optional(),
    secret: secret.optional(),
  })
  .meta({ id: 'NewWebhook' });
export const webhookPatch = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    description: description.nullish().transform((written) => (written === null ? '' : written)),
    disabled: z.boolean().optional(),
  })
  .meta({ id: 'WebhookPatch' });
export const webhookRotation = z
  .strictObject({ overlap: duration.optional(), secret: secret.optional() })
  .meta({ id: 'WebhookRotation' })
  .nullish();

/** The base64url of the number of the last delivery that was shown. */
const deliveryCursor = z
  .string()
  .max(100)
  .transform((written) => Buffer.from(written, 'base64url').toString())
  .refine((id) => /^[1-9]\d{0,17}$/.test(id), 'not a cursor that this list gave');
const webhookCursor = z
  .string()
  .max(100)
  .transform((written) => Buffer.from(written, 'base64url').toString())
  .refine((id) => /^wh_[0-9a-z]{26}$/.test(id), 'not a cursor that this list gave');

export const webhookQuery = z.strictObject(pagedBy(webhookCursor));

const deliveryFilter = {
  state: z.enum(['pending', 'delivered', 'dead']).optional(),
  type: z.enum(eventTypes).optional(),
  message: text(100).optional(),
  ...pagedBy(deliveryCursor),
};
export const deliveriesQuery = z.strictObject({ endpoint: text(100).optional(), ...deliveryFilter });
export const endpointDeliveriesQuery = z.strictObject(deliveryFilter);

const delivery = z
  .string()
  .regex(/^dlv_[1-9]\d{0,17}$/, 'not the id of a delivery')
  .transform((written) => written.slice('dlv_'.length));
export const byDelivery = z.strictObject({ delivery });
export const byIdAndDelivery = z.strictObject({ ...byId.shape, delivery });

const time = z.string();

export const webhookAnswer = z
  .object({
    id: z.string(),
    source: z.enum(['api', 'config']),
    url: z.string(),
    events: z.array(z.string()),
    description: z.string(),
    created_at: time,
    updated_at: time,
    disabled: z.boolean(),
    disabled_at: time.nullable(),
    disabled_reason: z.string().nullable(),
    failures: z.number().describe('Failed attempts in a row.'),
    old_secret_ends_at: time.nullable().describe('Until then the secret before the last rotation signs as well.'),
  })
  .meta({ id: 'WebhookEndpoint' });

/** `secret` is shown this once; null where a remembered answer is given again. */
export const shownWebhookAnswer = z
  .object({ secret: z.string().nullable(), ...webhookAnswer.shape })
  .meta({ id: 'ShownWebhook' });

export const deliveryAnswer = z
  .object({
    id: z.string(),
    endpoint: z.string(),
    message: z.string().describe('The `webhook-id`.'),
    type: z.string(),
    state: z.enum(['pending', 'delivered', 'dead']),
    attempts: z.number(),
    created_at: time,
    next_attempt_at: time.nullable(),
    last_attempt_at: time.nullable(),
    last_status: z.number().nullable(),
    last_error: z.string().nullable(),
    ended_at: time.nullable(),
  })
  .meta({ id: 'Delivery' });

export const fullDeliveryAnswer = z
  .object({
    ...deliveryAnswer.shape,
    log: z.array(
      z.object({
        at: time,
        status: z.number().nullable(),
        error: z.string().nullable(),
        duration_ms: z.number(),
        response: z.string().describe('The beginning of the answer.'),
      }),
    ),
    body: z.unknown().describe('What is sent.'),
  })
  .meta({ id: 'FullDelivery' });

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** Paths and queries of receivers are often as good as a password: only admins read them. */
export const originOf = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/(hidden)` : '(hidden)');

export const showWebhookTo = (role: Role, endpoint: Endpoint) =>
  role === 'admin' ? showWebhook(endpoint) : { ...showWebhook(endpoint), url: originOf(endpoint.url) };

export const showWebhook = (endpoint: Endpoint) => ({
  id: endpoint.id,
  source: endpoint.source,
  url: endpoint.url,
  events: [...endpoint.events],
  description: endpoint.description,
  created_at: iso(endpoint.created_at),
  updated_at: iso(endpoint.updated_at),
  disabled: endpoint.disabled_at !== null,
  disabled_at: isoOrNull(endpoint.disabled_at),
  disabled_reason: endpoint.disabled_reason,
  failures: endpoint.failures,
  old_secret_ends_at: isoOrNull(endpoint.old_secret_ends_at),
});

export const showDelivery = (delivery: Delivery) => ({
  id: `dlv_${delivery.id}`,
  endpoint: delivery.endpoint,
  message: delivery.message_id,
  type: delivery.type,
  state: delivery.state,
  attempts: delivery.attempts,
  created_at: iso(delivery.created_at),
  next_attempt_at: isoOrNull(delivery.next_at),
  last_attempt_at: isoOrNull(delivery.last_at),
  last_status: delivery.last_status,
  last_error: delivery.last_error,
  ended_at: isoOrNull(delivery.ended_at),
});

export const showFullDelivery = (delivery: Delivery, log: readonly Attempt[], body: string) => ({
  ...showDelivery(delivery),
  log: log.map(({ at, ...attempt }) => ({ at: iso(at), ...attempt })),
  body: JSON.parse(body) as unknown,
});
