/**
 * All routes of a configuration, and their change to those of another: a new table is built beside the old one and takes its
 * place in one assignment. Requests that run keep the route that they began with; an upstream that is the same in both keeps
 * its connections, its breakers and what it knows of its targets' health.
 */
import type { RequestListener, Server } from 'node:http';
import type { RouteConfig } from '../config/classic-routes.js';
import type { Direct } from '../front/client.js';
import type { Closing } from '../front/closing.js';
import type { Certificates } from '../front/tls.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { BreakerState } from '../lib/breaker.js';
import type { Clock } from '../lib/clock.js';
import { type Result, refuse } from '../lib/errors.js';
import { headerIn } from '../lib/headers.js';
import type { Overload } from '../lib/overload.js';
import { messageOf, stackOf } from '../lib/thrown.js';
import { readTraceparent } from '../lib/trace-context.js';
import { validator } from '../lib/validators.js';
import type { Limit } from '../limits/limit.js';
import type { LimitsEngine } from '../limits/limits.js';
import type { AccessFields, Log } from '../telemetry/log.js';
import type { Tracing } from '../telemetry/trace.js';
import type { Deadlines } from '../upstream/deadline.js';
import { Questions } from '../upstream/question.js';
import { resourceOf } from './cache.js';
import { ClientAddress } from './client-address.js';
import { Composition } from './compose.js';
import { frontServer, tooLong } from './front.js';
import { JsonWork } from './json-work.js';
import { Matcher } from './match.js';
import { Mirror } from './mirror.js';
import { backendsOf, setBreaker, showRoutes } from './overview.js';
import type { ServeDeps } from './policy.js';
import { Route, type RouteDeps } from './route.js';
import { serve } from './serve.js';
import type { ClientTimeouts } from './slow-clients.js';
import { traceOf, traceVisit } from './trace.js';
import { Upstream } from './upstream.js';
import type { Visit } from './visit.js';

/** What is told of routes, besides the log. */
export interface RouteMeter {
  answered(route: string, method: string, status: number, durationMs: number): void;
  refused(route: string, policy: string, logOnly: boolean): void;
  retried(route: string, why: string): void;
}

export interface RoutesDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly limits: LimitsEngine;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly access: (fields: AccessFields) => void;
  readonly meter: RouteMeter;
  readonly trustProxy: () => readonly string[];
  /** A limit refused a request. */
  readonly onDenied: (limit: Limit) => void;
  readonly overload: Pick<Overload, 'refuses'>;
  readonly bodyLimit: () => number;
  /** How long clients may take to send a request. */
  readonly clientTimeouts: () => ClientTimeouts;
  /** What clients are shown; null: plain HTTP. */
  readonly certificates: () => Certificates | null;
  readonly onAuthFailure: (reason: string) => void;
  /** Null: no request is traced. */
  readonly tracing: Pick<Tracing, 'begin'> | null;
}

interface Kept<T> {
  readonly key: string;
  readonly value: T;
}

export interface Prepared {
  readonly matcher: Matcher<Route>;
  readonly routes: readonly Route[];
  readonly upstreams: readonly Kept<Upstream>[];
  readonly mirrors: readonly Mirror[];
  readonly compositions: readonly Kept<Composition>[];
}

const EMPTY: Prepared = { matcher: new Matcher<Route>([]), routes: [], upstreams: [], mirrors: [], compositions: [] };

export interface TargetState {
  readonly route: string;
  readonly target: string;
  readonly healthy: boolean;
  readonly breaker: BreakerState;
}

export class Routes {
  readonly #deps: RoutesDeps;
  readonly #serveDeps: ServeDeps;
  readonly #work = new JsonWork();
  /** To services that know who may call. */
  readonly #questions: Questions;
  #table: Prepared = EMPTY;
  #inFlight = 0;
  #address: { readonly of: readonly string[]; readonly address: ClientAddress } | undefined;

  constructor(deps: RoutesDeps) {
    this.#deps = deps;
    const { log, meter } = deps;
    this.#questions = new Questions(deps.clock);
    this.#serveDeps = {
      clock: deps.clock,
      deadlines: deps.deadlines,
      onPolicy: (route, policy, refusal, logOnly, visit) => {
        meter.refused(route, policy, logOnly);
        if (!logOnly) return;
        log.warn(
          { request_id: visit.requestId, route, policy, code: refusal.code, ...said(policy, refusal.message) },
          'would have been refused',
        );
      },
      onDenied: deps.onDenied,
      overload: deps.overload,
      onRetry: (route, why) => meter.retried(route, why),
      onChanged: (visit, headers) => forgetChanged(this.#table.routes, visit, headers),
    };
  }

