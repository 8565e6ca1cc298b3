/** Which converter carries a request to a target: none where both speak the same dialect. */
import { ok, type Result } from '../lib/errors.js';
import { openaiChatToAnthropicMessages } from '../protocol/convert/openai-chat-to-anthropic-messages.js';
import type { Exchange } from '../protocol/exchange.js';
import { openaiChatToOpenaiChat } from '../protocol/openai-chat.js';
import type { ChatRequest } from '../protocol/openai-chat-request.js';
import type { Model, Target } from './model.js';

export function exchangeFor(request: ChatRequest, model: Model, target: Target, nowMs: number): Result<Exchange> {
  const { adaptor } = target;
  if (adaptor.dialect === 'openai-chat') return ok(openaiChatToOpenaiChat(request, target.model));
  return openaiChatToAnthropicMessages({
    body: request.json,
    model: target.model,
    facts: adaptor.facts(target.model),
    dropParams: model.dropParams,
    askedUsage: request.askedUsage,
    nowMs,
  });
}
