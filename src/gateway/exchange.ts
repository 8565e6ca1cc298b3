/** Which converter carries a request to a target: none where both speak the same dialect. */

import type { Model, Target } from '../catalog/model.js';
import { openaiChatToOpenaiChat } from '../formats/openai-chat/native.js';
import { openaiEmbeddings } from '../formats/openai-embeddings/native.js';
import type { EmbeddingsRequest } from '../formats/openai-embeddings/request.js';
import type { ModelRequest } from '../formats/request.js';
import type { Exchange } from '../formats/translation.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { openaiChatToAnthropicMessages } from '../translate/openai-chat--anthropic-messages/request.js';

/** `cap`: the maximum of each choice to send instead of the caller's; null: the caller's own. */
export function exchangeFor(
  request: ModelRequest,
  model: Model,
  target: Target,
  nowMs: number,
  cap: number | null,
): Result<Exchange> {
  const { adaptor } = target;
  if (!target.to[request.endpoint]) return refused(withoutEndpoint(request, model, target));
  if (request.endpoint === 'embeddings') return embeddingsAt(request, target);
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

function embeddingsAt(request: EmbeddingsRequest, target: Target): Result<Exchange> {
  const most = target.adaptor.mostInputs ?? Number.POSITIVE_INFINITY;
  if (request.inputs <= most) return ok(openaiEmbeddings(request, target.model));
  const words = `'input' has ${request.inputs} items; ${target.id} takes at most ${most} in one request.`;
  return refused(refuse('invalid_value', words, { param: 'input' }));
}

const NAMES = { chat: 'chat completions', embeddings: 'embeddings' } as const;

const withoutEndpoint = ({ endpoint }: ModelRequest, { name }: Model, { id, to }: Target): Refusal =>
  refuse(
    'unsupported_endpoint',
    `The model '${name}' cannot serve ${NAMES[endpoint]}: its target ${id} has ${namesOf(to)} only. Ask for another model.`,
    { param: 'model' },
  );

const namesOf = (to: Target['to']): string =>
  (Object.keys(to) as (keyof typeof NAMES)[]).map((endpoint) => NAMES[endpoint]).join(' and ');
