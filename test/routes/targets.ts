/** Targets of a route, and a gateway in front of them, for one test. */
import { afterEach } from 'node:test';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

/** Closed after each test of the file, the last one first. */
export const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export async function target(handler?: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

export async function serving(upstream: object, more: object = {}, options?: TestRoutesOptions): Promise<TestRoutes> {
  const gateway = await startRoutes(
    [{ name: 'r', match: { path: '/*' }, upstream, auth: { none: {} }, ...more }],
    options,
  );
  closing.push(() => gateway.stop());
  return gateway;
}

export const failing =
  (status: number): HttpUpstream['handler'] =>
  (_seen, response) => {
    response.writeHead(status);
    response.end('failed');
  };

/** Waits for what happens beside the test. */
export async function until(what: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!what()) {
    if (Date.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
