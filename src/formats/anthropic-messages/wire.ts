/**
 * Facts of the Anthropic messages dialect that everyone who reads it needs: usage, errors, and the events of a stream.
 * Source of the shapes: Anthropic's `POST /v1/messages`, API version 2023-06-01.
 */
import { isObject } from '../../lib/json.js';
import { errorIn } from '../error-body.js';
import type { UpstreamFailure } from '../failure.js';
import { count, counted, laterUsage, noUsage, serviceTier, type Usage } from '../usage.js';

type Wire = Readonly<Record<string, unknown>>;

/**
 * Usage as a message or a stream event reports it. `input_tokens` leaves out what was read from and written to the cache.
 * Reports of one stream are cumulative: a later one overwrites what it names, where its figures do not fall, and keeps the rest
 * of `before`, which is also the result where `wire` reports nothing.
 */
export function readMessagesUsage(wire: unknown, before?: Usage): Usage | undefined {
  if (!isObject(wire)) return before;
  const input = counted(wire['input_tokens']);
  const output = counted(wire['output_tokens']);
  if (input === undefined && output === undefined) return before;
  const { lacks, ...old } = before ?? noUsage();
  const details = isObject(wire['output_tokens_details']) ? wire['output_tokens_details'] : {};
  // A faster service is billed as a tier of its own.
  const tier = serviceTier(wire['speed']) ?? serviceTier(wire['service_tier']);
  const own = isObject(wire['server_tool_use']) ? count(wire['server_tool_use']['web_search_requests']) : 0;
  const all = output ?? old.output;
  const missing = input === undefined && (!before || lacks === 'input') ? 'input' : undefined;
  const untold = output === undefined && (!before || lacks === 'output') ? 'output' : missing;
  const now: Usage = {
    ...old,
    ...cacheWrites(wire, old),
    ...(tier !== undefined && { service_tier: tier }),
    ...(own > 0 && { tools: { web_search: own } }),
    ...(untold && { lacks: untold }),
    input: input ?? old.input,
    cache_read: counted(wire['cache_read_input_tokens']) ?? old.cache_read,
    output: all,
    reasoning: Math.min(all, counted(details['thinking_tokens']) ?? old.reasoning),
  };
  return laterUsage(before, now);
}

/** Only the first report of a stream tells lifetimes; what later ones add is taken for the shorter, which is the default. */
function cacheWrites(wire: Wire, old: Usage): Pick<Usage, 'cache_write_5m' | 'cache_write_1h'> {
  const split = isObject(wire['cache_creation']) ? wire['cache_creation'] : undefined;
  const hour = split ? count(split['ephemeral_1h_input_tokens']) : old.cache_write_1h;
  const minutes = split ? count(split['ephemeral_5m_input_tokens']) : old.cache_write_5m;
  const told = counted(wire['cache_creation_input_tokens']) ?? hour + minutes;
  const total = split ? Math.max(told, hour + minutes) : told;
  const longer = Math.min(hour, total);
  return { cache_write_1h: longer, cache_write_5m: total - longer };
}

/** The status that an error type has where it comes before the answer. 529 is Anthropic's own "overloaded". */
const statuses: ReadonlyMap<unknown, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['conflict_error', 409],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

/** The error that a body or a stream event of status 200 tells of; undefined where it tells of none. */
export function inBandError(body: unknown): UpstreamFailure | undefined {
  const told = errorIn(body);
  return told && { kind: 'in_band', ...told, status: statuses.get(told.type) ?? told.status };
}
