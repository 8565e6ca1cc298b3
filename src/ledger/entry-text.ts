/**
 * An entry as one line of JSON, the same for the spool and for the statement that writes it to Postgres: names are those of
 * the entry, tokens and costs are lists in the order of `tokensWritten` and `costWritten`. It is written in two parts, since
 * an attempt's intent and its result differ in the second one only, and by hand, which takes half of the time that
 * `JSON.stringify` takes for an object of thirty fields.
 */
import { costRead, costWritten, type Entry, tokensRead, tokensWritten } from './entry.js';

/** What is known of an attempt before it is sent; open at its end. */
export function headText(entry: Entry): string {
  let text = `{"id":${quoted(entry.id)},"at":${entry.at},"request_id":${quoted(entry.request_id)},"attempt":${entry.attempt}`;
  text += `,"key":${quoted(entry.key)},"team":${maybe(entry.team)},"user":${maybe(entry.user)}`;
  text += entry.tags.length === 0 ? ',"tags":[]' : `,"tags":${JSON.stringify(entry.tags)}`;
  text += `,"metadata":${isEmpty(entry.metadata) ? '{}' : JSON.stringify(entry.metadata)}`;
  text += `,"endpoint":${quoted(entry.endpoint)},"model":${quoted(entry.model)},"provider":${quoted(entry.provider)}`;
  text += `,"target":${quoted(entry.target)},"stream":${entry.stream},"cache":"${entry.cache}"`;
  text += `,"price_version":${quoted(entry.price_version)}`;
  if (entry.saved_nusd !== undefined) text += `,"saved_nusd":${entry.saved_nusd}`;
  if (entry.corrects !== undefined) text += `,"corrects":${quoted(entry.corrects)}`;
  if (entry.hold !== undefined) text += `,"hold":${quoted(entry.hold)}`;
  if (entry.held_at !== undefined) text += `,"held_at":${entry.held_at}`;
  if (entry.limit_model !== undefined) text += `,"limit_model":${quoted(entry.limit_model)}`;
  return text;
}

/** What an attempt came to. */
export function tailText(entry: Entry): string {
  let text = `,"served_model":${maybe(entry.served_model)},"status":${entry.status},"error":${maybe(entry.error)}`;
  text += `,"tokens":[${tokensWritten(entry)}],"usage_source":"${entry.usage_source}","cost_nusd":[${costWritten(entry)}]`;
  text += `,"first_byte_ms":${entry.first_byte_ms},"duration_ms":${entry.duration_ms},"overhead_ms":${entry.overhead_ms}`;
  if (entry.service_tier !== undefined) text += `,"service_tier":${quoted(entry.service_tier)}`;
  if (entry.billed_nusd !== undefined) text += `,"billed_nusd":${entry.billed_nusd}`;
  return `${text}}`;
}

export const entryText = (entry: Entry): string => headText(entry) + tailText(entry);

/** What an attempt under way has come to so far: an id and a second part. */
export const progressText = (entry: Entry): string => `{"id":${quoted(entry.id)}${tailText(entry)}`;

/** A line as it is parsed. */
export type Line = Omit<Entry, 'tokens' | 'cost_nusd'> & {
  readonly tokens: readonly number[];
  readonly cost_nusd: readonly number[];
};

export const entryOfLine = (line: Line): Entry => ({
  ...line,
  tokens: tokensRead(line.tokens),
  cost_nusd: costRead(line.cost_nusd),
});

/** Printable ASCII that JSON leaves as it is. */
const plain = /^[ !#-[\]-~]*$/;

const quoted = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text));

const maybe = (text: string | null): string => (text === null ? 'null' : quoted(text));

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
