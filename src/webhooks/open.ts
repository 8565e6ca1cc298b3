/**
 * Webhooks from a configuration, and the steps that others' transactions take for them. The key that secrets are encrypted
 * with is the configured one, else one in `data_dir`, which is made when it is missing.
 */
import type { Clock } from '../lib/clock.js';
import type { ProxyRules } from '../lib/proxy-rules.js';
import type { Query, Sql } from '../lib/query.js';
import { secretsKeyOf } from '../lib/secrets-key.js';
import type { EventType } from '../lib/webhook-spec.js';
import type { ConfiguredEndpoint } from './endpoint.js';
import { KeyExpiry, type KeyShown } from './key-expiry.js';
import { writeMessage, writeUsage } from './outbox-pg.js';
import { secretBox } from './secret-box.js';
import { type DeliverySettings, Webhooks, type WebhooksOptions } from './webhooks.js';

/** The parts of the configuration that matter here. */
export interface WebhooksConfig {
  readonly proxies: ProxyRules;
  readonly data_dir: string;
  readonly secrets_key: string | null;
  readonly webhooks: readonly {
    readonly id: string;
    readonly name: string | null;
    readonly url: string;
    readonly events: readonly string[];
    readonly secrets: readonly string[];
    readonly allow_private: boolean;
  }[];
  readonly webhook_delivery: DeliverySettings & { readonly expiring_before: number };
}

interface OpenOptions {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: WebhooksOptions['log'];
  readonly config: WebhooksConfig;
  readonly alone: boolean;
  readonly onResult: NonNullable<WebhooksOptions['onResult']>;
  /** Keys that end after the first moment and not after the second. */
  readonly expiring: (nowMs: number, untilMs: number) => Promise<readonly KeyShown[]>;
}

export interface OpenWebhooks {
  readonly webhooks: Webhooks;
  /** Takes in another configuration. */
  configure(config: WebhooksConfig): void;
  /** A step of the transaction that writes new entries: `entryAt` shows each as the API does. */
  recorded(query: Query, count: number, entryAt: (index: number) => object): Promise<void>;
  /** A step of the transaction that changes a key. */
  keyChanged(query: Query, type: EventType, key: KeyShown): Promise<void>;
  close(): Promise<void>;
}

export async function openWebhooks(options: OpenOptions): Promise<OpenWebhooks> {
  const { sql, clock, log, alone, onResult } = options;
  let { config } = options;
  const webhooks = await Webhooks.open({
    ...{ sql, clock, log, alone, onResult, proxies: () => config.proxies },
    box: secretBox(secretsKeyOf(config)),
    settings: config.webhook_delivery,
    endpoints: config.webhooks.map(endpointOf),
  });
  const expiry = new KeyExpiry({
    ...{ query: sql.query, clock },
    find: options.expiring,
    beforeMs: () => config.webhook_delivery.expiring_before,
    onTold: () => webhooks.wake(),
    onError: (error) => log.warn({ err: error }, 'keys that expire soon are not told'),
  });
  expiry.start();
  return {
    webhooks,
    configure(next) {
      config = next;
      webhooks.configure(next.webhook_delivery, next.webhooks.map(endpointOf));
    },
    async recorded(query, count, entryAt) {
      if (await writeUsage(query, clock.now(), count, entryAt)) webhooks.wakeSoon();
    },
    async keyChanged(query, type, key) {
      await writeMessage(query, { type, at: clock.now(), data: key.data });
      if (type !== 'key.revoked') await expiry.tell(query, key);
      webhooks.wakeSoon();
    },
    async close() {
      expiry.close();
      await webhooks.close();
    },
  };
}

const endpointOf = (webhook: WebhooksConfig['webhooks'][number]): ConfiguredEndpoint => ({
  id: webhook.id,
  url: webhook.url,
  events: webhook.events,
  description: webhook.name ?? '',
  secrets: webhook.secrets,
  allowPrivate: webhook.allow_private,
});
