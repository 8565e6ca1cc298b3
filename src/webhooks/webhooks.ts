/**
 * Webhooks as the rest of the gateway sees them: endpoints are managed, events go to the outbox, and in the background a
 * dispatcher delivers them and a sweep forgets what is old. Secrets are readable in this process's memory only; in the
 * database they are encrypted, and they are answered once.
 */
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import { urlProblem } from '../lib/public-address.js';
import type { Query, Sql } from '../lib/query.js';
import { findDelivery, redeliver } from './deliveries-pg.js';
import { createDeliverer } from './deliver.js';
import { type DeliveryResult, Dispatcher, type Reach } from './dispatcher.js';
import { Emitter } from './emitter.js';
import type { Claimed, ConfiguredEndpoint, Delivery, Endpoint } from './endpoint.js';
import {
  countForeign,
  deleteEndpoint,
  insertEndpoint,
  lockEndpoint,
  replaceSecret,
  syncConfigured,
  updateEndpoint,
} from './endpoints-pg.js';
import { writeMessage } from './outbox-pg.js';
import { releaseAll } from './queue-pg.js';
import type { SecretBox } from './secret-box.js';
import { newSigningSecret } from './signature.js';
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

export interface EndpointFields {
  readonly url?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly disabled?: boolean | undefined;
}

export interface NewEndpoint {
  readonly url: string;
  readonly events: readonly string[];
  readonly description?: string | undefined;
  /** Made here where it is left out. */
  readonly secret?: string | undefined;
}

export interface WithSecret {
  readonly endpoint: Endpoint;
  readonly secret: string;
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
  /** Runs something later; answers how to call it off. Handed in by tests. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

const RETRY_FOR_MS = 24 * 3_600_000;

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #dispatcher: Dispatcher;
  readonly #emitter: Emitter;
  readonly #sweeper: Sweeper;
  readonly #closeDeliverer: () => Promise<void>;
  #settings: DeliverySettings;
  #configured = new Map<string, ConfiguredEndpoint>();

  private constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const { sql, clock, box, log, after } = options;
    const timed = after ? { after } : {};
    const timeoutMs = (): number => this.#settings.timeout;
    const deliverer = createDeliverer({ timeoutMs });
    this.#closeDeliverer = () => deliverer.close();
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
    await webhooks.configure(options.settings, options.endpoints);
    const foreign = await countForeign(sql.query, box.keyId);
    if (foreign > 0) {
      const words = 'webhook secrets were encrypted with another key: set secrets_key to that of the other gateways';
      log.error({ endpoints: foreign }, words);
    }
    webhooks.#sweeper.start();
    return webhooks;
  }

  /** Takes in another configuration. */
  async configure(settings: DeliverySettings, endpoints: readonly ConfiguredEndpoint[]): Promise<void> {
    await syncConfigured(this.#options.sql, endpoints, this.#options.clock.now());
    this.#settings = settings;
    this.#configured = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.wake();
  }

  /** For events that no transaction tells of; never waits and never throws. */
  readonly emit: Emitter['emit'] = (type, data, once) => this.#emitter.emit(type, data, once);

  /** Something was written to the outbox, and is committed. */
  wake(): void {
    this.#dispatcher.wake();
  }

  /** Events that were dropped because the database was away for too long. */
  get dropped(): number {
    return this.#emitter.dropped;
  }

  async create(query: Query, fields: NewEndpoint): Promise<Result<WithSecret>> {
    const { clock, box } = this.#options;
    const problem = this.#urlProblem(fields.url);
    if (problem) return refused(refuse('invalid_value', `url: ${problem}`, { param: 'url' }));
    const now = clock.now();
    const secret = fields.secret ?? newSigningSecret();
    const endpoint: Endpoint = {
      id: newId('wh', now),
      source: 'api',
      url: fields.url,
      events: fields.events,
      description: fields.description ?? '',
      created_at: now,
      updated_at: now,
      disabled_at: null,
      disabled_reason: null,
      failures: 0,
      paused_until: null,
      old_secret_ends_at: null,
    };
    await insertEndpoint(query, endpoint, box.seal(secret, endpoint.id), box.keyId);
    return ok({ endpoint, secret });
  }

  async patch(query: Query, id: string, fields: EndpointFields): Promise<Result<Endpoint>> {
    const found = await lockEndpoint(query, id);
    if (!found) return noEndpoint(id);
    const { secret, old_secret, ...endpoint } = found;
    const { url, events, description, disabled } = fields;
    if (endpoint.source === 'config' && (url !== undefined || events !== undefined || description !== undefined)) {
      return refused(refuse('conflict', `The endpoint ${id} is in the configuration file: change it there.`));
    }
    const problem = url === undefined ? null : this.#urlProblem(url);
    if (problem) return refused(refuse('invalid_value', `url: ${problem}`, { param: 'url' }));
    const now = this.#options.clock.now();
    const changed: Endpoint = {
      ...endpoint,
      url: url ?? endpoint.url,
      events: events ?? endpoint.events,
      description: description ?? endpoint.description,
      updated_at: now,
      ...(disabled === false && { disabled_at: null, disabled_reason: null, failures: 0, paused_until: null }),
      ...(disabled === true && endpoint.disabled_at === null && { disabled_at: now, disabled_reason: 'by the admin' }),
    };
    await updateEndpoint(query, changed);
    return ok(changed);
  }

  async remove(query: Query, id: string): Promise<Result<Endpoint>> {
    const found = await lockEndpoint(query, id);
    if (!found) return noEndpoint(id);
    const { secret, old_secret, ...endpoint } = found;
    if (endpoint.source === 'config') {
      return refused(refuse('conflict', `The endpoint ${id} is in the configuration file: take it out there.`));
    }
    await deleteEndpoint(query, id);
    return ok(endpoint);
  }

  /** A new secret; the one before it signs as well for `overlapMs` more. */
  async rotate(query: Query, id: string, overlapMs: number, given?: string): Promise<Result<WithSecret>> {
    const { clock, box } = this.#options;
    const found = await lockEndpoint(query, id);
    if (!found) return noEndpoint(id);
    if (found.source === 'config' || !found.secret) {
      return refused(refuse('conflict', `The secret of ${id} is in the configuration file: change it there.`));
    }
    const now = clock.now();
    const secret = given ?? newSigningSecret();
    // Sealed again, for a key that changed meanwhile could not read both.
    const old = overlapMs > 0 ? box.seal(box.open(found.secret, id), id) : null;
    const oldEndsAt = overlapMs > 0 ? now + overlapMs : null;
    const next = { secret: box.seal(secret, id), old_secret: old, keyId: box.keyId, oldEndsAt, at: now };
    await replaceSecret(query, id, next);
    const { secret: _, old_secret, ...endpoint } = found;
    return ok({ endpoint: { ...endpoint, updated_at: now, old_secret_ends_at: oldEndsAt }, secret });
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
    this.#sweeper.close();
    await this.#emitter.close();
    await this.#dispatcher.close();
    await this.#closeDeliverer();
  }

  #urlProblem(url: string): string | null {
    return urlProblem(url, this.#settings.allow_private ? 'private' : 'public');
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

const noEndpoint = (id: string) => refused(refuse('not_found', `There is no webhook endpoint with the id ${id}.`));
