/**
 * Webhooks as the rest of the gateway sees them: endpoints are managed, events go to the outbox, and in the background a
 * dispatcher delivers them and a sweep forgets what is old. Secrets are readable in this process's memory only; in the
 * database they are encrypted, and they are answered once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import type { ProxyRules } from '../lib/proxy-rules.js';
import type { Query, Sql } from '../lib/query.js';
import type { Timer } from '../lib/timer.js';
import { createDeliverer, type Deliverer } from './deliver.js';
import { type DeliveryFilter, findDelivery, historyOf, listDeliveries, redeliver } from './deliveries-pg.js';
import { type DeliveryResult, Dispatcher, type Reach } from './dispatcher.js';
import { Emitter } from './emitter.js';
import type { Claimed, ConfiguredEndpoint, Delivery } from './endpoint.js';
import { Endpoints, noEndpoint } from './endpoints.js';
import { countForeign, findEndpoint, listEndpoints, lockEndpoint, syncConfigured } from './endpoints-pg.js';
import { writeMessage } from './outbox-pg.js';
import { releaseAll } from './queue-pg.js';
import type { SecretBox } from './secret-box.js';
import { Sweeper } from './sweeper.js';

/** What the configuration says of delivering, besides its endpoints. */
export interface DeliverySettings {
  /** Every endpoint may be in a private network, and need not be https. */
  readonly allow_private: boolean;
  /** Milliseconds, like those below. */
  readonly timeout: number;
  /** How long delivered messages are kept. */
  readonly keep: number;
  /** How long dead ones are. */
  readonly keep_dead: number;
}

interface WebhooksLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WebhooksOptions {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly box: SecretBox;
  readonly log: WebhooksLog;
  readonly settings: DeliverySettings;
  readonly endpoints: readonly ConfiguredEndpoint[];
  /** The database is this process's alone. */
  readonly alone: boolean;
  readonly random?: () => number;
  readonly onResult?: (result: DeliveryResult, count: number) => void;
  /** Of the environment. */
  readonly proxies?: () => ProxyRules;
  /** Handed in by tests. */
  readonly after?: Timer;
}

