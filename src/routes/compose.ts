/**
 * Several upstreams, one answer. Parts run at once, or after those whose fields they use; each has its own time-out and its
 * own breaker. The answer is put together in the order of the configuration, whichever part came first. A part that may be
 * missing makes the answer incomplete (`x-tollgate-complete: false`); one that may not makes it an error, and what still runs
 * is given up. Numbers stay the digits that they were.
 */
import type { RouteConfig } from '../config/classic-routes.js';
import { ok, type Refusal, type Result, refusalHeaders, refuse, refused, statusOf } from '../lib/errors.js';
import { headerIn } from '../lib/headers.js';
import { type Asked, type Asking, askBackend } from './ask.js';
import { SAFE } from './attempts.js';
import { Backend } from './backend.js';
import { bodyOf } from './body.js';
import { Delivery } from './delivery.js';
import { deadlinesOf } from './forward.js';
import { removeFrom } from './headers.js';
import { type KeepPlan, type KeptPart, keepJson } from './json-edit.js';
import { Merged } from './merge.js';
import { nameSource } from './names.js';
import { fieldsOf, Part } from './part.js';
import type { ServeDeps } from './policy.js';
import type { Route } from './route.js';
import { asChildOf } from './trace.js';
import { Upload } from './upload.js';
import type { UpstreamDeps } from './upstream.js';
import type { Visit } from './visit.js';

const DEFAULT_MS = 5_000;

interface ComposedPart {
  readonly part: Part;
  readonly backend: Backend;
  /** Where else redirects may lead, by origin. */
  readonly others: ReadonlyMap<string, Backend>;
}

/** Where a part is asked, with its query. */
interface PartAddress {
  readonly backend: Backend;
  readonly path: string;
}

interface Running {
  readonly visit: Visit;
  readonly route: Route;
  readonly body: Buffer | null;
  readonly answers: Map<string, KeptPart>;
  /** Why parts are missing, as JSON, by their places. */
  readonly lost: Map<number, string>;
  readonly asking: Set<Asking>;
  failed: boolean;
}

export class Composition {
  readonly #parts: readonly ComposedPart[];
  readonly #deps: UpstreamDeps;

