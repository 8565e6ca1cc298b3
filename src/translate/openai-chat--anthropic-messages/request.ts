/**
 * A chat completion carried to a target that speaks the Anthropic messages dialect: the request is written anew, the answer
 * comes back as a chat completion, streamed or not. Nothing is lost without a word: what the target cannot express is
 * refused with the name of the field, or left out and named where `dropParams` allows it or nothing depends on it.
 */

import { type ModelFacts, unknownWithStated } from '../../formats/anthropic-messages/model-facts.js';
import { readErrorBody } from '../../formats/error-body.js';
import type { ChatRequest } from '../../formats/openai-chat/request.js';
import type { ForcedToolChoice, Translation, Translator } from '../../formats/translation.js';
import { ok, type Result, refused } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { isSmall } from '../../lib/json-bytes.js';
import { Findings, isAbsent } from '../findings.js';
import { MESSAGES_NAMES, ToolNames } from '../tool-names.js';
import { type AnswerPlan, readMessagesAnswer } from './answer.js';
import { type Markable, requestMark, settleMarks } from './cache-marks.js';
import {
  type Conversation,
  endsInUnsignedToolLoop,
  hasToolBlocks,
  readConversation,
  readConversationInTurns,
  renameCalls,
} from './messages.js';
import { checkParameters } from './parameters.js';
import { type MessagesBody, print, printInTurns } from './print.js';
import { readMaxTokens, readSampling, readStop } from './sampling.js';
import { MessagesToChatStream } from './stream.js';
import { planThinking } from './thinking.js';
import { isForced, planTools, type ToolPlan, withoutForce } from './tools.js';

/** Characters of `metadata.user_id`. */
const LONGEST_USER = 256;

/** Refuses with `invalid_value` or `unsupported_parameter`; never throws. */
export const openaiChatToAnthropicMessages: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'anthropic-messages',
  translate({ json, body, askedUsage }, target, { maxOutput, nowMs }) {
    const findings = new Findings(target.dropParams);
    checkParameters(json, findings);
    if (isSmall(body.length)) return written(readConversation(json['messages'], findings));
    return readConversationInTurns(json['messages'], findings).then(written);

    function written(conversation: Conversation): Result<Translation> | Promise<Result<Translation>> {
      const facts = target.modelFacts ?? unknownWithStated(target.stated);
      const { forcedToolChoice: forced, model } = target;
      const names = new ToolNames(MESSAGES_NAMES);
      renameCalls(conversation, names);
      const tools = planTools(json, { facts, names, forced, inHistory: hasToolBlocks(conversation) }, findings);
      const { form, jsonTool } = tools;
      const request = readRequest({ json, facts, model, maxOutput, forced }, conversation, tools, findings);
      const mark = settleMarks(promptOrder(request, conversation), requestMark(json, findings), findings);
      if (mark) request.cache_control = mark;
      if (findings.refusal) return refused(findings.refusal);
      const plan: AnswerPlan = { model, nowMs, askedUsage, names, jsonTool, fencedJson: form.type === 'told' };
      const translation = (printed: Buffer): Result<Translation> =>
        ok({
          body: printed,
          dropped: findings.dropped,
          answer: (answer) => readMessagesAnswer(plan, answer),
          stream: () => new MessagesToChatStream(plan),
          failure: readErrorBody,
        });
      if (isSmall(body.length)) return translation(print(request, conversation));
      return printInTurns(request, conversation, body.length).then(translation);
    }
  },
};

/** A request on its way to a model. Its JSON is not to be trusted; its depth is bounded by whoever parsed it. */
interface ChatCall {
  readonly json: Json;
  readonly facts: ModelFacts;
  /** The model's name at the target. */
  readonly model: string;
  readonly maxOutput: number | null;
  /** What is done where the model cannot be made to call a tool. */
  readonly forced: ForcedToolChoice;
}

