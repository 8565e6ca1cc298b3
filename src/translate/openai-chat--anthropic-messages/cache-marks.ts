/**
 * Marks up to which a prompt is to be cached. A caller writes them in the target's own words (`cache_control` on parts,
 * messages and tools, or on the request, for the end of the prompt) or in OpenAI's (`prompt_cache_breakpoint` on parts). A
 * request may hold four; of more, the last four are kept, as OpenAI does with its own: they cover the longest beginnings of the
 * prompt. What is kept for an hour must stand before what is kept for five minutes: a later hour is five minutes then.
 */

import type { CacheControlEphemeral } from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

const MOST_MARKS = 4;

/** OpenAI keeps entries for 30 minutes or 12 hours, Anthropic for 5 minutes or an hour: the shorter is the shorter. */
const lifetimes: ReadonlyMap<unknown, '5m' | '1h'> = new Map([
  ['5m', '5m'],
  ['1h', '1h'],
  ['30m', '5m'],
  ['12h', '1h'],
]);

export interface Markable {
  cache_control?: CacheControlEphemeral | null;
}

/** The mark that `holder` carries, if any. */
export function cacheMark(holder: Json, path: string, findings: Findings): CacheControlEphemeral | undefined {
  const { cache_control: own, prompt_cache_breakpoint: openai } = holder;
  if (!isAbsent(own)) return readMark(own, 'ephemeral', `${path}.cache_control`, findings);
  return isAbsent(openai) ? undefined : readMark(openai, 'explicit', `${path}.prompt_cache_breakpoint`, findings);
}

/** The mark of the request itself. */
export const requestMark = (body: Json, findings: Findings): CacheControlEphemeral | undefined =>
  isAbsent(body['cache_control']) ? undefined : readMark(body['cache_control'], 'ephemeral', 'cache_control', findings);

function readMark(
  mark: unknown,
  kind: 'ephemeral' | 'explicit',
  path: string,
  findings: Findings,
): CacheControlEphemeral | undefined {
  if (!isObject(mark)) return findings.invalid(path, 'must be an object');
  if ((mark['type'] ?? mark['mode']) !== kind) return findings.invalid(path, `must be of type '${kind}'`);
  if (isAbsent(mark['ttl'])) return { type: 'ephemeral' };
  const ttl = lifetimes.get(mark['ttl']);
  if (!ttl) return findings.invalid(`${path}.ttl`, "must be '5m' or '1h'");
  return { type: 'ephemeral', ttl };
}

/**
 * Settles the marks of a request, in place: as many and in such an order as the target takes. `blocks` are in the order of the
 * prompt; `atEnd` is the mark of the request itself. Gives back what is left of that.
 */
export function settleMarks(
  blocks: Iterable<Markable>,
  atEnd: CacheControlEphemeral | undefined,
  findings: Findings,
): CacheControlEphemeral | undefined {
  const marked: Markable[] = [];
  let final: Markable | undefined;
  for (const block of blocks) {
    if (block.cache_control) marked.push(block);
    final = block;
  }
  // The end of the prompt has a mark of its own already.
  const own = final?.cache_control;
  if (atEnd && own && lifetimeOf(own) !== lifetimeOf(atEnd)) findings.drop('cache_control');
  const end = own ? undefined : atEnd;
  const most = end ? MOST_MARKS - 1 : MOST_MARKS;
  for (const block of marked.slice(0, -most)) {
    delete block.cache_control;
    findings.drop('cache_control');
  }
  const kept: Markable[] = marked.slice(-most);
  const last: Markable = { cache_control: end ?? null };
  if (end) kept.push(last);
  shortenLater(kept, findings);
  return last.cache_control ?? undefined;
}

const lifetimeOf = ({ ttl }: CacheControlEphemeral): '5m' | '1h' => ttl ?? '5m';

function shortenLater(kept: readonly Markable[], findings: Findings): void {
  const first = kept.findIndex(({ cache_control: mark }) => mark && lifetimeOf(mark) === '5m');
  if (first === -1) return;
  for (const block of kept.slice(first)) {
    if (!block.cache_control || lifetimeOf(block.cache_control) === '5m') continue;
    block.cache_control = { ...block.cache_control, ttl: '5m' };
    findings.drop('cache_control.ttl');
  }
}
