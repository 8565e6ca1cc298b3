/** A kept answer renewed behind the client that got it while it was stale. One request at a time for each answer. */
import { askBackend } from './ask.js';
import { hashKey, requestFor } from './attempts.js';
import type { AnswerCache, Kept } from './cache.js';
import { responseHeaders } from './headers.js';
import type { ServeDeps } from './policy.js';
import type { Route } from './route.js';
import type { Visit } from './visit.js';

const LONGEST_MS = 60_000;
const LARGEST_BYTES = 1024 * 1024;

/** What the request says is read at once: it may be over before the answer is there. */
export async function renew(
  visit: Visit,
  route: Route,
  cache: AnswerCache,
  key: string,
  kept: Kept,
  { deadlines }: ServeDeps,
): Promise<void> {
  const upstream = route.upstream!;
  const fill = cache.fill(visit, key, kept);
  const path = route.pathEdit ? route.pathEdit.apply(visit) : undefined;
  const backend = upstream.pick(() => hashKey(visit, route), []);
  if (!fill || !backend || visit.method !== 'GET' || (path && !path.ok) || !cache.beginRenewal(key)) return;
  try {
    const target = path?.ok ? path.value : visit.path + visit.query;
    const request = requestFor(visit, route, backend, target, null, fill);
    if ('code' in request) return;
    const timeouts = { ...upstream.timeouts, total: Math.min(upstream.timeouts.total, LONGEST_MS) };
    const largest = route.config.cache?.largest ?? LARGEST_BYTES;
    const asked = await askBackend(backend, { ...request, upgrade: null }, timeouts, deadlines, largest).answer;
    if (asked.kind === 'failed') return;
    const headers = responseHeaders(asked.headers);
    if (asked.status === 304) fill.confirmed(headers);
    else if (fill.wants(asked.status, headers)) {
      fill.data(asked.body);
      fill.end();
    }
  } finally {
    cache.endRenewal(key);
  }
}