  constructor(configs: NonNullable<RouteConfig['compose']>, deps: UpstreamDeps) {
    this.#deps = deps;
    const used = [...new Set(configs.flatMap(fieldsOf))];
    this.#parts = configs.map((config, i) => {
      const part = new Part(config, i, used);
      const timeouts = timeoutsOf(part);
      const backendOf = (url: string): Backend =>
        new Backend(
          { url, weight: 1 },
          {
            ...{ clock: deps.clock, random: deps.random, deadlines: deps.deadlines, onEvent: deps.onEvent, timeouts },
            upstream: { tls: config.tls },
            breaker: config.breaker,
            names: deps.names ?? nameSource(undefined),
          },
        );
      const own = new URL(part.origin).origin;
      const others = (config.follow_to ?? []).filter((origin) => origin !== own);
      return { part, backend: backendOf(part.origin), others: new Map(others.map((one) => [one, backendOf(one)])) };
    });
  }

  get backends(): readonly Backend[] {
    return this.#parts.flatMap(({ backend, others }) => [backend, ...others.values()]);
  }

  async serve(visit: Visit, route: Route, deps: ServeDeps): Promise<void> {
    const body = await bodyOf(visit, route, deps);
    if (body === undefined || body instanceof Upload) return;
    const running: Running = {
      visit,
      route,
      body,
      answers: new Map(),
      lost: new Map(),
      asking: new Set(),
      failed: false,
    };
    visit.onGone = () => giveUp(running);
    const results = await this.#all(running);
    if (visit.gone) return;
    const bad = results.find((result) => result !== undefined && !result.ok);
    if (bad && !bad.ok) {
      const { refusal } = bad;
      const told = Object.entries(refusalHeaders(refusal.headers, statusOf(refusal))).flat();
      if (!route.ownErrors?.answer(visit, statusOf(refusal), told)) visit.refuse(refusal);
      return;
    }
    const complete = results.every((result) => result !== undefined);
    if (!SAFE.has(visit.method)) deps.onChanged(visit, []);
    const merged = new Merged();
    for (const [i, result] of results.entries()) {
      const { group, default: fallback, error } = this.#parts[i]!.part.config;
      if (result?.ok) merged.add(group, result.value.kept);
      else if (fallback !== undefined) merged.add(group, keepJson(JSON.stringify(fallback), AS_IT_IS)!.kept);
      const lost = running.lost.get(i);
      if (error !== undefined && lost) merged.add(error, { text: lost });
    }
    const bytes = Buffer.from(merged.text());
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
    for (const backend of this.backends) backend.retire();
  }

  async close(): Promise<void> {
    await Promise.all(this.backends.map((backend) => backend.close()));
  }

  /** Undefined for a part that is missing and may be. */
  async #all(running: Running): Promise<(Result<KeptPart> | undefined)[]> {
    const byName = new Map<string, Promise<Result<KeptPart> | undefined>>();
    const all = this.#parts.map((composed, i) => {
      const { part } = composed;
      const result = this.#after(part, byName).then(async (there) => {
        if (running.failed || running.visit.gone) return undefined;
        const answer = there
          ? await this.#one(composed, running)
          : refused(lost(part.name, 'a part that it needs is missing'));
        if (answer.ok) {
          running.answers.set(part.name, answer.value);
          return answer;
        }
        if (part.config.optional) {
          running.lost.set(i, wordsOf(answer.refusal));
          return undefined;
        }
        giveUp(running);
        return answer;
      });
      byName.set(part.name, result);
      return result;
    });
    return await Promise.all(all);
  }

  /** Whether everything that a part needs is there, once that is known. */
  async #after(part: Part, byName: ReadonlyMap<string, Promise<Result<KeptPart> | undefined>>): Promise<boolean> {
    const needed = await Promise.all(part.after.map((name) => byName.get(name)));
    return needed.every((result) => result?.ok === true);
  }

  async #one(composed: ComposedPart, running: Running): Promise<Result<KeptPart>> {
    const { part, backend } = composed;
    const { visit } = running;
    const target = part.target(visit, running.answers);
    if ('missing' in target) return refused(lost(part.name, `there is no usable {${target.missing}} for its URL`));
    const { method = 'GET' } = part.config;
    const body = method === 'GET' || method === 'HEAD' ? null : running.body;
    return await this.#ask(composed, running, { backend, path: target.path }, body, part.config.follow ?? 0);
  }

  async #ask(
    composed: ComposedPart,
    running: Running,
    { backend, path }: PartAddress,
    body: Buffer | null,
    follow: number,
  ): Promise<Result<KeptPart>> {
    const { visit, route } = running;
    const { part } = composed;
    if (!backend.available) return refused(unavailable(part.name, backend));
    const { method = 'GET' } = part.config;
    const asking = askBackend(
      backend,
      { method, path, headers: headersFor(composed, backend, visit, route, body), body },
      timeoutsOf(part),
      this.#deps.deadlines,
      route.json.largestBytes,
    );
    running.asking.add(asking);
    const asked = await asking.answer;
    running.asking.delete(asking);
    if (asked.kind === 'failed')
      return refused(
        refuse(asked.late ? 'upstream_timeout' : 'upstream_error', `The part ${part.name} failed: ${asked.message}`),
      );
    const next = follow > 0 && body === null ? redirectedTo(composed, { backend, path }, asked) : undefined;
    if (next !== undefined && !visit.gone && !running.failed)
      return await this.#ask(composed, running, next, body, follow - 1);
    if (asked.status < 200 || asked.status > 299) return refused(ofStatus(part.name, asked.status, asked.headers));
    return await this.#keep(part, asked.body, route);
  }

  async #keep(part: Part, body: Buffer, { json, work }: Route): Promise<Result<KeptPart>> {
    const worked = await work.run('keep', { keep: part.keep, limits: json.limits }, body);
    if ('undone' in worked || worked.done === 'too much')
      return refused(lost(part.name, 'its answer is more than can be put together (json)'));
    return worked.done === undefined ? refused(lost(part.name, 'its answer is not JSON')) : ok(worked.done);
  }
}

