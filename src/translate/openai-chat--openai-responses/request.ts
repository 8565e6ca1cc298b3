/**
 * A chat completion carried to a target that has only the Responses API for its model. The target is asked to keep nothing, and
 * for what it thought in encrypted form, which goes to the caller in an extension of the chat dialect and comes back with it.
 */
import { readAnswerJson } from '../../formats/answer-json.js';
import { readErrorBody } from '../../formats/error-body.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import { responseAnswer } from '../../formats/openai-responses/native.js';
import { ENCRYPTED_REASONING, thinks } from '../../formats/openai-responses/thoughts.js';
import type { Answer, Translation, Translator } from '../../formats/translation.js';
import { ok, type Result, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { jsonBytesInTurns } from '../../lib/json-bytes.js';
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
    const translation = (printed: Buffer): Result<Translation> =>
      ok({
        body: printed,
        dropped: findings.dropped,
        answer: (bytes) => readCompletion(plan, bytes),
        stream: () => new ResponsesToChatStream(plan),
        failure: readErrorBody,
      });
    if (body.length <= SMALL_BYTES) return translation(Buffer.from(JSON.stringify(request)));
    return jsonBytesInTurns(request, body.length).then(translation);
  },
};

/** Models that reason take no sampling. */
function withoutSampling({ temperature, top_p: topP, ...rest }: Json, findings: Findings): Json {
  if (!isAbsent(temperature)) findings.drop('temperature');
  if (!isAbsent(topP)) findings.drop('top_p');
  return rest;
}

/** Written at once. */
const SMALL_BYTES = 64 * 1024;

const readCompletion = (plan: AnswerPlan, bytes: Buffer): Answer | Promise<Answer> =>
  then(readAnswerJson(bytes), (read) => {
    const answer = responseAnswer(bytes, read?.value);
    if (!answer.ok) return answer;
    const completion = completionOf(read!.value as Json, answer.usage, plan);
    const told = (body: Buffer): Answer => ({ ...answer, body, text: () => answer.text() });
    if (bytes.length <= SMALL_BYTES) return told(Buffer.from(JSON.stringify(completion)));
    return jsonBytesInTurns(completion, bytes.length).then(told);
  });
