/** A whole answer of the messages dialect as a chat completion, and what a streamed one shares with it. */

import type { ChatCompletion, ChatCompletionMessageFunctionToolCall } from 'openai/resources/chat/completions';
import { type ReadAnswer, readAnswerJson } from '../../formats/answer-json.js';
import { inBandError, readMessagesUsage } from '../../formats/anthropic-messages/wire.js';
import { jsonElements } from '../../formats/json-elements.js';
import { jsonFields } from '../../formats/json-fields.js';
import { chatUsage } from '../../formats/openai-chat/usage.js';
import type { Answer } from '../../formats/translation.js';
import { noUsage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { FencedJson } from '../fenced-json.js';
import type { ToolNames } from '../tool-names.js';
import { type Annotation, urlCitations } from './annotations.js';
import type { ThinkingPosition } from './thinking-blocks.js';

/** What of the request must be known to read its answer. */
export interface AnswerPlan {
  /** The model that was asked, should the answer not name one. */
  readonly model: string;
  readonly nowMs: number;
  readonly askedUsage: boolean;
  readonly names: Pick<ToolNames, 'told'>;
  /** The tool whose input is the answer's content. */
  readonly jsonTool: string | undefined;
  /** The content was asked to be JSON, and may come in a Markdown fence. */
  readonly fencedJson: boolean;
}

export type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** Signed thinking, as it must be sent back in a tool loop: an extension of the chat dialect. */
export type ThinkingBlock = (
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
) & { readonly position?: ThinkingPosition };

/** Nothing is said of a block at the beginning. */
export const placedAt = (content: number, calls: number): { position?: ThinkingPosition } =>
  content === 0 && calls === 0 ? {} : { position: { content, tool_calls: calls } };

const finishes: ReadonlyMap<unknown, Finish> = new Map([
  ['tool_use', 'tool_calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
]);

/** `calls`: whether the caller sees a tool call. A forced answer ends with `tool_use` and is none for the caller. */
export function finishOf(stopReason: unknown, calls: boolean): Finish {
  const finish = finishes.get(stopReason) ?? 'stop';
  return finish === 'tool_calls' && !calls ? 'stop' : finish;
}

/** The stop sequence that was met, as vLLM and others tell it. */
export const stoppedAt = ({ stop_reason: reason, stop_sequence: at }: Json): Json =>
  reason === 'stop_sequence' && typeof at === 'string' ? { stop_reason: at } : {};

/** Why the model declined; null where it did not. */
export function refusalOf(stopReason: unknown, stopDetails: unknown): string | null {
  if (stopReason !== 'refusal') return null;
  const explanation = isObject(stopDetails) ? stopDetails['explanation'] : undefined;
  return typeof explanation === 'string' && explanation !== '' ? explanation : 'The model declined to answer.';
}

export const completionId = (id: unknown, nowMs: number): string =>
  `chatcmpl-${typeof id === 'string' && id !== '' ? id : nowMs}`;

export const stringOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

export function readMessagesAnswer(plan: AnswerPlan, body: Buffer): Answer | Promise<Answer> {
  if (body.length > LARGEST_BYTES) return garbage(`more than ${LARGEST_BYTES} bytes`);
  const read = readAnswerJson(body);
  return read instanceof Promise ? read.then((json) => answerOf(plan, body, json)) : answerOf(plan, body, read);
}

/** `json`: undefined where the body is none. */
function answerOf(plan: AnswerPlan, body: Buffer, json: ReadAnswer | undefined): Answer {
  if (!json) return garbage('something that is not JSON');
  const message = json.value;
  const failure = inBandError(message);
  if (failure)
    return { ok: false, failure, usage: readMessagesUsage(isObject(message) ? message['usage'] : undefined) };
  if (!isObject(message) || !Array.isArray(message['content'])) return garbage('JSON that is not a message');
  const said = readContent(plan, message['content'], body);
  if (!said) return garbage('a tool input that cannot be read');
  const usage = readMessagesUsage(message['usage']);
  const completion = {
    id: completionId(message['id'], plan.nowMs),
    object: 'chat.completion',
    created: Math.floor(plan.nowMs / 1000),
    model: stringOr(message['model'], plan.model),
    choices: [choiceOf(message, said)],
    usage: chatUsage(usage ?? noUsage()),
  } satisfies ChatCompletion;
  return {
    ok: true,
    body: Buffer.from(JSON.stringify(completion)),
    usage,
    servedModel: typeof message['model'] === 'string' ? message['model'] : undefined,
    filtered: message['stop_reason'] === 'refusal',
    empty: said.text === '' && said.json === undefined && said.calls.length === 0,
    text: () => said.generated,
  };
}

/** More than any model says. */
const LARGEST_BYTES = 4 * 1024 * 1024;

const garbage = (what: string): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
});

