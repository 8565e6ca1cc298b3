/**
 * A chat completion carried to a target that has only the Responses API for its model. The target is asked to keep nothing, and
 * for what it thought in encrypted form, which goes to the caller in an extension of the chat dialect and comes back with it.
 */
import { readAnswerJson } from '../../formats/answer-json.js';
import { readErrorBody } from '../../formats/error-body.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import { responseAnswer } from '../../formats/openai-responses/native.js';
import { ENCRYPTED_REASONING, thinks } from '../../formats/openai-responses/thoughts.js';
import { refusedSampling } from '../../formats/sampling.js';
import type { Answer, Translation, Translator } from '../../formats/translation.js';
import { ok, type Result, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { jsonBytes } from '../../lib/json-bytes.js';
import { then } from '../../lib/then.js';
import { Findings, isAbsent } from '../findings.js';
import { type AnswerPlan, completionOf } from './answer.js';
import { inputOf } from './input.js';
import { checkParameters, responseParameters } from './parameters.js';
import { ResponsesToChatStream } from './stream.js';

/** Refuses with `invalid_value` or `unsupported_parameter`; never throws. */
export const openaiChatToOpenaiResponses: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'openai-responses',
  translate({ json, body, askedUsage, facts, stream }, target, { maxOutput, nowMs }) {
    const findings = new Findings(target.dropParams);
    checkParameters(json, findings);
    const { model, abilities } = target;
    const { reasoning_effort: effort } = json;
    const unknown = abilities?.reasoning === 'none' && !isAbsent(effort) ? ['reasoning_effort'] : [];
    const tuned = without(json, [...refusedSampling(json, abilities, effort), ...unknown], findings);
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
    const translation = (printed: Buffer): Result<Translation> =>
      ok({
        body: printed,
        dropped: findings.dropped,
        answer: (bytes) => readCompletion(plan, bytes),
        stream: () => new ResponsesToChatStream(plan),
        failure: readErrorBody,
      });
    return then(jsonBytes(request, body.length), translation);
  },
};

function without(json: Json, names: readonly string[], findings: Findings): Json {
  for (const name of names) findings.drop(name);
  return names.length === 0 ? json : Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));
}

const readCompletion = (plan: AnswerPlan, bytes: Buffer): Answer | Promise<Answer> =>
  then(readAnswerJson(bytes), (read) => {
    const answer = responseAnswer(bytes, read?.value);
    if (!answer.ok) return answer;
    const completion = completionOf(read!.value as Json, answer.usage, plan);
    const told = (body: Buffer): Answer => ({ ...answer, body, text: () => answer.text() });
    return then(jsonBytes(completion, bytes.length), told);
  });
