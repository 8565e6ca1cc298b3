/**
 * An entry as one line, the same for the spool and for the statement that writes it to Postgres: a row literal of the type
 * `ledger_line` (migration 0009), which Postgres takes apart in a third of the time that it needs for JSON. It is written in two
 * parts, since an attempt's intent and its result differ in the second one only.
 *
 * A field that is empty is null, and a text with anything in it that the literal knows stands in quotes.
 */
import { costRead, costWritten, type Entry, tokensRead, tokensWritten, type UsageSource } from './entry.js';

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
  const { first_byte_ms, service_tier, billed_nusd } = entry;
  let text = `,${maybe(entry.served_model)},${entry.status},${maybe(entry.error)}`;
  text += `,${tokensWritten(entry)},${entry.usage_source},${costWritten(entry)}`;
  text += `,${first_byte_ms ?? ''},${entry.duration_ms},${entry.overhead_ms},${maybe(service_tier)},${billed_nusd ?? ''})`;
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
const FIELDS = 46;

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
  if (line.length !== FIELDS) throw new Error(NO_LINE);
  const text = (at: number): string => line[at] ?? '';
  const number = (at: number): number => Number(line[at] ?? 0);
  const numbers = (from: number, to: number): number[] => line.slice(from, to).map(Number);
  const given = <T>(at: number, read: (written: string) => T): T | undefined => {
    const written = line[at];
    return written == null ? undefined : read(written);
  };
  const [saved_nusd, held_at, billed_nusd] = [given(16, Number), given(19, Number), given(45, Number)];
  const [corrects, hold, limit_model, service_tier] = [
    given(17, String),
    given(18, String),
    given(20, String),
    given(44, String),
  ];
  return {
    id: text(0),
    at: number(1),
    request_id: text(2),
    attempt: number(3),
    key: text(4),
    team: line[5] ?? null,
    user: line[6] ?? null,
    tags: given(7, JSON.parse) ?? [],
    metadata: given(8, JSON.parse) ?? {},
    endpoint: text(9),
    model: text(10),
    provider: text(11),
    target: text(12),
    stream: line[13] === 'true',
    cache: text(14) as Entry['cache'],
    price_version: text(15),
    served_model: line[21] ?? null,
    status: number(22),
    error: line[23] ?? null,
    tokens: tokensRead(numbers(24, 34)),
    usage_source: text(34) as UsageSource,
    cost_nusd: costRead(numbers(35, 41)),
    first_byte_ms: given(41, Number) ?? null,
    duration_ms: number(42),
    overhead_ms: number(43),
    ...(saved_nusd !== undefined && { saved_nusd }),
    ...(corrects !== undefined && { corrects }),
    ...(hold !== undefined && { hold }),
    ...(held_at !== undefined && { held_at }),
    ...(limit_model !== undefined && { limit_model }),
    ...(service_tier !== undefined && { service_tier }),
    ...(billed_nusd !== undefined && { billed_nusd }),
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
