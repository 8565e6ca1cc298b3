/**
 * An entry as one line, the same for the spool and for the statement that writes it to Postgres: a row literal of the type
 * `ledger_line_4` (migration 0031), which Postgres takes apart in a third of the time that it needs for JSON. It is written in two
 * parts, since an attempt's intent and its result differ in the second one only.
 *
 * A field that is empty is null, and a text with anything in it that the literal knows stands in quotes.
 */
import { numberText } from '../lib/number-text.js';
import {
  costRead,
  costWritten,
  type Entry,
  type Estimate,
  tokensRead,
  tokensWritten,
  type UsageSource,
} from './entry.js';

type Correction = NonNullable<Entry['correction']>;

/** What is known of an attempt before it is sent; open at its end. */
export function headText(entry: Entry): string {
  const { tags, saved_nusd, corrects, hold, held_at, limit_model } = entry;
  let text = `(${quoted(entry.id)},${entry.at},${quoted(entry.request_id)},${entry.attempt}`;
  text += `,${quoted(entry.key)},${maybe(entry.team)},${maybe(entry.user)}`;
  text += `,${tags.length === 0 ? '' : quoted(JSON.stringify(tags))}`;
  text += `,${isEmpty(entry.metadata) ? '' : quoted(JSON.stringify(entry.metadata))}`;
  text += `,${quoted(entry.endpoint)},${quoted(entry.model)},${quoted(entry.provider)},${quoted(entry.target)}`;
  text += `,${entry.stream},${entry.cache},${quoted(entry.price_version)}`;
  text += `,${saved_nusd ?? ''},${maybe(corrects)},${maybe(hold)},${held_at ?? ''},${maybe(limit_model)}`;
  return text;
}

/** What an attempt came to. */
export function tailText(entry: Entry): string {
  const { first_byte_ms, service_tier, billed_nusd, estimate, flags, correction } = entry;
  let text = `,${maybe(entry.served_model)},${entry.status},${maybe(entry.error)}`;
  text += `,${tokensWritten(entry)},${entry.usage_source},${costWritten(entry)}`;
  text += `,${first_byte_ms === null ? '' : numberText(first_byte_ms)},${numberText(entry.duration_ms)}`;
  text += `,${numberText(entry.overhead_ms)},${maybe(service_tier)},${billed_nusd ?? ''}`;
  text += `,${estimate ?? ''},${flags?.length ? quoted(JSON.stringify(flags)) : ''},${correction ?? ''},${maybe(entry.provider_request_id)},${maybe(entry.decision)})`;
  return text;
}

export const entryText = (entry: Entry): string => headText(entry) + tailText(entry);

/** What an attempt under way has come to so far: an id and a second part. */
export const progressText = (entry: Entry): string => `(${quoted(entry.id)}${tailText(entry)}`;

/** A line that says only which attempt is meant. */
export const idText = (id: string): string => `(${quoted(id)})`;

/** The fields of a line, of which the first is the id. */
export type Line = readonly (string | null)[];

const HEAD_FIELDS = 21;
const FIELDS = 51;
/** Of lines as earlier versions wrote them (`ledger_line_3` and before): without the last one, the last two, and the last five. */
const EARLIER_FIELDS: readonly number[] = [50, 49, 46];

export const isEarlier = (line: Line): boolean => EARLIER_FIELDS.includes(line.length);

/** The intent with what it has come to so far. */
export const withProgress = (intent: Line, progress: Line): Line => [
  ...intent.slice(0, HEAD_FIELDS),
  ...progress.slice(1),
];

const NO_LINE = 'this is no line of an entry';

const field = /(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^"\\,()]*))([,)])/sy;

/** Throws where `text` is no line. */
export function readLine(text: string): Line {
  const line: (string | null)[] = [];
  field.lastIndex = text[0] === '(' ? 1 : text.length;
  for (;;) {
    const [, inQuotes, plainly, end] = field.exec(text) ?? [];
    if (end === undefined || (end === ')' && field.lastIndex < text.length)) throw new Error(NO_LINE);
    line.push(inQuotes === undefined ? plainly || null : inQuotes.replace(/\\(.)/gs, '$1'));
    if (end === ')') return line;
  }
}

/** Throws where fields are missing, or there are more than are known. */
export function entryOfLine(line: Line): Entry {
  if (line.length !== FIELDS && !isEarlier(line)) throw new Error(NO_LINE);
  const [id, at, request_id, attempt, key, team, user, tags, metadata, endpoint, model, provider, target] = line;
  const [stream, cache, price_version, saved_nusd, corrects, hold, held_at, limit_model] = line.slice(13);
  const [served_model, status, error] = line.slice(HEAD_FIELDS);
  const counts = line.slice(HEAD_FIELDS + 3);
  const [
    first_byte_ms,
    duration_ms,
    overhead_ms,
    service_tier,
    billed_nusd,
    estimate,
    flags,
    correction,
    provider_request_id,
    decision,
  ] = counts.slice(17);
  return {
    id: id!,
    at: Number(at),
    request_id: request_id!,
    attempt: Number(attempt),
    key: key!,
    team: team!,
    user: user!,
    tags: tags ? JSON.parse(tags) : [],
    metadata: metadata ? JSON.parse(metadata) : {},
    endpoint: endpoint!,
    model: model!,
    provider: provider!,
    target: target!,
    stream: stream === 'true',
    cache: cache as Entry['cache'],
    price_version: price_version!,
    served_model: served_model!,
    status: Number(status),
    error: error!,
    tokens: tokensRead(counts.slice(0, 10).map(Number)),
    usage_source: counts[10] as UsageSource,
    cost_nusd: costRead(counts.slice(11, 17).map(Number)),
    first_byte_ms: first_byte_ms === null ? null : Number(first_byte_ms),
    duration_ms: Number(duration_ms),
    overhead_ms: Number(overhead_ms),
    ...(saved_nusd && { saved_nusd: Number(saved_nusd) }),
    ...(corrects != null && { corrects }),
    ...(hold != null && { hold }),
    ...(held_at && { held_at: Number(held_at) }),
    ...(limit_model != null && { limit_model }),
    ...(service_tier != null && { service_tier }),
    ...(billed_nusd && { billed_nusd: Number(billed_nusd) }),
    ...(estimate != null && { estimate: estimate as Estimate }),
    ...(flags && { flags: JSON.parse(flags) }),
    ...(correction != null && { correction: correction as Correction }),
    ...(provider_request_id != null && { provider_request_id }),
    ...(decision != null && { decision }),
  };
}

/** Printable ASCII that a row literal leaves as it is. */
const plain = /^[ !#-'*+\--[\]-~]+$/;

const quoted = (text: string): string => (plain.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);

const maybe = (text: string | null | undefined): string => (text == null ? '' : quoted(text));

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
