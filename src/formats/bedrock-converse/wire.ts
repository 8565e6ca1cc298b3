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

export const stopReasonOf = (reason: unknown): unknown =>
  typeof reason === 'string' && Object.hasOwn(stopReasons, reason) ? stopReasons[reason] : reason;

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
  const { text, toolUse, reasoningContent } = block;
  if (typeof text === 'string') return { type: 'text', text };
  if (isObject(toolUse))
    return { type: 'tool_use', id: toolUse['toolUseId'], name: toolUse['name'], input: toolUse['input'] ?? {} };
  if (!isObject(reasoningContent)) return undefined;
  const { reasoningText, redactedContent } = reasoningContent;
  if (typeof redactedContent === 'string') return { type: 'redacted_thinking', data: redactedContent };
  if (!isObject(reasoningText)) return undefined;
  return { type: 'thinking', thinking: reasoningText['text'], signature: reasoningText['signature'] ?? '' };
}

/** A whole answer as a message; undefined where it is none. */
export function messageOf(answer: unknown, model: string): Json | undefined {
  const message = isObject(answer) && isObject(answer['output']) ? answer['output']['message'] : undefined;
  if (!isObject(answer) || !isObject(message) || !Array.isArray(message['content'])) return undefined;
  const content = message['content'].map(messagesBlock).filter((one) => one !== undefined);
  const usage = messagesUsage(answer['usage'], answer['serviceTier']);
  return {
    ...{ type: 'message', role: 'assistant', model, content },
    stop_reason: stopReasonOf(answer['stopReason']),
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
