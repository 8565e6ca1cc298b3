/**
 * Several upstreams, one answer. Parts run at once, or after those whose fields they use; each has its own time-out and its
 * own breaker. The answer is put together in the order of the configuration, whichever part came first. A part that may be
 * missing makes the answer incomplete (`x-tollgate-complete: false`); one that may not makes it an error, and what still runs
 * is given up. Numbers stay the digits that they were.
 */
import type { RouteConfig } from '../config/classic-routes.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { tooSlow } from '../lib/late.js';
import { type Asking, askBackend } from './ask.js';
import { SAFE } from './attempts.js';
import { Backend } from './backend.js';
import { Delivery } from './delivery.js';
import { deadlinesOf } from './forward.js';
import type { JsonObject } from './json.js';
import { parseJson, writeJson } from './json.js';
import { nameSource } from './names.js';
import { Part, type PartAnswer } from './part.js';
import type { ServeDeps } from './policy.js';
import type { Route } from './route.js';
import { readWhole } from './upload.js';
import type { UpstreamDeps } from './upstream.js';
import type { Visit } from './visit.js';

const LARGEST_PART = 16 * 1024 * 1024;
const DEFAULT_MS = 5_000;

interface Running {
  readonly visit: Visit;
  readonly route: Route;
  readonly body: Buffer | null;
  readonly answers: Map<string, PartAnswer>;
  readonly asking: Set<Asking>;
  failed: boolean;
}

export class Composition {
  readonly #parts: readonly { readonly part: Part; readonly backend: Backend }[];
  readonly #deps: UpstreamDeps;

