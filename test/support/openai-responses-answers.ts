/**
 * Responses as OpenAI's API words them, honouring the request: `stream`, `tools`, `text.format`, `reasoning`, and for words its
 * maximum. Where tools are given and the last item is no result, every tool is called once (only the first with
 * `parallel_tool_calls: false`), with arguments made from its schema; after the results come words.
 */
import { sampleOf } from './schema-sample.js';
import { json, openaiError, type Received, type Step, sse } from './upstream-steps.js';

type Wire = Readonly<Record<string, unknown>>;

interface Tool {
  readonly type: string;
  readonly name: string;
  readonly parameters?: Record<string, unknown>;
}

interface ResponsesBody extends Wire {
  readonly model: string;
  readonly input: string | readonly Wire[];
  readonly stream?: boolean;
  readonly tools?: readonly Tool[];
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: boolean;
  readonly max_output_tokens?: number | null;
  readonly reasoning?: { readonly effort?: string } | null;
  readonly include?: readonly string[];
  readonly text?: { readonly format?: { readonly type: string; readonly schema?: Record<string, unknown> } };
}

/** Each response has an id of its own, as at OpenAI. */
let responses = 0;
const CREATED = 1_764_000_000;

export function answerResponses(request: Received): readonly Step[] {
  if (!/^Bearer ./.test(request.headers.authorization ?? ''))
    return openaiError(401, { message: "You didn't provide an API key.", code: null });
  const body = request.json() as unknown as ResponsesBody;
  if (body['previous_response_id'] != null || body['conversation'] != null)
    return openaiError(400, { message: 'Previous response not found.', code: 'previous_response_not_found' });
  const response = responseTo(body);
  return body.stream ? sse(...responseEvents(response)) : json(200, response, { 'x-request-id': 'req_upstream' });
}

const pieces = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];

function textOf(item: Wire): string {
  const content = item['content'] ?? item['output'];
  if (typeof content === 'string') return content;
  return ((content ?? []) as { text?: string; type: string }[]).map((part) => part.text ?? `[${part.type}]`).join(' ');
}

function outputFor(body: ResponsesBody): { readonly output: Wire[]; readonly cut?: boolean } {
  const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  const last: Wire = items.at(-1)!;
  const thought: Wire[] =
    body.reasoning?.effort && body.reasoning.effort !== 'none'
      ? [
          {
            id: 'rs_01',
            type: 'reasoning',
            summary: [{ type: 'summary_text', text: 'It thinks.' }],
            ...(body.include?.includes('reasoning.encrypted_content') && { encrypted_content: 'gAAAA-upstream' }),
          },
        ]
      : [];
  const said = (text: string, cut = false) => ({
    output: [
      ...thought,
      {
        id: 'msg_01',
        type: 'message',
        status: cut ? 'incomplete' : 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      },
    ],
    cut,
  });
  if (String(last['type']).endsWith('_output')) return said(`The tool said: ${textOf(last)}`);
  const tools = body.tool_choice === 'none' ? [] : (body.tools ?? []);
  if (tools.length > 0) {
    const called = body.parallel_tool_calls === false ? tools.slice(0, 1) : tools;
    return { output: [...thought, ...called.map(callOf)] };
  }
  const { format } = body.text ?? {};
  if (format?.schema) return said(JSON.stringify(sampleOf(format.schema)));
  if (format?.type === 'json_object') return said('{"ok":true}');
  const words = pieces(`You said: ${textOf(last)}`);
  const most = body.max_output_tokens ?? Number.POSITIVE_INFINITY;
  return said(words.slice(0, most).join(''), words.length > most);
}

function callOf({ type, name, parameters }: Tool, at: number): Wire {
  const call = { status: 'completed', call_id: `call_${at}0123456789`, name };
  if (type === 'custom')
    return { id: `ctc_0${at}`, type: 'custom_tool_call', ...call, input: `*** "${name}" \u{1F600}\n` };
  const given = JSON.stringify(parameters ? sampleOf(parameters) : {});
  return { id: `fc_0${at}`, type: 'function_call', ...call, arguments: given };
}

export function responseTo(body: ResponsesBody): Wire {
  const { output, cut = false } = outputFor(body);
  const input = typeof body.input === 'string' ? 1 : body.input.length;
  const words = JSON.stringify(output).split(' ').length;
  return {
    id: `resp_0a1b2c3d4e5f${++responses}`,
    object: 'response',
    created_at: CREATED,
    status: cut ? 'incomplete' : 'completed',
    background: false,
    error: null,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: `${body.model}-2025-08-07`,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    service_tier: 'default',
    store: body['store'] ?? true,
    temperature: 1,
    text: { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: 'auto',
    tools: body.tools ?? [],
    top_p: 1,
    truncation: 'disabled',
    usage: {
      input_tokens: 10 + input,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: words,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 10 + input + words,
    },
    user: null,
    metadata: body['metadata'] ?? {},
  };
}

/** Every event of the stream, in order. */
export function responseEvents(response: Wire): string[] {
  const events: string[] = [];
  const emit = (type: string, fields: Wire): void => {
    events.push(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: events.length, ...fields })}\n\n`);
  };
  const begun = { ...response, status: 'in_progress', output: [], usage: null };
  emit('response.created', { response: begun });
  emit('response.in_progress', { response: begun });
  for (const [output_index, item] of (response['output'] as Wire[]).entries()) {
    const place = { item_id: item['id'], output_index };
    const delta = (type: string, text: string, fields: Wire = {}) => {
      for (const piece of text.match(/.{1,7}/gsu) ?? [])
        emit(type, { ...place, ...fields, delta: piece, obfuscation: 'x9' });
    };
    emit('response.output_item.added', { output_index, item: { ...item, ...emptied[item['type'] as string] } });
    if (item['type'] === 'message') {
      for (const [content_index, part] of (item['content'] as Wire[]).entries()) {
        const at = { content_index, logprobs: [] };
        emit('response.content_part.added', { ...place, content_index, part: { ...part, text: '' } });
        delta('response.output_text.delta', part['text'] as string, at);
        emit('response.output_text.done', { ...place, ...at, text: part['text'] });
        emit('response.content_part.done', { ...place, content_index, part });
      }
    } else if (item['type'] === 'reasoning') {
      for (const [summary_index, part] of (item['summary'] as Wire[]).entries()) {
        emit('response.reasoning_summary_part.added', { ...place, summary_index, part: { ...part, text: '' } });
        delta('response.reasoning_summary_text.delta', part['text'] as string, { summary_index });
        emit('response.reasoning_summary_text.done', { ...place, summary_index, text: part['text'] });
        emit('response.reasoning_summary_part.done', { ...place, summary_index, part });
      }
    } else if (item['type'] === 'function_call') {
      delta('response.function_call_arguments.delta', item['arguments'] as string);
      emit('response.function_call_arguments.done', { ...place, arguments: item['arguments'], name: item['name'] });
    } else {
      delta('response.custom_tool_call_input.delta', item['input'] as string);
      emit('response.custom_tool_call_input.done', { ...place, input: item['input'] });
    }
    emit('response.output_item.done', { output_index, item });
  }
  emit(response['status'] === 'incomplete' ? 'response.incomplete' : 'response.completed', { response });
  return events;
}

const emptied: Readonly<Record<string, Wire>> = {
  message: { status: 'in_progress', content: [] },
  function_call: { status: 'in_progress', arguments: '' },
  custom_tool_call: { status: 'in_progress', input: '' },
  reasoning: { summary: [] },
};