/** Everything but the messages. Settles in `conversation` what depends on the model and on the form of the answer. */
function readRequest(
  { json: body, facts, model, maxOutput, forced }: ChatCall,
  conversation: Conversation,
  plan: ToolPlan,
  findings: Findings,
): MessagesBody {
  const { form } = plan;
  const prefill = settlePrefill(conversation, facts, plan, findings);
  const maxTokens = readMaxTokens(body, facts, maxOutput ?? undefined, findings);
  // An answer that is asked for as a tool's input has no other form, so thinking gives way to that.
  const forceStands = forced === 'refuse' || plan.jsonTool !== undefined;
  const forcedTool = isForced(plan.choice) && forceStands;
  const terms = { maxTokens, forcedTool, prefill, unsignedToolLoop: endsInUnsignedToolLoop(conversation) };
  const { thinking, effort } = planThinking(body, facts, terms, findings);
  const thinks = thinking?.type === 'adaptive' || thinking?.type === 'enabled';
  const { tools, choice, instruction } = thinks && !forceStands ? withoutForce(plan, forced, findings) : plan;
  for (const text of [form.type === 'told' ? form.instruction : '', instruction ?? '']) {
    if (text !== '') conversation.system.push({ type: 'text', text });
  }
  const output = { ...(effort ? { effort } : {}), ...(form.type === 'native' ? { format: form.format } : {}) };
  return {
    model,
    max_tokens: maxTokens,
    ...some('system', conversation.system),
    ...some('tools', tools),
    ...(choice ? { tool_choice: choice } : {}),
    ...(thinking ? { thinking } : {}),
    ...(Object.keys(output).length > 0 ? { output_config: output } : {}),
    ...readSampling(body, facts, thinks, findings),
    ...some('stop_sequences', readStop(body['stop'], findings)),
    ...readUser(body, findings),
    ...readServiceTier(body['service_tier'], findings),
    ...readStream(body['stream'], findings),
  };
}

/**
 * A last message of the assistant is the beginning of the answer at the target (white space at its end is refused). True
 * where the answer is begun so.
 */
function settlePrefill({ turns }: Conversation, facts: ModelFacts, plan: ToolPlan, findings: Findings): boolean {
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return false;
  const native = plan.form.type === 'native';
  if (facts.rejectsPrefill || native) {
    const what = native
      ? 'begins an answer that is held to a schema'
      : 'begins an answer that this model does not continue';
    findings.unsupported(last.path, `${what}: the last message must be the user's`);
    turns.pop();
    return false;
  }
  // An answer that is begun is not thought about, and then the target takes no thinking in its beginning either.
  const said = last.blocks.filter(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
  last.blocks.splice(0, last.blocks.length, ...said);
  const block = last.blocks.at(-1);
  if (block?.type === 'text') block.text = block.text.trimEnd();
  return true;
}

function readUser(body: Json, findings: Findings): Pick<MessagesBody, 'metadata'> {
  for (const name of ['safety_identifier', 'user']) {
    const id = body[name];
    if (isAbsent(id) || id === '') continue;
    if (typeof id !== 'string') findings.invalid(name, 'must be a string');
    else if (id.length > LONGEST_USER) findings.drop(name);
    else return { metadata: { user_id: id } };
  }
  return {};
}

function readServiceTier(tier: unknown, findings: Findings): Pick<MessagesBody, 'service_tier'> {
  if (tier === 'default') return { service_tier: 'standard_only' };
  if (!isAbsent(tier) && tier !== 'auto') findings.drop('service_tier');
  return {};
}

function readStream(stream: unknown, findings: Findings): Pick<MessagesBody, 'stream'> {
  if (!isAbsent(stream) && typeof stream !== 'boolean') findings.invalid('stream', 'must be a boolean');
  return stream === true ? { stream } : {};
}

const some = <N extends string, T>(name: N, list: T[]): { readonly [name in N]?: T[] } =>
  (list.length > 0 ? { [name]: list } : {}) as { readonly [name in N]?: T[] };

/** Everything that may carry a cache mark, in the order in which the target reads the prompt. */
function* promptOrder({ tools }: MessagesBody, { system, turns }: Conversation): Generator<Markable> {
  yield* tools ?? [];
  yield* system;
  for (const { blocks } of turns) {
    for (const block of blocks) {
      if (block.type === 'tool_result' && Array.isArray(block.content)) yield* block.content as Markable[];
      if (block.type !== 'thinking' && block.type !== 'redacted_thinking') yield block;
    }
  }
}