  constructor(configs: NonNullable<RouteConfig['compose']>, deps: UpstreamDeps) {
    this.#deps = deps;
    this.#parts = configs.map((config, i) => {
      const part = new Part(config, i);
      const timeouts = timeoutsOf(part);
      const backend = new Backend(
        { url: part.origin, weight: 1 },
        {
          ...{ clock: deps.clock, random: deps.random, deadlines: deps.deadlines, onEvent: deps.onEvent, timeouts },
          upstream: { tls: config.tls },
          breaker: config.breaker,
          names: deps.names ?? nameSource(undefined),
        },
      );
      return { part, backend };
    });
  }

  get backends(): readonly Backend[] {
    return this.#parts.map(({ backend }) => backend);
  }

  async serve(visit: Visit, route: Route, deps: ServeDeps): Promise<void> {
    let body: Buffer | null = null;
    if (visit.hasBody) {
      visit.wantBody();
      const read = await readWhole(visit.req, route.bodyLimit);
      if (read === 'broken') return;
      if (read === 'slow') return visit.refuse(refuse('request_timeout', tooSlow));
      if (read === 'too_large')
        return visit.refuse(
          refuse('request_too_large', `The request body is larger than ${route.bodyLimit} bytes (body_limit).`),
        );
      body = read;
    }
    const running: Running = { visit, route, body, answers: new Map(), asking: new Set(), failed: false };
    visit.onGone = () => giveUp(running);
    const results = await this.#all(running);
    if (visit.gone) return;
    const bad = results.find((result) => result !== undefined && !result.ok);
    if (bad && !bad.ok) return visit.refuse(bad.refusal);
    const complete = results.every((result) => result !== undefined);
    if (!SAFE.has(visit.method)) deps.onChanged(visit, []);
    const merged: JsonObject = new Map();
    for (const [i, result] of results.entries()) if (result?.ok) this.#parts[i]!.part.merge(merged, result.value.kept);
    const bytes = Buffer.from(writeJson(merged));
    const headers = [
      ...['content-type', 'application/json', 'content-length', String(bytes.length)],
      ...['x-tollgate-complete', String(complete)],
      // What is incomplete now may be whole in a moment.
      ...(complete ? [] : ['cache-control', 'no-store']),
    ];
    const delivery = new Delivery(visit, route, () => {});
    if (!delivery.head(200, headers)) return;
    if (visit.method !== 'HEAD') delivery.data(bytes);
    delivery.end(null);
  }

  retire(): void {
    for (const { backend } of this.#parts) backend.retire();
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ backend }) => backend.close()));
  }

  /** Undefined for a part that is missing and may be. */
  async #all(running: Running): Promise<(Result<PartAnswer> | undefined)[]> {
    const byName = new Map<string, Promise<Result<PartAnswer> | undefined>>();
    const all = this.#parts.map(({ part, backend }) => {
      const result = this.#after(part, byName).then(async (there) => {
        if (running.failed || running.visit.gone) return undefined;
        const answer = there
          ? await this.#one(part, backend, running)
          : refused(lost(part.name, 'a part that it needs is missing'));
        if (answer.ok) {
          running.answers.set(part.name, answer.value);
          return answer;
        }
        if (part.config.optional) return undefined;
        giveUp(running);
        return answer;
      });
      byName.set(part.name, result);
      return result;
    });
    return await Promise.all(all);
  }

  /** Whether everything that a part needs is there, once that is known. */
  async #after(part: Part, byName: ReadonlyMap<string, Promise<Result<PartAnswer> | undefined>>): Promise<boolean> {
    const needed = await Promise.all(part.after.map((name) => byName.get(name)));
    return needed.every((result) => result?.ok === true);
  }

  async #one(part: Part, backend: Backend, running: Running): Promise<Result<PartAnswer>> {
    const { visit, route } = running;
    const target = part.target(visit, running.answers);
    if ('missing' in target) return refused(lost(part.name, `there is no usable {${target.missing}} for its URL`));
    if (!backend.available) {
      const seconds = String(Math.max(1, Math.ceil(backend.waitMs / 1000)));
      return refused(
        refuse('no_target_available', `The part ${part.name} is not available.`, {
          headers: { 'retry-after': seconds },
        }),
      );
    }
    const { method = 'GET' } = part.config;
    const body = method === 'GET' || method === 'HEAD' ? null : running.body;
    const asking = askBackend(
      backend,
      { method, path: target.path, headers: headersFor(part, backend, visit, route, body), body },
      timeoutsOf(part),
      this.#deps.deadlines,
      LARGEST_PART,
    );
    running.asking.add(asking);
    const asked = await asking.answer;
    running.asking.delete(asking);
    if (asked.kind === 'failed')
      return refused(
        refuse(asked.late ? 'upstream_timeout' : 'upstream_error', `The part ${part.name} failed: ${asked.message}`),
      );
    if (asked.status < 200 || asked.status > 299) return refused(ofStatus(part.name, asked.status));
    const json = asked.body.length === 0 ? new Map() : parseJson(asked.body.toString('utf8'));
    return json === undefined ? refused(lost(part.name, 'its answer is not JSON')) : ok(part.keep(json));
  }
}

const timeoutsOf = ({ config: { timeout = DEFAULT_MS } }: Part) =>
  deadlinesOf({ connectMs: timeout, headersMs: timeout, idleMs: timeout, totalMs: timeout });

function giveUp(running: Running): void {
  running.failed = true;
  for (const asking of running.asking) asking.abort();
}

const lost = (name: string, why: string): Refusal => refuse('upstream_error', `The part ${name} failed: ${why}.`);

/** What an upstream says of the request itself is said of the whole; what it says of us or of itself is not. */
function ofStatus(name: string, status: number): Refusal {
  const message = `The part ${name} answered ${status}.`;
  return [400, 404, 405, 409, 410, 422, 451].includes(status)
    ? refuse('upstream_error', message, { upstream: { status } })
    : refuse('upstream_error', message);
}

/** The route's usual words on client and gateway, and of the client's own headers those that the part names. */
function headersFor(part: Part, backend: Backend, visit: Visit, route: Route, body: Buffer | null): string[] {
  const wanted = new Set([
    ...(part.config.headers ?? []),
    'traceparent',
    'tracestate',
    ...(body ? ['content-type'] : []),
  ]);
  const all = route.requestHeaders.build(visit, backend.hostHeader, false);
  const own = new Set(OWN);
  const out: string[] = [];
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i]!;
    if (wanted.has(name) || own.has(name) || visit.consumer.headers.includes(name)) out.push(name, all[i + 1]!);
  }
  if (!wanted.has('accept')) out.push('accept', 'application/json');
  return out;
}

const OWN = ['host', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id'];
