/**
 * A chat completion carried to a target that speaks `generateContent`: the request is written anew, the answer comes back as a
 * chat completion, streamed or not. Nothing is lost without a word: what the target cannot express is refused with the name of
 * the field, or left out and named where `dropParams` allows it or nothing depends on it.
 */
import { readErrorBody } from '../../formats/error-body.js';
import { geminiModel } from '../../formats/google-gemini/models.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import type { TargetFacts, Translation, Translator } from '../../formats/translation.js';
import { ok, type Result, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { bytesInTurns, isSmall } from '../../lib/json-bytes.js';
import { jsonText } from '../../lib/json-text.js';
import { Findings, isAbsent } from '../findings.js';
import { GEMINI_NAMES, ToolNames } from '../tool-names.js';
import { type AnswerPlan, readGeminiAnswer } from './answer.js';
import { printTurn, readConversation, type Turn, turnPieces } from './contents.js';
import { googleExtra, readGeneration } from './generation.js';
import { checkParameters } from './parameters.js';
import { GeminiToChatStream } from './stream.js';
import { planTools } from './tools.js';

/** Refuses with `invalid_value` or `unsupported_parameter`; never throws. */
export const openaiChatToGoogleGemini: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'google-gemini',
  translate({ json, body, askedUsage }, target, { maxOutput, nowMs }) {
    const findings = new Findings(target.dropParams);
    checkParameters(json, findings);
    const model = target.geminiModel ?? geminiModel(target.model);
    const atVertex = target.atVertex === true;
    const names = new ToolNames(GEMINI_NAMES);
    const terms = { model, names, findings, readsWeb: atVertex, callIds: !atVertex };
    const { system, turns } = readConversation(json['messages'], terms);
    const { tools, calling: asked, form, instruction, jsonTool } = planTools(json, model, names, findings);
    const forces = asked?.mode === 'ANY' && jsonTool === undefined;
    const calling =
      forces && target.stated?.forced_tool === false ? findings.unsupported('tool_choice', UNFORCED) : asked;
    if (instruction !== undefined) system.push({ text: instruction });
    const generation = {
      ...readGeneration(json, { model, maxOutput, atVertex, abilities: target.abilities }, findings),
      ...form,
    };
    const request = {
      ...(system.length > 0 && { systemInstruction: { parts: system } }),
      ...(tools.length > 0 && { tools: [{ functionDeclarations: tools }] }),
      ...(calling && { toolConfig: { functionCallingConfig: calling } }),
      ...(Object.keys(generation).length > 0 && { generationConfig: generation }),
      ...readExtra(json),
      ...readServiceTier(json['service_tier'], target, findings),
    };
    if (findings.refusal) return refused(findings.refusal);
    const plan: AnswerPlan = {
      model: target.model,
      nowMs,
      askedUsage,
      names,
      jsonTool,
      fencedJson: instruction !== undefined,
      eachSearch: model.signedCalls,
    };
    const translation = (printed: Buffer): Result<Translation> =>
      ok({
        body: printed,
        dropped: findings.dropped,
        answer: (answer) => readGeminiAnswer(plan, answer),
        stream: () => new GeminiToChatStream(plan),
        failure: readErrorBody,
      });
    if (isSmall(body.length)) return translation(print(request, turns));
    return bytesInTurns(pieces(request, turns), body.length).then(translation);
  },
};

const UNFORCED = 'cannot be forced for this model: leave the choice to it';

function readExtra(body: Json): Json {
  const { cached_content: cached, safety_settings: safety } = googleExtra(body);
  return {
    ...(isAbsent(cached) ? {} : { cachedContent: cached }),
    ...(isAbsent(safety) ? {} : { safetySettings: safety }),
  };
}

const tiers: ReadonlyMap<unknown, string> = new Map([
  ['default', 'standard'],
  ['flex', 'flex'],
  ['priority', 'priority'],
]);

/** Vertex AI has no field for it. */
function readServiceTier(tier: unknown, { atVertex }: TargetFacts, findings: Findings): Json {
  if (isAbsent(tier) || tier === 'auto') return {};
  const told = atVertex ? undefined : tiers.get(tier);
  if (told !== undefined) return { serviceTier: told };
  if (!(atVertex && tier === 'default')) findings.drop('service_tier');
  return {};
}

function* pieces(request: Json, turns: readonly Turn[]): Generator<string, void> {
  yield '{"contents":[';
  for (const [i, turn] of turns.entries()) {
    if (i > 0) yield ',';
    yield* turnPieces(turn);
  }
  yield ']';
  for (const [name, value] of Object.entries(request)) {
    yield `,${JSON.stringify(name)}:`;
    yield* jsonText(value);
  }
  yield '}';
}

/** Turns are printed apart, since the inputs of calls go out as they came. */
function print(request: Json, turns: readonly Turn[]): Buffer {
  const rest = JSON.stringify(request).slice(1);
  const contents = `{"contents":[${turns.map(printTurn).join(',')}]`;
  return Buffer.from(rest === '}' ? `${contents}}` : `${contents},${rest}`);
}
