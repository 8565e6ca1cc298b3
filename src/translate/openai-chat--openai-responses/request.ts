/**
 * A chat completion carried to a target that has only the Responses API for its model. The target is asked to keep nothing, and
 * for what it thought in encrypted form, which goes to the caller in an extension of the chat dialect and comes back with it.
 */
import { readErrorBody } from '../../formats/error-body.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import { readResponse } from '../../formats/openai-responses/native.js';
import { ENCRYPTED_REASONING, thinks } from '../../formats/openai-responses/thoughts.js';
import type { Answer, Translator } from '../../formats/translation.js';
import { ok, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { Findings, isAbsent } from '../findings.js';
import { type AnswerPlan, completionOf } from './answer.js';
import { inputOf } from './input.js';
import { checkParameters, responseParameters } from './parameters.js';
import { ResponsesToChatStream } from './stream.js';

/** Refuses with `invalid_value` or `unsupported_parameter`; never throws. */
export const openaiChatToOpenaiResponses: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'openai-responses',
  translate({ json, askedUsage, facts, stream }, target, { maxOutput, nowMs }) {
    const findings = new Findings(target.dropParams);
    checkParameters(json, findings);
    const { model, abilities } = target;
    const tuned =
      abilities?.sampling === false && json['reasoning_effort'] !== 'none' ? withoutSampling(json, findings) : json;
    const logprobs = json['logprobs'] === true;
    const include = [
      ...(thinks(model) ? [ENCRYPTED_REASONING] : []),
      ...(logprobs ? ['message.output_text.logprobs'] : []),
    ];
    const request = {
      model,
      input: inputOf(json['messages'], findings),
      ...responseParameters(tuned, maxOutput ?? facts.maxOutput, findings),
      ...(include.length > 0 && { include }),
      store: false,
      ...(stream && { stream }),
    };
    if (findings.refusal) return refused(findings.refusal);
    const plan: AnswerPlan = { model, nowMs, askedUsage, logprobs };
    return ok({
      body: Buffer.from(JSON.stringify(request)),
      dropped: findings.dropped,
      answer: (body) => asCompletion(plan, readResponse(body)),
      stream: () => new ResponsesToChatStream(plan),
      failure: readErrorBody,
    });
  },
};

/** Models that reason take no sampling. */
function withoutSampling({ temperature, top_p: topP, ...rest }: Json, findings: Findings): Json {
  if (!isAbsent(temperature)) findings.drop('temperature');
  if (!isAbsent(topP)) findings.drop('top_p');
  return rest;
}

function asCompletion(plan: AnswerPlan, answer: Answer): Answer {
  if (!answer.ok) return answer;
  const response = JSON.parse(answer.body.toString('utf8')) as Json;
  const completion = completionOf(response, answer.usage, plan);
  return { ...answer, body: Buffer.from(JSON.stringify(completion)), text: () => answer.text() };
}
