/**
 * Marks up to which a prompt is to be cached. A caller writes them in the target's own words (`cache_control` on parts,
 * messages and tools) or in OpenAI's (`prompt_cache_breakpoint` on parts). A request may hold four; of more, the last four
 * are kept, as OpenAI does with its own: they cover the longest beginnings of the prompt.
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
  for (const name of ['cache_control', 'prompt_cache_breakpoint']) {
    const mark = holder[name];
    if (isAbsent(mark)) continue;
    const kind = name === 'cache_control' ? 'ephemeral' : 'explicit';
    if (!isObject(mark)) return findings.invalid(`${path}.${name}`, 'must be an object');
    if ((mark['type'] ?? mark['mode']) !== kind)
      return findings.invalid(`${path}.${name}`, `must be of type '${kind}'`);
    if (isAbsent(mark['ttl'])) return { type: 'ephemeral' };
    const ttl = lifetimes.get(mark['ttl']);
    if (!ttl) return findings.invalid(`${path}.${name}.ttl`, "must be '5m' or '1h'");
    return { type: 'ephemeral', ttl };
  }
  return undefined;
}

/** Takes marks away until no more than four are left. `blocks` are in the order of the prompt. */
export function keepLastMarks(blocks: Iterable<Markable>, findings: Findings): void {
  const marked = [...blocks].filter((block) => block.cache_control);
  for (const block of marked.slice(0, -MOST_MARKS)) {
    delete block.cache_control;
    findings.drop('cache_control');
  }
}