/** Where a redirect leads; undefined where it is none, or leads to an origin that the part does not name. */
function redirectedTo(
  { part, backend, others }: ComposedPart,
  from: PartAddress,
  { status, headers }: Extract<Asked, { kind: 'answered' }>,
): PartAddress | undefined {
  const to = headerIn(headers, 'location');
  if (![301, 302, 303, 307, 308].includes(status) || to === undefined) return undefined;
  const own = new URL(part.origin).origin;
  const base = ([...others].find(([, other]) => other === from.backend)?.[0] ?? own) + from.path;
  if (!URL.canParse(to, base)) return undefined;
  const url = new URL(to, base);
  const next = url.origin === own ? backend : others.get(url.origin);
  return next && { backend: next, path: url.pathname + url.search };
}

function unavailable(name: string, backend: Backend): Refusal {
  const seconds = String(Math.max(1, Math.ceil(backend.waitMs / 1000)));
  return refuse('no_target_available', `The part ${name} is not available.`, { headers: { 'retry-after': seconds } });
}

/** For values of the configuration. */
const AS_IT_IS: KeepPlan = {
  ...{ target: null, allow: null, deny: [], map: {}, collection: null, grouped: true, fields: [] },
};

/** Why a part is missing, as the answer says it. */
const wordsOf = (refusal: Refusal): string =>
  JSON.stringify({ status: statusOf(refusal), code: refusal.code, detail: refusal.message });

const timeoutsOf = ({ config: { timeout = DEFAULT_MS } }: Part) =>
  deadlinesOf({ connectMs: timeout, headersMs: timeout, idleMs: timeout, totalMs: timeout });

function giveUp(running: Running): void {
  running.failed = true;
  for (const asking of running.asking) asking.abort();
}

const lost = (name: string, why: string): Refusal => refuse('upstream_error', `The part ${name} failed: ${why}.`);

/** What an upstream says of the request itself is said of the whole; what it says of us or of itself is not. */
function ofStatus(name: string, status: number, headers: readonly string[]): Refusal {
  const message = `The part ${name} answered ${status}.`;
  if (status === 429) {
    const after = headerIn(headers, 'retry-after');
    const sane = after !== undefined && after.length < 100 && /^[\x20-\x7e]+$/.test(after);
    return refuse('upstream_error', message, { upstream: { status }, headers: sane ? { 'retry-after': after } : {} });
  }
  return [400, 404, 405, 409, 410, 422, 451].includes(status)
    ? refuse('upstream_error', message, { upstream: { status } })
    : refuse('upstream_error', message);
}

/**
 * The route's usual words on client and gateway, and of the client's own headers those that the part names. Another origin that
 * a redirect leads to is told nothing of the caller.
 */
function headersFor(
  { part, backend: home }: ComposedPart,
  backend: Backend,
  visit: Visit,
  route: Route,
  body: Buffer | null,
): string[] {
  const all = route.requestHeaders.build(visit, backend.hostHeader, false);
  if (visit.trace) asChildOf(visit.trace, all);
  if (backend !== home) {
    const told = ['host', 'via', 'x-request-id'];
    const out = all.flatMap((name, i) => (i % 2 === 0 && told.includes(name) ? [name, all[i + 1]!] : []));
    return [...out, 'accept', 'application/json'];
  }
  if (visit.bodyType !== '') {
    removeFrom(all, 'content-type');
    all.push('content-type', visit.bodyType);
  }
  const wanted = new Set([
    ...(part.config.headers ?? []),
    'traceparent',
    'tracestate',
    ...(body ? ['content-type'] : []),
  ]);
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