interface Said {
  text: string;
  /** Takes the fence off the text as it comes. */
  readonly fence: FencedJson | undefined;
  readonly annotations: Annotation[];
  reasoning: string;
  readonly thinking: ThinkingBlock[];
  readonly calls: ChatCompletionMessageFunctionToolCall[];
  /** The input of the forced tool. */
  json: string | undefined;
  /** Everything, for counting. */
  generated: string;
}

function choiceOf(message: Json, said: Said): ChatCompletion.Choice {
  const refusal = refusalOf(message['stop_reason'], message['stop_details']);
  const content = said.json ?? said.text;
  const wordless = content === '' && (said.calls.length > 0 || refusal !== null);
  const extensions = {
    ...(said.annotations.length === 0 ? {} : { annotations: said.annotations }),
    ...(said.reasoning === '' ? {} : { reasoning_content: said.reasoning }),
    ...(said.thinking.length === 0 ? {} : { thinking_blocks: said.thinking }),
  };
  return {
    index: 0,
    message: {
      role: 'assistant',
      content: wordless ? null : content,
      refusal,
      ...extensions,
      ...(said.calls.length === 0 ? {} : { tool_calls: said.calls }),
    },
    logprobs: null,
    finish_reason: finishOf(message['stop_reason'], said.calls.length > 0),
    ...stoppedAt(message),
  };
}

/** Undefined where a tool's input is missing or nests too deep. */
function readContent(plan: AnswerPlan, content: readonly unknown[], body: Buffer): Said | undefined {
  const said: Said = {
    ...{ text: '', annotations: [], reasoning: '', thinking: [], calls: [], json: undefined, generated: '' },
    fence: plan.fencedJson ? new FencedJson() : undefined,
  };
  const inputs = content.some((block) => isObject(block) && block['type'] === 'tool_use') ? toolInputs(body) : [];
  for (const [i, block] of content.entries()) {
    if (!isObject(block)) continue;
    if (block['type'] !== 'tool_use') {
      readWords(plan, block, said);
      continue;
    }
    const input = inputs[i];
    if (input === undefined) return undefined;
    const name = stringOr(block['name'], '');
    said.generated += name + input;
    if (name === plan.jsonTool) said.json ??= input;
    else {
      const id = stringOr(block['id'], '') || `call_${i}`;
      said.calls.push({ id, type: 'function', function: { name: plan.names.told(name), arguments: input } });
    }
  }
  if (said.fence) said.text += said.fence.end();
  return said;
}

function readWords(plan: AnswerPlan, block: Json, said: Said): void {
  // Beside a forced tool the content is that tool's input, and not the text.
  const before = plan.jsonTool === undefined ? said.text.length : 0;
  const position = placedAt(before, said.calls.length);
  if (block['type'] === 'text') {
    const text = stringOr(block['text'], '');
    said.text += said.fence ? said.fence.push(text) : text;
    said.generated += text;
    if (plan.jsonTool === undefined)
      said.annotations.push(...urlCitations(block['citations'], before, said.text.length));
  } else if (block['type'] === 'thinking') {
    const thinking = stringOr(block['thinking'], '');
    said.reasoning += thinking;
    said.generated += thinking;
    said.thinking.push({ type: 'thinking', thinking, signature: stringOr(block['signature'], ''), ...position });
  } else if (block['type'] === 'redacted_thinking') {
    said.thinking.push({ type: 'redacted_thinking', data: stringOr(block['data'], ''), ...position });
  }
}

/** The text of each content block's `input` as the upstream wrote it: a parsed number may not be the number that was written. */
function toolInputs(body: Buffer): (string | undefined)[] {
  const content = field(body, 'content');
  return content ? jsonElements(content).map((block) => field(block, 'input')?.toString('utf8')) : [];
}

function field(json: Buffer, name: string): Buffer | undefined {
  const found = jsonFields(json)?.fields.findLast((candidate) => candidate.name === name);
  return found && json.subarray(found.valueStart, found.valueEnd);
}
