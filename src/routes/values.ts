/** What `{...}` stands for in the templates of a route. */
import { claimOf, claimText } from '../jwt/claims.js';
import { cookieValue, queryValue } from './gate.js';
import type { Visit } from './visit.js';

/** First words of names that are not those of parts. */
export const roots: ReadonlySet<string> = new Set([
  'header',
  'query',
  'cookie',
  'consumer',
  'claims',
  'request',
  'client',
]);

/** The text behind a name; undefined where the request has none. */
export function valueFor(visit: Visit, name: string): string | undefined {
  const dot = name.indexOf('.');
  if (dot === -1) {
    const param = visit.param(name);
    if (param !== undefined) return param;
    if (name === 'path') return visit.path;
    if (name === 'query') return visit.query;
    return name === 'host' ? visit.hostHeader : undefined;
  }
  const field = name.slice(dot + 1);
  const { consumer } = visit;
  switch (name.slice(0, dot)) {
    case 'header':
      return visit.header(field.toLowerCase());
    case 'query':
      return queryValue(visit.query, field);
    case 'cookie':
      return cookieValue(visit.header('cookie') ?? '', field);
    case 'claims':
      return claimText(claimOf(consumer.claims, field));
    case 'consumer':
      return { id: consumer.id, name: consumer.name, team: consumer.team ?? undefined, kind: consumer.kind }[field];
    case 'request':
      return { id: visit.requestId, method: visit.method }[field];
    case 'client':
      return field === 'ip' ? visit.ip : undefined;
    default:
      return undefined;
  }
}

/** A value as one segment of a path, or a part of one; undefined where it would be another path. */
export function pathSafe(value: string): string | undefined {
  return value === '' || value === '.' || value === '..' ? undefined : encodeURIComponent(value);
}