  /** The routes of a configuration beside those that run. Throws where they cannot be made; changes nothing. */
  prepare(configs: readonly RouteConfig[], bodyLimit: number): Prepared {
    const before = this.#table;
    const upstreams: Kept<Upstream>[] = [];
    const compositions: Kept<Composition>[] = [];
    const mirrors: Mirror[] = [];
    try {
      const routes = configs.map((config) => {
        const { name } = config;
        const deps = this.#routeDeps(name, bodyLimit);
        const upstreamKey = JSON.stringify([name, config.upstream, config.breaker]);
        const composeKey = JSON.stringify([name, config.compose]);
        let upstream: Upstream | null = null;
        let compose: Composition | null = null;
        if (config.upstream) {
          upstream = keptAs(before.upstreams, upstreamKey) ?? new Upstream(config.upstream, config.breaker, deps);
          upstreams.push({ key: upstreamKey, value: upstream });
        }
        if (config.compose) {
          compose = keptAs(before.compositions, composeKey) ?? new Composition(config.compose, deps);
          compositions.push({ key: composeKey, value: compose });
        }
        const mirror = config.mirror ? new Mirror(config.mirror, deps) : null;
        if (mirror) mirrors.push(mirror);
        return new Route(config, upstream, mirror, compose, deps);
      });
      return { matcher: new Matcher(routes), routes, upstreams, mirrors, compositions };
    } catch (error) {
      retire({ ...EMPTY, upstreams, mirrors, compositions }, before);
      throw error;
    }
  }

  /** Takes prepared routes in. What the ones before had and these have not ends when its requests have ended. */
  take(prepared: Prepared): void {
    const before = this.#table;
    this.#table = prepared;
    retire(before, prepared);
    for (const { value } of prepared.upstreams) void value.ready();
  }

