/**
 * How the admin API reads bodies: JSON in UTF-8, up to 1 MB, whatever the data plane allows. An empty body is no body, also
 * where the client says that it is JSON, for many do so on a POST that needs none. `__proto__` and its like are refused.
 */
import type { FastifyInstance } from 'fastify';
import { jsonExcess } from '../../lib/json-bounds.js';
import { INVALID_JSON } from './errors.js';

const LARGEST_BYTES = 1024 * 1024;
const JSON_LIMITS = { depth: 1_000_000, values: 1_000_000, keys: 10_000 };
const utf8 = new TextDecoder('utf-8', { fatal: true });

const invalidJson = () => Object.assign(new Error('not valid JSON'), { code: INVALID_JSON, statusCode: 400 });

export function readsJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer', bodyLimit: LARGEST_BYTES },
    (request, body: Buffer, done) => {
      if (body.length === 0) return done(null, undefined);
      if (jsonExcess(body, JSON_LIMITS) !== null) return done(invalidJson(), undefined);
      let text: string;
      try {
        text = utf8.decode(body);
      } catch {
        return done(invalidJson(), undefined);
      }
      return parse(request, text, (error, value) => (error ? done(invalidJson(), undefined) : done(null, value)));
    },
  );
}
