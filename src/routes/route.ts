/** A route as it runs: its configuration compiled into what each station needs. Built with the configuration, never changed. */
import type { Policy, RouteConfig } from '../config/classic-routes.js';
import type { JsonLimits } from '../lib/json-bounds.js';
import { parseTemplate, placeholders } from '../lib/template.js';
import type { LimitsEngine } from '../limits/limits.js';
import { CREDENTIALS } from './auth-forward.js';
import { AnswerCache, type Sent } from './cache.js';
import type { Composition } from './compose.js';
import { type CompressOptions, compression } from './compress.js';
import { Cors } from './cors.js';
import { claimedHeaders, Gate, type GateDeps, KEY_HEADERS } from './gate.js';
import { RequestHeaders } from './headers.js';
import { ipFilter } from './ip.js';
import type { JsonWork } from './json-work.js';
import { RouteLimits } from './limits.js';
import type { Matchable } from './match.js';
import type { Mirror } from './mirror.js';
import { OwnErrors } from './own-errors.js';
import { ResponseChanges } from './response-changes.js';
import { BodyEdit, HeaderEdit, PathEdit } from './transform.js';
import type { Upstream, UpstreamDeps } from './upstream.js';
import { Validation } from './validate.js';

const LARGEST_JSON = 1024 * 1024;
const DEEPEST_JSON = 64;
const MOST_VALUES = 100_000;

export interface RouteDeps extends GateDeps, UpstreamDeps {
  readonly limits: LimitsEngine;
  readonly bodyLimit: number;
  readonly work: JsonWork;
  readonly validators: ConstructorParameters<typeof Validation>[1];
}

export interface Fixed {
  readonly status: number;
  readonly headers: readonly (readonly [string, readonly string[]])[];
  readonly body: Buffer | undefined;
}

export class Route implements Matchable {
  readonly name: string;
  readonly match: RouteConfig['match'];
  readonly answersPreflight: boolean;
  readonly config: RouteConfig;
  readonly gate: Gate;
  readonly limits: RouteLimits;
  readonly ip: ReturnType<typeof ipFilter> | null;
  readonly cors: Cors | null;
  readonly upstream: Upstream | null;
  readonly compose: Composition | null;
  readonly fixed: Fixed | null;
  readonly redirect: { readonly status: number; readonly to: readonly string[] } | null;
  readonly requestHeaders: RequestHeaders;
  readonly headerEdit: HeaderEdit | null;
  readonly pathEdit: PathEdit | null;
  readonly bodyEdit: BodyEdit | null;
  readonly responseChanges: ResponseChanges | null;
  /** Bodies of answers are changed, so they are asked for plain and whole. */
  readonly changesBodies: boolean;
  /** In the place of answers that failed. */
  readonly ownErrors: OwnErrors | null;
  readonly validation: Validation | null;
  readonly cache: AnswerCache | null;
  readonly compress: CompressOptions | null;
  readonly mirror: Mirror | null;
  readonly bodyLimit: number;
  /** Bounds of JSON that is looked into, and who does it. */
  readonly json: { readonly largestBytes: number; readonly limits: JsonLimits };
  readonly work: JsonWork;
  readonly logOnly: ReadonlySet<Policy>;

  constructor(
    config: RouteConfig,
    upstream: Upstream | null,
    mirror: Mirror | null,
    compose: Composition | null,
    deps: RouteDeps,
  ) {
    const { request, response, respond, redirect } = config;
    this.config = config;
    this.name = config.name;
    this.match = config.match;
    this.answersPreflight = config.cors !== undefined;
    const sent = sentBy(config);
    this.gate = new Gate(config.auth, config.name, claimsAmong(sent), deps);
    this.limits = new RouteLimits(config.name, config.limits, deps.limits);
    this.ip = config.ip ? ipFilter(config.ip) : null;
    this.cors = config.cors ? new Cors(config.cors, config.match.methods) : null;
    this.upstream = upstream;
    this.mirror = mirror;
    this.compose = compose;
    this.fixed = respond ? fixedOf(respond) : null;
    this.redirect = redirect ? { status: redirect.status ?? 308, to: parseTemplate(redirect.to) } : null;
    this.requestHeaders = new RequestHeaders(claimedHeaders(config.auth));
    this.headerEdit = request?.headers ? new HeaderEdit(request.headers) : null;
    this.pathEdit = request?.path || request?.query ? new PathEdit(request.path, request.query) : null;
    this.bodyEdit = request?.body ? new BodyEdit(request.body) : null;
    this.responseChanges = response ? new ResponseChanges(response) : null;
    this.changesBodies = this.responseChanges?.bodies ?? false;
    this.ownErrors = response?.errors ? new OwnErrors(response.errors) : null;
    this.validation = config.validate ? new Validation(config.validate, deps.validators) : null;
    this.cache = config.cache ? new AnswerCache(config.cache, toldBy(config, sent), deps.clock) : null;
    this.compress = compression(config.compress);
    this.bodyLimit = config.body_limit ?? deps.bodyLimit;
    const { largest = LARGEST_JSON, depth = DEEPEST_JSON, values = MOST_VALUES } = config.json ?? {};
    this.json = { largestBytes: largest, limits: { depth, values } };
    this.work = deps.work;
    this.logOnly = new Set(config.log_only ?? []);
  }
}

/** What the route's templates send upstream of a request. */
const sentBy = ({ request, compose }: RouteConfig): readonly string[] => [
  ...new Set(placeholders(JSON.stringify([request ?? null, compose?.map(({ url }) => url) ?? null]))),
];

/** What the answers of a route may depend on besides path, query and caller. */
function toldBy({ auth, request }: RouteConfig, sent: readonly string[]): Sent {
  const { remove = [], set = {} } = request?.headers ?? {};
  const replaced = new Set([...remove, ...Object.keys(set)].map((name) => name.toLowerCase()));
  const credentials = new Set([...KEY_HEADERS, ...(auth.forward ? (auth.forward.headers ?? CREDENTIALS) : [])]);
  const known = (name: string): boolean => name.startsWith('consumer.') || name === 'request.id';
  return {
    credentials: [...credentials].filter((name) => !replaced.has(name)),
    names: sent.filter((name) => !known(name)),
  };
}

const claimsAmong = (names: readonly string[]): string[] =>
  names.filter((name) => name.startsWith('claims.')).map((name) => name.slice('claims.'.length));

function fixedOf(respond: NonNullable<RouteConfig['respond']>): Fixed {
  const { status = 200, headers = {}, body } = respond;
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), parseTemplate(value)] as const);
  const typed = named.some(([name]) => name === 'content-type');
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  return {
    status,
    headers: text === undefined || typed ? named : [...named, ['content-type', [type]] as const],
    body: text === undefined ? undefined : Buffer.from(text),
  };
}
