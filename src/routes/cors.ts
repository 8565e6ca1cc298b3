/**
 * Cross-origin requests. A preflight is answered here and goes no further; every other answer to an allowed origin says so,
 * also when it is a refusal, or a browser would not show why. An origin that is not allowed gets no word of permission.
 */
import type { CorsConfig } from '../config/classic-routes.js';
import { AllowedOrigins } from '../lib/allowed-origins.js';
import type { Visit } from './visit.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

export class Cors {
  readonly #config: CorsConfig;
  readonly #origins: AllowedOrigins;
  readonly #methods: string;

  constructor(config: CorsConfig, methods: readonly string[] | undefined) {
    this.#config = config;
    this.#origins = new AllowedOrigins(config.origins);
    this.#methods = (config.methods ?? methods ?? METHODS).join(', ');
  }

  /** Answers a preflight and says so; else adds what any answer needs. */
  handle(visit: Visit): boolean {
    const { origin } = visit.req.headers;
    if (!this.#origins.any) visit.extra.push('vary', 'origin');
    const about = visit.req.headers['access-control-request-method'];
    const preflight = visit.method === 'OPTIONS' && origin !== undefined && about !== undefined;
    if (origin !== undefined && this.#origins.has(origin)) {
      visit.extra.push('access-control-allow-origin', this.#origins.any ? '*' : origin);
      if (this.#config.credentials) visit.extra.push('access-control-allow-credentials', 'true');
      if (preflight) this.#permit(visit);
      else if (this.#config.expose?.length)
        visit.extra.push('access-control-expose-headers', this.#config.expose.join(', '));
    }
    if (preflight) visit.answer(204, []);
    return preflight;
  }

  /** Headers of an upstream's answer that are ours to say. */
  static owns = (name: string): boolean =>
    name.startsWith('access-control-allow-') || name === 'access-control-expose-headers';

  #permit(visit: Visit): void {
    const { headers, max_age = 600_000 } = this.#config;
    const asked = visit.req.headers['access-control-request-headers'];
    visit.extra.push('access-control-allow-methods', this.#methods);
    const allowed = headers === undefined || headers.includes('*') ? asked : headers.join(', ');
    if (allowed !== undefined && /^[\w\-,\s!#$%&'*+.^`|~]*$/.test(allowed))
      visit.extra.push('access-control-allow-headers', allowed);
    visit.extra.push('access-control-max-age', String(Math.floor(max_age / 1000)));
    if (headers === undefined || headers.includes('*')) visit.extra.push('vary', 'access-control-request-headers');
  }
}
