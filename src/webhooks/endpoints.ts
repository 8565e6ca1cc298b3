/** Endpoints as the admin API makes and changes them, each in the transaction of its audit line. */
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import { urlProblem } from '../lib/public-address.js';
import type { Query } from '../lib/query.js';
import { newSigningSecret } from '../lib/standard-webhooks.js';
import type { Endpoint } from './endpoint.js';
import { deleteEndpoint, insertEndpoint, lockEndpoint, replaceSecret, updateEndpoint } from './endpoints-pg.js';
import type { SecretBox } from './secret-box.js';

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

interface EndpointsDeps {
  readonly clock: Clock;
  readonly box: SecretBox;
  /** Whether every endpoint may be in a private network. */
  readonly allowPrivate: () => boolean;
}

export class Endpoints {
  readonly #deps: EndpointsDeps;

  constructor(deps: EndpointsDeps) {
    this.#deps = deps;
  }

  /** Why the URL cannot be one, as far as can be told without looking its name up; or null. */
  urlProblem(url: string): string | null {
    return urlProblem(url, this.#deps.allowPrivate() ? 'private' : 'public');
  }

  async create(query: Query, fields: NewEndpoint): Promise<Result<WithSecret>> {
    const { clock, box } = this.#deps;
    const problem = this.urlProblem(fields.url);
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
    const problem = url === undefined ? null : this.urlProblem(url);
    if (problem) return refused(refuse('invalid_value', `url: ${problem}`, { param: 'url' }));
    const now = this.#deps.clock.now();
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
    const { clock, box } = this.#deps;
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
}

export const noEndpoint = (id: string) =>
  refused(refuse('not_found', `There is no webhook endpoint with the id ${id}.`));
