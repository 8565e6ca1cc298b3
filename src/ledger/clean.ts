/**
 * What a caller sends (`user`, tags, metadata, a request id) may hold what a database cannot: the character NUL, half a
 * surrogate pair, megabytes, a nesting of thousands. Entries are made to fit before they are queued, so that none is lost
 * and none spoils a batch. Tokens and money are never touched.
 */
import type { Entry } from './entry.js';

/** Longest text of an entry, in UTF-16 units. Three bytes each still fit into an index. */
const MOST_CHARS = 500;
const MOST_TAGS = 100;
/** What the gateway writes of its decisions is shorter, however long names are. */
const MOST_DECISION = 6_000;
/** Most metadata, counted in characters of names and values; what is beyond is left out. */
const MOST_METADATA = 16_384;
const MOST_DEPTH = 32;

const suspect = /[\0\ud800-\udfff]/;
// With the flag `u`, whole pairs do not match.
const unstorable = /[\0\p{Surrogate}]/gu;

/** The text as the ledger keeps it: what cannot be stored becomes U+FFFD, what is too long is cut. */
export function cleanText(text: string, mostChars = MOST_CHARS): string {
  if (fits(text, mostChars)) return text;
  return text.slice(0, mostChars).replace(unstorable, '\ufffd');
}

const fits = (text: string, mostChars = MOST_CHARS): boolean => text.length <= mostChars && !suspect.test(text);

/** Whether an entry without metadata, as most are, can stay the object that it is. What is as in `known` is not looked at. */
function isClean(entry: Entry, known: Entry | undefined): boolean {
  for (const _ in entry.metadata) return false;
  return (
    (known ? sameHead(entry, known) : isCleanHead(entry)) &&
    fits(entry.served_model ?? '') &&
    fits(entry.error ?? '') &&
    fits(entry.service_tier ?? '') &&
    fits(entry.provider_request_id ?? '') &&
    Number.isFinite(entry.first_byte_ms ?? 0) &&
    Number.isFinite(entry.duration_ms) &&
    Number.isFinite(entry.overhead_ms)
  );
}

const isCleanHead = (entry: Entry): boolean =>
  fits(entry.id) &&
  fits(entry.request_id) &&
  fits(entry.key) &&
  fits(entry.team ?? '') &&
  fits(entry.user ?? '') &&
  entry.tags.length <= MOST_TAGS &&
  entry.tags.every((tag) => fits(tag)) &&
  fits(entry.endpoint) &&
  fits(entry.model) &&
  fits(entry.provider) &&
  fits(entry.target) &&
  fits(entry.price_version) &&
  fits(entry.limit_model ?? '') &&
  fits(entry.decision ?? '', MOST_DECISION);

/** Its texts are the very ones that were found clean. */
const sameHead = (entry: Entry, known: Entry): boolean =>
  entry.request_id === known.request_id &&
  entry.key === known.key &&
  entry.team === known.team &&
  entry.user === known.user &&
  entry.tags === known.tags &&
  entry.endpoint === known.endpoint &&
  entry.model === known.model &&
  entry.provider === known.provider &&
  entry.target === known.target &&
  entry.price_version === known.price_version &&
  entry.limit_model === known.limit_model &&
  entry.decision === known.decision;

const maybe = (text: string | null): string | null => (text === null ? null : cleanText(text));
const finite = (ms: number): number => (Number.isFinite(ms) ? ms : 0);

/** `known`: an entry that is clean already and may have the same texts. */
export function cleanEntry(entry: Entry, known?: Entry): Entry {
  if (isClean(entry, known)) return entry;
  return {
    id: cleanText(entry.id),
    at: entry.at,
    request_id: cleanText(entry.request_id),
    attempt: entry.attempt,
    key: cleanText(entry.key),
    team: maybe(entry.team),
    user: maybe(entry.user),
    tags: entry.tags.length === 0 ? entry.tags : entry.tags.slice(0, MOST_TAGS).map((tag) => cleanText(tag)),
    metadata: cleanMetadata(entry.metadata),
    endpoint: cleanText(entry.endpoint),
    model: cleanText(entry.model),
    served_model: maybe(entry.served_model),
    provider: cleanText(entry.provider),
    target: cleanText(entry.target),
    status: entry.status,
    error: maybe(entry.error),
    stream: entry.stream,
    cache: entry.cache,
    tokens: entry.tokens,
    usage_source: entry.usage_source,
    cost_nusd: entry.cost_nusd,
    ...(entry.saved_nusd !== undefined && { saved_nusd: entry.saved_nusd }),
    price_version: cleanText(entry.price_version),
    first_byte_ms: entry.first_byte_ms === null ? null : finite(entry.first_byte_ms),
    duration_ms: finite(entry.duration_ms),
    overhead_ms: finite(entry.overhead_ms),
    ...(entry.service_tier !== undefined && { service_tier: cleanText(entry.service_tier) }),
    ...(entry.provider_request_id !== undefined && { provider_request_id: cleanText(entry.provider_request_id) }),
    ...(entry.billed_nusd !== undefined && { billed_nusd: entry.billed_nusd }),
    ...(entry.estimate !== undefined && { estimate: entry.estimate }),
    ...(entry.flags !== undefined && { flags: entry.flags }),
    ...(entry.corrects !== undefined && { corrects: entry.corrects }),
    ...(entry.correction !== undefined && { correction: entry.correction }),
    ...(entry.hold === undefined ? {} : { hold: entry.hold, held_at: entry.held_at }),
    ...(entry.limit_model === undefined ? {} : { limit_model: cleanText(entry.limit_model) }),
    ...(entry.decision !== undefined && { decision: cleanText(entry.decision, MOST_DECISION) }),
  };
}

function cleanMetadata(metadata: Entry['metadata']): Entry['metadata'] {
  for (const _ in metadata) return cleanObject(metadata, 1, { left: MOST_METADATA });
  return {};
}

interface Budget {
  left: number;
}

function cleanObject(object: object, depth: number, budget: Budget): Record<string, unknown> {
  const members: [string, unknown][] = [];
  for (const [name, value] of Object.entries(object)) {
    budget.left -= name.length + 1;
    const kept = cleanValue(value, depth, budget);
    if (budget.left < 0) break;
    members.push([cleanText(name), kept]);
  }
  return Object.fromEntries(members);
}

function cleanValue(value: unknown, depth: number, budget: Budget): unknown {
  if (typeof value === 'string') {
    budget.left -= value.length;
    return budget.left < 0 ? null : cleanText(value, MOST_METADATA);
  }
  budget.left -= 1;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || depth >= MOST_DEPTH) return null;
  if (!Array.isArray(value)) return cleanObject(value, depth + 1, budget);
  const items: unknown[] = [];
  for (const item of value) {
    const kept = cleanValue(item, depth + 1, budget);
    if (budget.left < 0) break;
    items.push(kept);
  }
  return items;
}
