/**
 * A chat completion carried to Bedrock's Converse. It is told in the messages format first, by the translator that there is, and goes
 * on from there: the two formats differ in how things are written, and hardly in what there is. Answers come back the same way.
 */

import { readAnswerJson } from '../../formats/answer-json.js';
import { unknownConverse } from '../../formats/bedrock-converse/facts.js';
import { ConverseMessages } from '../../formats/bedrock-converse/stream.js';
import { failedStops, messageOf } from '../../formats/bedrock-converse/wire.js';
import { readErrorBody } from '../../formats/error-body.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import type { Answer, TargetFacts, Translation, Translator } from '../../formats/translation.js';
import { UnframedStream } from '../../formats/unframed-stream.js';
import { ok, type Result, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { jsonBytes } from '../../lib/json-bytes.js';
import { then } from '../../lib/then.js';
import { Findings, isAbsent } from '../findings.js';
import { openaiChatToAnthropicMessages } from '../openai-chat--anthropic-messages/request.js';
import { converseBody } from './body.js';

/** Service tiers that can be asked for; what else there is leaves the choice to the provider. */
const TIERS: ReadonlySet<unknown> = new Set(['default', 'flex', 'priority']);

export const openaiChatToBedrockConverse: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'bedrock-converse',
  translate(request, target, terms) {
    const { json } = request;
    const facts = target.converseFacts ?? unknownConverse;
    const findings = new Findings(target.dropParams);
    // What models here take in words of their own is not told in those of the messages format.
    const { service_tier: tier, reasoning_effort: _effort, ...asked } = json;
    const told = openaiChatToAnthropicMessages.translate({ ...request, json: asked }, target, terms);
    const named = [json['max_tokens'], json['max_completion_tokens'], terms.maxOutput];
    const bounded = named.some((one) => typeof one === 'number' && one > 0);
    return then(told, (made) => {
      if (!made.ok) return made;
      const { body } = made.value;
      return then(readAnswerJson(body), (read) =>
        retold(made.value, (read?.value ?? JSON.parse(body.toString())) as Json),
      );
    });

    function retold(message: Translation, written: Json): Result<Translation> | Promise<Result<Translation>> {
      // Converse is not told who asks.
      for (const name of ['safety_identifier', 'user']) if (!isAbsent(json[name])) findings.drop(name);
      const body = converseBody(written, { facts, bounded, findings });
      const own = {
        ...(body['additionalModelRequestFields'] as Json | undefined),
        ...effortOf(json, target, findings),
      };
      if (findings.refusal) return refused(findings.refusal);
      const whole = {
        ...body,
        ...(Object.keys(own).length > 0 && { additionalModelRequestFields: own }),
        ...(TIERS.has(tier) && tier !== 'default' && { serviceTier: { type: tier } }),
      };
      const translation = (printed: Buffer): Result<Translation> =>
        ok({
          body: printed,
          dropped: [...new Set([...message.dropped, ...findings.dropped])],
          answer: (answer) => readAnswer(answer, target.model, onlyStop(json), message),
          stream: () => new UnframedStream(message.stream(), new ConverseMessages(target.model, onlyStop(json))),
          failure: readErrorBody,
        });
      return then(jsonBytes(whole, message.body.length), translation);
    }
  },
};

function effortOf(json: Json, { converseFacts }: TargetFacts, findings: Findings): Json {
  const effort = json['reasoning_effort'];
  if (isAbsent(effort)) return {};
  if (typeof effort !== 'string') return findings.invalid('reasoning_effort', 'must be a string') ?? {};
  return converseFacts?.effort?.(effort) ?? findings.drop('reasoning_effort') ?? {};
}

function onlyStop({ stop }: Json): string | undefined {
  const one: unknown = Array.isArray(stop) && stop.length === 1 ? stop[0] : stop;
  return typeof one === 'string' ? one : undefined;
}

function readAnswer(
  body: Buffer,
  model: string,
  sequence: string | undefined,
  told: Translation,
): Answer | Promise<Answer> {
  return then(readAnswerJson(body), (read): Answer | Promise<Answer> => {
    if (!read) return garbage('something that is not JSON');
    const failure = failureIn(read.value);
    if (failure) return failure;
    const message = messageOf(read.value, model, sequence);
    if (!message) return garbage('JSON that is not a message');
    return then(jsonBytes(message, body.length), (bytes) => told.answer(bytes));
  });
}

const garbage = (what: string): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
});

function failureIn(answer: unknown): Answer | undefined {
  const stop = isObject(answer) ? answer['stopReason'] : undefined;
  if (!failedStops.has(stop)) return undefined;
  const message = `The upstream ended its answer with '${String(stop)}'.`;
  return { ok: false, failure: { kind: 'in_band', message } };
}