  /** Resolves once names were looked up for the first time; requests are served before. */
  async apply(configs: readonly RouteConfig[]): Promise<void> {
    this.take(this.prepare(configs, this.#deps.bodyLimit()));
    await Promise.all(this.#table.upstreams.map(({ value }) => value.ready()));
  }

  /** A server whose requests go to routes first, and else to `behind`; plain ones that `direct` has a handler for, there. */
  server(direct: Direct, behind: RequestListener, closing: Closing): Server {
    const { clock, trustProxy } = this.#deps;
    return frontServer(
      {
        closing,
        matcher: () => this.#table.matcher,
        address: () => this.#addressOf(trustProxy()),
        now: () => clock.monotonic(),
        timeouts: this.#deps.clientTimeouts,
        certificates: this.#deps.certificates(),
        serve: (visit, route) => this.#serve(visit, route),
        onRefused: (visit) => this.#logLine(visit, '', clock.monotonic() - visit.arrivedAt),
      },
      direct,
      behind,
    );
  }

  /** Requests that routes serve now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The state of every target, for metrics. */
  targets(): TargetState[] {
    return this.#table.routes.flatMap((route) => {
      return backendsOf(route).map(({ id, healthy, breakerState }) => ({
        route: route.name,
        target: id,
        healthy,
        breaker: breakerState,
      }));
    });
  }

  /** Routes and their targets, for an admin. */
  readonly overview = () => showRoutes(this.#table.routes, this.#deps.clock);

  /** A breaker by hand; answers the target as it is then. */
  readonly setBreaker = (route: string, target: string, to: 'open' | 'closed'): Result<object> =>
    setBreaker(this.#table.routes, route, target, to, this.#deps.clock);

  async close(): Promise<void> {
    const { upstreams, mirrors, compositions } = this.#table;
    this.#table = EMPTY;
    this.#questions.close();
    await Promise.all([
      this.#work.close(),
      ...upstreams.map(({ value }) => value.close()),
      ...compositions.map(({ value }) => value.close()),
      ...mirrors.map((mirror) => mirror.close()),
    ]);
  }

  /** A changed list of trusted proxies is another object. */
  #addressOf(trustProxy: readonly string[]): ClientAddress {
    if (this.#address?.of !== trustProxy) this.#address = { of: trustProxy, address: new ClientAddress(trustProxy) };
    return this.#address.address;
  }

  #serve(visit: Visit, route: Route): void {
    this.#inFlight++;
    if (this.#deps.tracing) visit.trace = traceOf(visit, this.#deps.tracing);
    visit.onClosed = () => {
      visit.onClosed = null;
      visit.gone = !visit.res.writableFinished && visit.upgrade === null;
      route.limits.settle(visit);
      if (visit.gone) visit.onGone?.();
      visit.onGone = null;
      this.#ended(visit, route);
    };
    visit.res.on('close', () => visit.onClosed?.());
    if (tooLong(visit.req)) return visit.refuse(refuse('uri_too_long', 'The target of the request is too long.'));
    serve(visit, route, this.#serveDeps).catch((error: unknown) => {
      this.#deps.log.error({ request_id: visit.requestId, route: route.name, error: stackOf(error) }, 'fault');
      visit.refuse(refuse('internal_error', 'The gateway failed. The request id leads to the cause in its log.'));
    });
  }

  #ended(visit: Visit, route: Route): void {
    this.#inFlight--;
    const durationMs = this.#deps.clock.monotonic() - visit.arrivedAt;
    const status = visit.gone ? 499 : visit.status;
    this.#deps.meter.answered(route.name, visit.method, status, durationMs);
    if (visit.trace) traceVisit(visit.trace, visit, route.name, status, visit.arrivedAt + durationMs);
    this.#logLine(visit, route.name, durationMs);
  }

  #logLine(visit: Visit, route: string, durationMs: number): void {
    const { requestId: request_id, method, path, consumer, target, attempts, cacheState, logged, ip } = visit;
    this.#deps.access({
      request_id,
      trace_id: visit.trace?.traceId ?? readTraceparent(visit.header('traceparent'))?.traceId,
      route: route === '' ? undefined : route,
      method,
      path,
      status: visit.gone ? 499 : visit.status,
      duration_ms: Math.round(durationMs * 100) / 100,
      ip,
      consumer: consumer.id === '' ? undefined : `${consumer.kind}:${consumer.id}`,
      target: attempts === 0 ? undefined : target,
      attempts: attempts === 0 ? undefined : attempts,
      cache: cacheState === '' ? undefined : cacheState,
      log_only: logged === null ? undefined : logged.join(','),
    });
  }

  #routeDeps(name: string, bodyLimit: number): RouteDeps {
    const { authenticator, limits, clock, deadlines, log, onAuthFailure } = this.#deps;
    return {
      ...{
        authenticator,
        limits,
        clock,
        deadlines,
        ask: this.#questions.callout,
        random: Math.random,
        validators: validator,
      },
      ...{ bodyLimit, work: this.#work },
      onRefused: onAuthFailure,
      onFault: (error) => log.warn({ route: name, error: messageOf(error) }, 'authentication service'),
      onEvent: (target, event) => log.warn({ route: name, target, event }, 'route target'),
    };
  }
}

/** What a schema finds wrong may hold the client's own words: they are told to the client, and only their length to the log. */
const said = (policy: string, message: string) =>
  policy === 'validate' ? { detail_length: message.length } : { detail: message };

const keptAs = <T>(kept: readonly Kept<T>[], key: string): T | undefined => kept.find((one) => one.key === key)?.value;

/** What was named by an unsafe request, or by the answer to one (RFC 9111 4.4), in the caches of all routes. */
function forgetChanged(routes: readonly Route[], { host, path }: Visit, headers: readonly string[]): void {
  const paths = new Set([path]);
  for (const name of ['location', 'content-location']) {
    const named = headerIn(headers, name);
    if (named !== undefined && URL.canParse(named, `http://${host}${path}`))
      paths.add(new URL(named, `http://${host}${path}`).pathname);
  }
  for (const { cache } of routes) if (cache) for (const one of paths) cache.changed(resourceOf(host, one));
}

/** Ends what `table` has and `keeps` has not. */
function retire(table: Prepared, keeps: Prepared): void {
  for (const { value } of table.upstreams) if (!keeps.upstreams.some((kept) => kept.value === value)) value.retire();
  for (const { value } of table.compositions)
    if (!keeps.compositions.some((kept) => kept.value === value)) value.retire();
  for (const mirror of table.mirrors) mirror.retire();
}