const RETRY_FOR_MS = 24 * 3_600_000;
const SYNC_PAUSE_MS = 5_000;
/** Time for a transaction that wrote to the outbox to be committed. */
const SOON_MS = 20;

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #dispatcher: Dispatcher;
  readonly #emitter: Emitter;
  readonly #sweeper: Sweeper;
  readonly endpoints: Endpoints;
  readonly #deliverer: Deliverer;
  #settings: DeliverySettings;
  #configured = new Map<string, ConfiguredEndpoint>();
  /** The database knows the endpoints of the configuration, or is being told. */
  #isSynced = false;
  #syncing: Promise<void> | undefined;
  #soon: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const { sql, clock, box, log, after } = options;
    this.endpoints = new Endpoints({ clock, box, allowPrivate: () => this.#settings.allow_private });
    const timed = after ? { after } : {};
    const timeoutMs = (): number => this.#settings.timeout;
    const deliverer = createDeliverer({ timeoutMs, ...(options.proxies && { proxies: options.proxies }) });
    this.#deliverer = deliverer;
    const onResult = (result: DeliveryResult, count = 1): void => options.onResult?.(result, count);
    this.#dispatcher = new Dispatcher({
      query: sql.query,
      clock,
      random: options.random ?? Math.random,
      deliver: deliverer.deliver,
      timeoutMs,
      keyId: box.keyId,
      configured: () => [...this.#configured.keys()],
      reachOf: (endpoint, nowMs) => this.#reachOf(endpoint, nowMs),
      onResult,
      onDisabled: (endpoint, reason) => log.warn({ endpoint, reason }, 'a webhook endpoint is disabled'),
      onError: (error) => log.error({ err: error }, 'webhooks wait: the database does not answer'),
      ...timed,
    });
    this.#emitter = new Emitter({
      clock,
      write: async (happened) => {
        if ((await writeMessage(sql.query, happened)).length > 0) this.wake();
      },
      onError: (error, waiting) => log.error({ err: error, waiting }, 'events wait in memory for the database'),
      ...timed,
    });
    this.#sweeper = new Sweeper({
      query: sql.query,
      clock,
      settings: () => this.#settings,
      onDead: (count) => onResult('dead', count),
      onError: (error) => log.warn({ err: error }, 'old webhook deliveries are not swept'),
      ...timed,
    });
  }

  /** Deliveries begin when this resolves. */
  static async open(options: WebhooksOptions): Promise<Webhooks> {
    const webhooks = new Webhooks(options);
    const { sql, alone, box, log } = options;
    if (alone) await releaseAll(sql.query);
    webhooks.#take(options.settings, options.endpoints);
    await webhooks.#sync();
    const foreign = await countForeign(sql.query, box.keyId);
    if (foreign > 0) {
      const words = 'webhook secrets were encrypted with another key: set secrets_key to that of the other gateways';
      log.error({ endpoints: foreign }, words);
    }
    webhooks.#sweeper.start();
    return webhooks;
  }

  /** Takes in another configuration; the database hears of it as soon as it can. */
  configure(settings: DeliverySettings, endpoints: readonly ConfiguredEndpoint[]): void {
    this.#take(settings, endpoints);
    this.#syncing ??= this.#keepSynced().finally(() => {
      this.#syncing = undefined;
    });
  }

  #take(settings: DeliverySettings, endpoints: readonly ConfiguredEndpoint[]): void {
    this.#settings = settings;
    this.#configured = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.#isSynced = false;
  }

  async #keepSynced(): Promise<void> {
    while (!this.#isSynced && !this.#closed) {
      try {
        await this.#sync();
      } catch (error) {
        this.#isSynced = false;
        this.#options.log.error({ err: error }, 'the webhook endpoints of the configuration wait for the database');
        await sleep(SYNC_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  async #sync(): Promise<void> {
    this.#isSynced = true;
    await syncConfigured(this.#options.sql, [...this.#configured.values()], this.#options.clock.now());
    this.wake();
  }

  /** For events that no transaction tells of; never waits and never throws. */
  readonly emit: Emitter['emit'] = (type, data, once) => this.#emitter.emit(type, data, once);

  /** Something was written to the outbox, and is committed. */
  wake(): void {
    this.#dispatcher.wake();
  }

  /** Something is being written to the outbox, by a transaction that is about to be committed. */
  wakeSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.wake();
    }, SOON_MS).unref();
  }

  /** Events that were dropped because the database was away for too long. */
  get dropped(): number {
    return this.#emitter.dropped;
  }

  /** What is committed. */
  readonly read = {
    endpoint: (id: string) => findEndpoint(this.#options.sql.query, id),
    endpoints: (limit: number, after: string | null) => listEndpoints(this.#options.sql.query, limit, after),
    deliveries: (filter: DeliveryFilter, limit: number, after: string | null) =>
      listDeliveries(this.#options.sql.query, filter, limit, after),
    delivery: async (id: string) => {
      const { query } = this.#options.sql;
      const delivery = await findDelivery(query, id);
      return delivery && { delivery, ...(await historyOf(query, id)) };
    },
  };

  /** Why events may not be sent to the URL, or null. Looks its name up; what it leads to later is checked again then. */
  async urlProblem(url: string): Promise<string | null> {
    return this.endpoints.urlProblem(url) ?? (await this.#deliverer.nameProblem(url, this.#settings.allow_private));
  }

  /** A `webhook.test` event for this endpoint alone, whatever it subscribed to. */
  async test(query: Query, id: string): Promise<Result<Delivery>> {
    const endpoint = await lockEndpoint(query, id);
    if (!endpoint) return noEndpoint(id);
    if (endpoint.disabled_at !== null) return refused(refuse('conflict', `The endpoint ${id} is disabled.`));
    const data = { endpoint: id, message: 'This is a test. If its signature verifies, the endpoint works.' };
    const [delivery] = await writeMessage(query, { type: 'webhook.test', at: this.#options.clock.now(), data, to: id });
    return ok((await findDelivery(query, delivery!))!);
  }

  async redeliver(query: Query, id: string, endpoint?: string): Promise<Result<Delivery>> {
    const found = await findDelivery(query, id);
    if (!found || (endpoint !== undefined && found.endpoint !== endpoint)) {
      return refused(refuse('not_found', `There is no delivery with the id ${id}.`));
    }
    await redeliver(query, id, this.#options.clock.now(), RETRY_FOR_MS);
    return ok((await findDelivery(query, id))!);
  }

  /** Resolves when nothing is due and nothing is being delivered. For tests. */
  async idle(): Promise<void> {
    await this.#emitter.flush();
    await this.#dispatcher.idle();
  }

  async sweep(): Promise<void> {
    await this.#sweeper.sweep();
  }

  /** Writes what waits, ends what runs. The database must still be there. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#soon);
    this.#sweeper.close();
    await this.#emitter.close();
    await this.#dispatcher.close();
    await this.#deliverer.close();
  }

  #reachOf({ id, source, secret, old_secret, old_secret_ends_at: oldEndsAt }: Claimed, nowMs: number): Reach {
    const { box } = this.#options;
    const everywhere = this.#settings.allow_private;
    if (source === 'config') {
      const configured = this.#configured.get(id);
      if (!configured) throw new Error(`the endpoint ${id} is not in this configuration`);
      return { secrets: configured.secrets, allowPrivate: everywhere || configured.allowPrivate };
    }
    const sealed = [secret, oldEndsAt !== null && nowMs < oldEndsAt ? old_secret : null].filter((one) => one !== null);
    return { secrets: sealed.map((one) => box.open(one, id)), allowPrivate: everywhere };
  }
}
