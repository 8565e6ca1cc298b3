/** The `webhooks` and `webhook_delivery` sections: what is written, and what is used. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { urlProblem } from '../lib/public-address.js';
import { eventPattern, isSigningSecret, SIGNING_SECRET } from '../lib/webhook-spec.js';
import type { Path } from './problem.js';
import * as s from './scalars.js';

export interface WebhookConfig {
  /** The same on every gateway with this configuration: made from the name, else from the URL. */
  readonly id: string;
  readonly name: string | null;
  readonly url: string;
  readonly events: readonly string[];
  /** The one that is given out first. */
  readonly secrets: readonly string[];
  readonly allow_private: boolean;
}

/** Milliseconds. */
export interface WebhookDeliveryConfig {
  readonly allow_private: boolean;
  readonly timeout: number;
  readonly keep: number;
  readonly keep_dead: number;
  readonly expiring_before: number;
}

const webhook = z.strictObject({
  name: s.providerName.optional().describe('What it is called; with it, a changed URL is still the same endpoint.'),
  url: z.string().describe('Where events are sent; https, unless private networks are allowed.'),
  events: z
    .array(eventPattern)
    .min(1, 'an endpoint needs an event')
    .describe('Which events: usage.recorded, budget.*, key.*, target.*, config.*, or *.'),
  secret: s.secret.describe('Signs what is sent: whsec_ and 24 to 64 random bytes in base64.'),
  previous_secret: s.secret.optional().describe('Signs as well, while receivers change to the new secret.'),
  allow_private: z.boolean().default(false).describe('The endpoint is in a private network; http is allowed then.'),
});

export const webhooks = z.array(webhook).max(100).default([]).describe('Where events are sent.');

export const webhookDelivery = z
  .strictObject({
    allow_private: z
      .boolean()
      .default(false)
      .describe('Every endpoint may be in a private network, those of the admin API too.'),
    timeout: s.duration().prefault('15s').describe('Longest time for an attempt to deliver.'),
    keep: s.duration().prefault('3d').describe('How long what was delivered is kept.'),
    keep_dead: s.duration().prefault('14d').describe('How long what could not be delivered is kept.'),
    expiring_before: s.duration(0).prefault('7d').describe('How long before its end a key is told to be expiring.'),
  })
  .prefault({})
  .describe('How events are sent.');

interface Written {
  readonly webhooks: z.output<typeof webhooks>;
  readonly webhook_delivery: z.output<typeof webhookDelivery>;
}

/** `secret` reads what is written as a secret. */
export function webhooksOf(
  { webhooks, webhook_delivery: delivery }: Written,
  secret: (path: Path, value: z.output<typeof s.secret>) => string,
  report: (path: Path, message: string) => void,
): WebhookConfig[] {
  const seen = new Set<string>();
  return webhooks.map(({ name = null, url, events, secret: first, previous_secret: second, allow_private }, i) => {
    const at = (key: string): Path => ['webhooks', i, key];
    const problem = urlProblem(url, allow_private || delivery.allow_private ? 'private' : 'public');
    if (problem) report(at('url'), `${problem}${/allowed/.test(problem) ? '; see `allow_private`' : ''}`);
    const secrets = [
      secret(at('secret'), first),
      ...(second === undefined ? [] : [secret(at('previous_secret'), second)]),
    ];
    for (const [n, one] of secrets.entries()) {
      if (!isSigningSecret(one)) report(at(n === 0 ? 'secret' : 'previous_secret'), SIGNING_SECRET);
    }
    const known = name ?? url;
    if (seen.has(known)) report(at(name === null ? 'url' : 'name'), 'is there twice: give each a `name` of its own');
    seen.add(known);
    const id = `wh_${createHash('sha256').update(known).digest('hex').slice(0, 26)}`;
    return { id, name, url, events, secrets, allow_private };
  });
}
