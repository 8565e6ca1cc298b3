/** The response object: what of the request it repeats, and how it ends. */
import { isObject, type Json } from '../../lib/json.js';
import type { Usage } from '../usage.js';
import { conversationId, inputItems } from './items.js';
import { responsesUsage } from './usage.js';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

export interface ResponseState {
  readonly id: string;
  readonly model: string;
  readonly createdAtS: number;
  readonly status: ResponseStatus;
  readonly output: readonly Json[];
  readonly usage?: Usage | undefined;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** Why it is incomplete. */
  readonly incomplete?: 'max_output_tokens' | 'content_filter' | undefined;
  readonly completedAtS?: number | undefined;
  readonly serviceTier?: string | undefined;
}

/** Fields of the request that are repeated as they were written; what stands there where they were not. */
const echoed: Readonly<Record<string, unknown>> = {
  background: false,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};

const echo = (request: Json): Json =>
  Object.fromEntries(Object.entries(echoed).map(([name, otherwise]) => [name, request[name] ?? otherwise]));

export function responseObject(request: Json, state: ResponseState): Json {
  const { reasoning, text } = request;
  const conversation = conversationId(request);
  const asked = isObject(reasoning) ? reasoning : {};
  const { status, incomplete, usage } = state;
  return {
    id: state.id,
    object: 'response',
    created_at: state.createdAtS,
    status,
    completed_at: state.completedAtS ?? null,
    error: state.error ?? null,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    model: state.model,
    output: state.output,
    ...echo(request),
    conversation: conversation === undefined ? null : { id: conversation },
    reasoning: { effort: asked['effort'] ?? null, summary: asked['summary'] ?? null },
    service_tier: state.serviceTier ?? request['service_tier'] ?? 'default',
    text: { format: { type: 'text' }, verbosity: 'medium', ...(isObject(text) ? text : {}) },
    usage: usage === undefined ? null : responsesUsage(usage),
  };
}

/** The input of a request as a list of items: each with an id, and the content of a message as parts. */
export function itemsOf(input: unknown, idOf: (item: Json) => string): Json[] {
  return inputItems(input).map((item) => {
    const { type = 'message', content } = item;
    const id = typeof item['id'] === 'string' && item['id'] !== '' ? item['id'] : idOf(item);
    if (type !== 'message' || typeof content !== 'string') return { ...item, type, id };
    const part = item['role'] === 'assistant' ? 'output_text' : 'input_text';
    const parts = [{ type: part, text: content, ...(part === 'output_text' && { annotations: [] }) }];
    return { ...item, type, id, status: item['status'] ?? 'completed', content: parts };
  });
}
