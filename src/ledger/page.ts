/** Entries as the admin API shows them, and the cursor of its pages. Contract section 7. */
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import { cleanText } from './clean.js';
import type { Entry } from './entry.js';
import type { LedgerFilter, Position } from './ledger-store.js';

/** An entry in JSON: `at` as ISO 8601 with milliseconds, `cost_usd` a decimal string beside the exact nano-dollars. */
export type EntryJson = Omit<Entry, 'at' | 'decision'> & {
  readonly at: string;
  readonly cost_usd: string;
};

export function entryJson(entry: Entry): EntryJson {
  const {
    id,
    at,
    request_id,
    attempt,
    key,
    team,
    user,
    tags,
    metadata,
    endpoint,
    model,
    served_model,
    provider,
    target,
  } = entry;
  const { status, error, stream, cache, tokens, usage_source, cost_nusd, price_version } = entry;
  const { first_byte_ms, duration_ms, overhead_ms, service_tier, billed_nusd, estimate, flags, saved_nusd } = entry;
  const { corrects, correction, provider_request_id } = entry;
  return {
    id,
    at: new Date(at).toISOString(),
    request_id,
    attempt,
    key,
    team,
    user,
    tags,
    metadata,
    endpoint,
    model,
    served_model,
    provider,
    target,
    status,
    error,
    stream,
    cache,
    tokens,
    usage_source,
    cost_nusd,
    cost_usd: usd(cost_nusd.total),
    ...(saved_nusd !== undefined && { saved_nusd }),
    price_version,
    first_byte_ms,
    duration_ms,
    overhead_ms,
    ...(service_tier !== undefined && { service_tier }),
    ...(provider_request_id !== undefined && { provider_request_id }),
    ...(billed_nusd !== undefined && { billed_nusd }),
    ...(estimate !== undefined && { estimate }),
    ...(flags !== undefined && { flags }),
    ...(corrects !== undefined && { corrects }),
    ...(correction !== undefined && { correction }),
  };
}

/** An opaque word that says where the next page begins. */
export const encodeCursor = ({ at, id }: Position): string => Buffer.from(`${at}/${id}`).toString('base64url');

export function decodeCursor(cursor: string): Result<Position> {
  const match = /^(\d{1,15})\/([\w-]{1,100})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match?.[1] || !match[2]) {
    return refused(
      refuse('invalid_value', 'This cursor is not one that was given out. Use `next_cursor` of the page before.', {
        param: 'cursor',
      }),
    );
  }
  return ok({ at: Number(match[1]), id: match[2] });
}

/** Times and statuses that no entry can have, which a database would take for a fault. */
export function filterProblem({ from, to, status }: LedgerFilter): Refusal | null {
  for (const [param, ms] of Object.entries({ from, to })) {
    if (ms !== undefined && !(Number.isInteger(ms) && ms >= 0 && ms < 1e15)) {
      return refuse('invalid_value', `\`${param}\` is not a time since 1970.`, { param });
    }
  }
  if (status !== undefined && !(Number.isInteger(status) && status >= 0 && status <= 999)) {
    return refuse('invalid_value', '`status` is not an HTTP status.', { param: 'status' });
  }
  return null;
}

/** The filter in the words that the ledger keeps: texts are cleaned as those of entries are. */
export function cleanFilter(filter: LedgerFilter): LedgerFilter {
  const cleaned = Object.entries(filter).map(([name, value]) => [
    name,
    typeof value === 'string'
      ? cleanText(value)
      : Array.isArray(value)
        ? value.map((one: string) => cleanText(one))
        : value,
  ]);
  return Object.fromEntries(cleaned) as LedgerFilter;
}
