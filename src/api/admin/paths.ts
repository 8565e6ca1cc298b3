/** Which methods a path knows, so that a wrong one is told from a wrong path (405 with `allow`, rather than 404). */
import type { RouteOptions } from 'fastify';

export interface Paths {
  /** An `onRoute` hook. */
  add(route: RouteOptions): void;
  /** The methods of the routes that the path would match. */
  methodsOf(path: string): string[];
}

export function createPaths(): Paths {
  const routes: { parts: string[]; methods: string[] }[] = [];
  return {
    add: (route) => void routes.push({ parts: route.url.split('/'), methods: [route.method].flat() }),
    methodsOf(path) {
      const asked = path.split('/');
      const fits = (parts: string[]) =>
        parts.length === asked.length &&
        parts.every((part, i) => (part.startsWith(':') ? asked[i] : part === asked[i]));
      return [...new Set(routes.filter((route) => fits(route.parts)).flatMap((route) => route.methods))];
    },
  };
}
