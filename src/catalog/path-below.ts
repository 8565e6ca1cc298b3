import { withoutTrailing } from '../lib/without-trailing.js';

/** A base URL may or may not end in the `/v1` that a path begins with. */
export function pathBelow(base: URL, path: string): string {
  const root = withoutTrailing(base.pathname, '/');
  return root.endsWith('/v1') && path.startsWith('/v1/') ? root + path.slice(3) : root + path;
}
