/**
 * What was refused, in the audit log: whoever lacks the role, and whoever comes with a wrong key. So that nobody can fill the log
 * by trying, the first few of a kind within ten minutes have a line each, and then those whose number is 1, 2 or 5 with noughts;
 * a line says which one it is. Of this process. Where the log cannot be written, the refusal stands.
 */
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { Keys } from '../../identity/keys.js';
import type { Clock } from '../../lib/clock.js';
import { ok } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { networkOf } from '../../lib/network-of.js';

const FORGOTTEN_MS = 600_000;
const MOST_KINDS = 10_000;
const FIRST = 10;
/** In ten minutes: of all strangers, and of all who lack a role, so that neither takes the lines of the other. */
const MOST_LINES = 2_000;

interface Line {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail: Json;
}

interface Budget {
  left: number;
  untilMs: number;
}

export class Refusals {
  readonly #deps: { readonly keys: Keys; readonly clock: Clock };
  readonly #onError: (error: unknown) => void;
  readonly #counts = new LRUCache<string, { count: number; untilMs: number }>({ max: MOST_KINDS });
  readonly #ofStrangers: Budget = { left: MOST_LINES, untilMs: 0 };
  readonly #ofRoles: Budget = { left: MOST_LINES, untilMs: 0 };

  constructor(deps: { readonly keys: Keys; readonly clock: Clock }, onError: (error: unknown) => void) {
    this.#deps = deps;
    this.#onError = onError;
  }

  /** Somebody lacks the role for a request. */
  denied({ principal, routeOptions, method, url }: FastifyRequest): Promise<void> {
    const { operationId = 'none' } = routeOptions.config;
    const detail = { method, path: pathOf(url), role: principal.role };
    const line = { actor: principal.actor, action: 'access.denied', subject: operationId, detail };
    return this.#tell(`${principal.actor} ${operationId}`, line, this.#ofRoles);
  }

  /** Somebody came with a key, or a token, that is none. */
  stranger(address: string, { method, path }: { method: string; path: string }): Promise<void> {
    const detail = { method, path: pathOf(path) };
    const line = { actor: `address:${address}`, action: 'access.wrong_key', subject: 'admin', detail };
    return this.#tell(networkOf(address), line, this.#ofStrangers);
  }

  /** Somebody tried to sign in, in vain. */
  signIn(address: string, account: string): Promise<void> {
    const line = { actor: `address:${address}`, action: 'sign_in.refused', subject: account, detail: {} };
    return this.#tell(`${networkOf(address)} ${account}`, line, this.#ofStrangers);
  }

  async #tell(kind: string, { actor, action, subject, detail }: Line, budget: Budget): Promise<void> {
    const count = this.#count(kind);
    if (count > FIRST && !/^[125]0*$/.test(String(count))) return;
    if (!this.#hasLine(budget)) return;
    const { keys, clock } = this.#deps;
    try {
      await keys.write(actor, async ({ tx }) => {
        await tx.audit({ at: clock.now(), actor, action, subject, detail: { ...detail, count } });
        return ok(null);
      });
    } catch (error) {
      this.#onError(error);
    }
  }

  #count(kind: string): number {
    const nowMs = this.#deps.clock.monotonic();
    const known = this.#counts.get(kind);
    const count = known && known.untilMs > nowMs ? known.count + 1 : 1;
    this.#counts.set(kind, { count, untilMs: count === 1 ? nowMs + FORGOTTEN_MS : known!.untilMs });
    return count;
  }

  #hasLine(budget: Budget): boolean {
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs >= budget.untilMs) {
      budget.left = MOST_LINES;
      budget.untilMs = nowMs + FORGOTTEN_MS;
    }
    return budget.left-- > 0;
  }
}

const LONGEST_PATH = 200;
const pathOf = (url: string): string =>
  url
    .split('?', 1)[0]!
    .slice(0, LONGEST_PATH)
    .replace(/[^\x20-\x7e]/g, '?');
