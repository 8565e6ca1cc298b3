/**
 * Bedrock's Converse, as far as answers go: told in the messages format, of which it is a relative, so that one reader serves both.
 */
import { isObject, type Json } from '../../lib/json.js';

/** Why an answer ended, in the words of the messages format. */
const stopReasons: Readonly<Record<string, string>> = {
  content_filtered: 'refusal',
  guardrail_intervened: 'refusal',
};

/** Ends with which a model failed at what was asked of it: it may do better the next time. */
export const failedStops: ReadonlySet<unknown> = new Set(['malformed_model_output', 'malformed_tool_use']);

/** Which sequence was met Converse does not tell: `sequence` is the one that there was, where there was one alone. */
export const endingOf = (reason: unknown, sequence: string | undefined): Json => ({
  stop_reason: typeof reason === 'string' && Object.hasOwn(stopReasons, reason) ? stopReasons[reason] : reason,
  ...(reason === 'stop_sequence' && sequence !== undefined && { stop_sequence: sequence }),
});

/** `inputTokens` leaves out what was read from and written to the cache, as in the messages format. */
export function messagesUsage(usage: unknown, tier: unknown): Json | undefined {
  if (!isObject(usage)) return undefined;
  const details = Array.isArray(usage['cacheDetails']) ? usage['cacheDetails'].filter(isObject) : [];
  const written = (ttl: string): number =>
    details.reduce((sum, one) => sum + (one['ttl'] === ttl ? Number(one['inputTokens']) || 0 : 0), 0);
  const service = isObject(tier) ? tier['type'] : undefined;
  return {
    input_tokens: usage['inputTokens'],
    output_tokens: usage['outputTokens'],
    cache_read_input_tokens: usage['cacheReadInputTokens'],
    cache_creation_input_tokens: usage['cacheWriteInputTokens'],
    ...(details.length > 0 && {
      cache_creation: { ephemeral_5m_input_tokens: written('5m'), ephemeral_1h_input_tokens: written('1h') },
    }),
    ...(typeof service === 'string' && { service_tier: service }),
  };
}

/** A block of an answer as the messages format has it; undefined for what it has nothing like. */
export function messagesBlock(block: unknown): Json | undefined {
  if (!isObject(block)) return undefined;
  const { text, toolUse, reasoningContent, citationsContent: cited } = block;
  if (typeof text === 'string') return { type: 'text', text };
  if (isObject(toolUse))
    return { type: 'tool_use', id: toolUse['toolUseId'], name: toolUse['name'], input: toolUse['input'] ?? {} };
  if (isObject(cited)) return citedText(cited);
  if (!isObject(reasoningContent)) return undefined;
  const { reasoningText, redactedContent } = reasoningContent;
  if (typeof redactedContent === 'string') return { type: 'redacted_thinking', data: redactedContent };
  if (!isObject(reasoningText)) return undefined;
  return { type: 'thinking', thinking: reasoningText['text'], signature: reasoningText['signature'] ?? '' };
}

function citedText({ content, citations }: Json): Json {
  const said = Array.isArray(content) ? content.filter(isObject) : [];
  const locations = (Array.isArray(citations) ? citations : []).flatMap((one: unknown) => messagesCitation(one) ?? []);
  return {
    type: 'text',
    text: said.map(({ text }) => (typeof text === 'string' ? text : '')).join(''),
    ...(locations.length > 0 && { citations: locations }),
  };
}

/** What was found in the web; places in documents say nothing to who does not have these. */
export function messagesCitation(citation: unknown): Json | undefined {
  const location = isObject(citation) ? citation['location'] : undefined;
  const web = isObject(location) ? location['web'] : undefined;
  if (!isObject(citation) || !isObject(web) || typeof web['url'] !== 'string') return undefined;
  const { title } = citation;
  return { type: 'web_search_result_location', url: web['url'], title: typeof title === 'string' ? title : null };
}

/** A whole answer as a message; undefined where it is none. */
export function messageOf(answer: unknown, model: string, sequence: string | undefined): Json | undefined {
  const message = isObject(answer) && isObject(answer['output']) ? answer['output']['message'] : undefined;
  if (!isObject(answer) || !isObject(message) || !Array.isArray(message['content'])) return undefined;
  const content = message['content'].map(messagesBlock).filter((one) => one !== undefined);
  const usage = messagesUsage(answer['usage'], answer['serviceTier']);
  return {
    ...{ type: 'message', role: 'assistant', model, content },
    ...endingOf(answer['stopReason'], sequence),
    ...(usage && { usage }),
  };
}

/** The status that an exception has where it comes before the answer. */
const exceptionStatuses: Readonly<Record<string, number>> = {
  AccessDeniedException: 403,
  ModelNotReadyException: 429,
  ModelStreamErrorException: 424,
  ModelTimeoutException: 408,
  ResourceNotFoundException: 404,
  ServiceUnavailableException: 503,
  ThrottlingException: 429,
  ValidationException: 400,
};

/** An exception in a stream as the error that it would have been without one. */
export function errorOf(exception: string, message: string): Json {
  const type = exception.charAt(0).toUpperCase() + exception.slice(1);
  return { type, message, status_code: Object.hasOwn(exceptionStatuses, type) ? exceptionStatuses[type] : 500 };
}
