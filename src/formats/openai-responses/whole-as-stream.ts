/** A whole response told as a stream: for upstreams that answer a stream request with JSON, kept answers, and what was stored. */
import { isObject, type Json } from '../../lib/json.js';
import { EventWriter } from './events.js';
import { listOf, textOr } from './items.js';

const ends: Readonly<Record<string, string>> = { incomplete: 'response.incomplete', failed: 'response.failed' };

export function responseAsStream(body: Buffer): Buffer {
  const response = JSON.parse(body.toString('utf8')) as Json;
  const writer = new EventWriter();
  const begun = { ...response, status: 'in_progress', completed_at: null, output: [], usage: null };
  let out = writer.event('response.created', { response: begun });
  out += writer.event('response.in_progress', { response: begun });
  for (const [at, item] of listOf(response['output']).entries())
    if (isObject(item)) out += itemEvents(writer, item, at);
  out += writer.event(ends[textOr(response['status'], '')] ?? 'response.completed', { response });
  return Buffer.from(out);
}

function itemEvents(writer: EventWriter, item: Json, output_index: number): string {
  const item_id = textOr(item['id'], '');
  const at = { item_id, output_index };
  const { type } = item;
  const empty = emptied(item);
  let out = writer.event('response.output_item.added', { output_index, item: empty });
  if (type === 'message') {
    for (const [content_index, part] of listOf(item['content']).entries())
      if (isObject(part)) out += partEvents(writer, part, { ...at, content_index });
  } else if (type === 'reasoning') {
    for (const [summary_index, part] of listOf(item['summary']).entries())
      if (isObject(part)) out += summaryEvents(writer, part, { ...at, summary_index });
  } else if (type === 'function_call' || type === 'custom_tool_call') {
    const custom = type === 'custom_tool_call';
    const kind = custom ? 'custom_tool_call_input' : 'function_call_arguments';
    const written = textOr(custom ? item['input'] : item['arguments'], '');
    if (written !== '') out += writer.event(`response.${kind}.delta`, { ...at, delta: written });
    const done = custom ? { input: written } : { name: item['name'], arguments: written };
    out += writer.event(`response.${kind}.done`, { ...at, ...done });
  }
  return out + writer.event('response.output_item.done', { output_index, item });
}

/** The item as it is when it is added. */
function emptied(item: Json): Json {
  const begun = { ...item, status: 'in_progress' };
  if (item['type'] === 'message') return { ...begun, content: [] };
  if (item['type'] === 'reasoning') return { ...item, summary: [] };
  if (item['type'] === 'function_call') return { ...begun, arguments: '' };
  if (item['type'] === 'custom_tool_call') return { ...begun, input: '' };
  return item;
}

interface PartPlace {
  readonly item_id: string;
  readonly output_index: number;
  readonly content_index: number;
}

function partEvents(writer: EventWriter, part: Json, at: PartPlace): string {
  const refuses = part['type'] === 'refusal';
  const text = textOr(refuses ? part['refusal'] : part['text'], '');
  const empty = refuses ? { ...part, refusal: '' } : { ...part, text: '', annotations: [], logprobs: [] };
  let out = writer.event('response.content_part.added', { ...at, part: empty });
  if (refuses) {
    if (text !== '') out += writer.event('response.refusal.delta', { ...at, delta: text });
    out += writer.event('response.refusal.done', { ...at, refusal: text });
  } else {
    const logprobs = listOf(part['logprobs']);
    if (text !== '') out += writer.event('response.output_text.delta', { ...at, delta: text, logprobs });
    for (const [annotation_index, annotation] of listOf(part['annotations']).entries())
      out += writer.event('response.output_text.annotation.added', { ...at, annotation_index, annotation });
    out += writer.event('response.output_text.done', { ...at, text, logprobs });
  }
  return out + writer.event('response.content_part.done', { ...at, part });
}

function summaryEvents(writer: EventWriter, part: Json, at: Json): string {
  const text = textOr(part['text'], '');
  return (
    writer.event('response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } }) +
    writer.event('response.reasoning_summary_text.delta', { ...at, delta: text }) +
    writer.event('response.reasoning_summary_text.done', { ...at, text }) +
    writer.event('response.reasoning_summary_part.done', { ...at, part })
  );
}
