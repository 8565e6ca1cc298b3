/**
 * A request of the messages dialect carried to a target that speaks it: the caller's bytes go out with only `model` and a
 * maximum that is too large changed, and the upstream's bytes come back untouched. Thinking that another target wrote, and that
 * nobody here signed, is taken out of the conversation: it would be refused.
 */
import { ok } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { readErrorBody } from '../error-body.js';
import { edited, jsonFields, splice } from '../json-fields.js';
import { MESSAGES_SAMPLING, refusedSampling } from '../sampling.js';
import type { TargetFacts, Translator } from '../translation.js';
import { readMessage } from './answer.js';
import { type Edit, withoutForeignThinking } from './foreign-thinking.js';
import type { MessagesRequest } from './request.js';
import { MessagesStream } from './stream.js';

/** Fewer tokens of thinking cannot be asked for. */
const LEAST_BUDGET = 1024;

export const nativeMessages: Translator<MessagesRequest> = {
  from: 'anthropic-messages',
  to: 'anthropic-messages',
  translate: (request, target, { maxOutput }) => {
    const { dropParams, abilities } = target;
    const dropped = dropParams ? refusedSampling(request.json, abilities, undefined, MESSAGES_SAMPLING) : [];
    const body = nativeBody(request, target, maxOutput);
    return ok({
      body: dropped.length > 0 ? edited(body, { remove: dropped, add: {} }) : body,
      dropped,
      answer: readMessage,
      stream: () => new MessagesStream(),
      failure: readErrorBody,
    });
  },
};

/** `cap`: the maximum of the answer; null: the caller's own, as far as the model has so much. */
export function nativeBody(request: MessagesRequest, { model, modelFacts }: TargetFacts, cap: number | null): Buffer {
  const { body, fields, facts } = request;
  const most = Math.min(cap ?? Number.POSITIVE_INFINITY, modelFacts?.maxOutput ?? Number.POSITIVE_INFINITY);
  const clamps = facts.maxOutput !== null && facts.maxOutput > most;
  const edits: Edit[] = [];
  for (const { name, valueStart: start, valueEnd: end } of fields.fields) {
    if (name === 'model') edits.push({ start, end, with: JSON.stringify(model) });
    else if (name === 'max_tokens' && clamps) edits.push({ start, end, with: String(most) });
    else if (name === 'thinking' && clamps) edits.push(...smallerBudget(request, most, start, end));
    else if (name === 'messages') edits.push(...withoutForeignThinking(body, start, end));
  }
  return splice(body, edits);
}

/** A budget of thinking must be smaller than the maximum of the answer. */
function smallerBudget({ body, json }: MessagesRequest, most: number, start: number, end: number): Edit[] {
  const { thinking } = json;
  const asked = isObject(thinking) ? thinking['budget_tokens'] : undefined;
  if (typeof asked !== 'number' || asked < most || most <= LEAST_BUDGET) return [];
  const found = jsonFields(body.subarray(start, end))?.fields.findLast(({ name }) => name === 'budget_tokens');
  return found ? [{ start: start + found.valueStart, end: start + found.valueEnd, with: String(most - 1) }] : [];
}
