/**
 * Opens the data plane to scripts in browsers, where `server.cors` names their origins. A preflight is answered before anybody is
 * asked for a key; every other answer to an allowed origin says so, refusals and streams too, and lets the script read all of its
 * headers. Cookies have no part in it: keys come in headers. An origin that is not allowed gets no word of permission.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { dialectAt, methodsAt } from '../api/addresses.js';
import type { ClientResponse, Handler } from '../front/client.js';
import { AllowedOrigins } from '../lib/allowed-origins.js';

export interface CorsSettings {
  readonly origins: readonly string[];
  /** Null: those that are asked for. */
  readonly headers: readonly string[] | null;
  /** How long a browser may remember, in milliseconds. */
  readonly max_age: number;
}

/** The settings now in force; null: none. */
type Settings = () => CorsSettings | null;

export class DataPlaneCors {
  readonly #settings: Settings;
  #compiled: { readonly from: readonly string[]; readonly origins: AllowedOrigins } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** For handlers that write to the response themselves. */
  around(handler: Handler): Handler {
    return (request, response) => {
      const { origin } = request.headers;
      if (origin !== undefined) {
        const allowed = this.#allowing(origin);
        if (allowed) addToHead(response, allowed);
      }
      handler(request, response);
    };
  }

  /** For what Fastify answers. */
  addTo(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      if (request.method === 'OPTIONS' && isDataPlane(request)) return this.#preflight(request, reply);
    });
    app.addHook('onSend', async (request, reply) => {
      const settings = this.#settings();
      if (!settings || !isDataPlane(request)) return;
      const exposed = exposing(Object.keys(reply.getHeaders()));
      if (!this.#originsOf(settings).any) reply.header('vary', 'origin');
      const allowed = this.#allowing(request.headers.origin ?? '');
      if (allowed) reply.headers({ [ALLOW_ORIGIN]: allowed.origin, ...(exposed && { [EXPOSE]: exposed }) });
    });
  }

  /** Undefined: the origin may not read answers. */
  #allowing(origin: string): Permission | undefined {
    const settings = this.#settings();
    if (!settings || origin === '') return undefined;
    const origins = this.#originsOf(settings);
    if (!origins.has(origin)) return undefined;
    return { origin: origins.any ? '*' : origin, varies: !origins.any };
  }

  #originsOf({ origins: from }: CorsSettings): AllowedOrigins {
    if (this.#compiled?.from !== from) this.#compiled = { from, origins: new AllowedOrigins(from) };
    return this.#compiled.origins;
  }

  #preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const settings = this.#settings();
    const { origin } = request.headers;
    const about = request.headers['access-control-request-method'];
    if (!settings || origin === undefined || about === undefined) return undefined;
    reply.code(204);
    if (this.#allowing(origin)) {
      const asked = request.headers['access-control-request-headers'];
      const headers = settings.headers?.join(', ') ?? asked;
      reply.headers({
        'access-control-allow-methods': methodsAt(request.url).join(', ') || 'GET, POST',
        ...(headers !== undefined && NAMES.test(headers) && { 'access-control-allow-headers': headers }),
        'access-control-max-age': String(Math.floor(settings.max_age / 1000)),
      });
    }
    return reply.send();
  }
}

interface Permission {
  readonly origin: string;
  readonly varies: boolean;
}

const ALLOW_ORIGIN = 'access-control-allow-origin';
const EXPOSE = 'access-control-expose-headers';
const NAMES = /^[\w\-,\s!#$%&'*+.^`|~]*$/;
/** Scripts may read these of any answer. */
const SAFE = new Set(['content-type', 'content-length', 'cache-control', 'connection', 'transfer-encoding', 'date']);

const isDataPlane = (request: FastifyRequest): boolean => dialectAt(request.url) !== 'problem';

const exposing = (names: readonly string[]): string => names.filter((name) => !SAFE.has(name)).join(', ');

/** Lets the head that a response will be given say who may read it. */
function addToHead(response: ClientResponse, { origin, varies }: Permission): void {
  const write = response.writeHead.bind(response) as (status: number, ...rest: (string | string[])[]) => unknown;
  const added = (headers: readonly string[]): string[] => {
    const exposed = exposing(headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
    return [
      ...headers,
      ...[ALLOW_ORIGIN, origin],
      ...(exposed === '' ? [] : [EXPOSE, exposed]),
      ...(varies ? ['vary', 'origin'] : []),
    ];
  };
  response.writeHead = (status: number, ...rest: (string | string[])[]) =>
    write(status, ...rest.map((one) => (Array.isArray(one) ? added(one) : one)));
}
