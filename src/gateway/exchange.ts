/** Which converter carries a request to a target: none where both speak the same dialect. */
import { ok, type Result } from '../lib/errors.js';
import { openaiChatToAnthropicMessages } from '../protocol/convert/openai-chat-to-anthropic-messages.js';
import type { Exchange } from '../protocol/exchange.js';
import { openaiChatToOpenaiChat } from '../protocol/openai-chat.js';
import type { ChatRequest } from '../protocol/openai-chat-request.js';
import type { Model, Target } from './model.js';

/** `cap`: the maximum of each choice to send instead of the caller's; null: the caller's own. */
export function exchangeFor(
  request: ChatRequest,
  model: Model,
  target: Target,
  nowMs: number,
  cap: number | null,
): Result<Exchange> {
  const { adaptor } = target;
  if (adaptor.dialect === 'openai-chat') {
    const field = adaptor.outputField ?? 'max_tokens';
    return ok(openaiChatToOpenaiChat(request, target.model, cap === null ? undefined : { tokens: cap, field }));
  }
  return openaiChatToAnthropicMessages({
    body: request.json,
    model: target.model,
    facts: adaptor.facts(target.model),
    dropParams: model.dropParams,
    askedUsage: request.askedUsage,
    nowMs,
    ...(cap === null ? {} : { maxTokens: cap }),
  });
}
