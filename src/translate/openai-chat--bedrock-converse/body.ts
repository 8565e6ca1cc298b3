/**
 * A request of the messages format as one of Converse. The two are relatives: turns, blocks and tools are alike, and what differs is
 * how each is written. What has no equivalent is refused or left out, and named by the field of the chat completion.
 */
import type { ConverseFacts } from '../../formats/bedrock-converse/facts.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Findings } from '../findings.js';

export interface ConverseTerms {
  readonly facts: ConverseFacts;
  /** The caller named a maximum, or the gateway did. */
  readonly bounded: boolean;
  readonly findings: Findings;
}

/** Each makes a document's name, which must not be the same twice and say nothing to the model. */
interface Names {
  documents: number;
}

export function converseBody(message: Json, terms: ConverseTerms): Json {
  const names: Names = { documents: 0 };
  const system = list(message['system']).flatMap((block) => blocks(block, names, terms));
  const messages = list(message['messages']).map((turn) => ({
    role: turn['role'],
    content: withText(list(turn['content']).flatMap((block) => blocks(block, names, terms))),
  }));
  const point = cachePoint(message, terms);
  // What marks the whole request marks its end.
  if (point.length > 0) messages.at(-1)?.content.push(...point);
  const tools = toolConfig(message, hasToolBlocks(messages), terms);
  const inference = inferenceConfig(message, terms);
  const own = modelFields(message, terms);
  return {
    messages,
    ...(system.length > 0 && { system }),
    ...(Object.keys(inference).length > 0 && { inferenceConfig: inference }),
    ...(tools && { toolConfig: tools }),
    ...(Object.keys(own).length > 0 && { additionalModelRequestFields: own }),
  };
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

function blocks(block: Json, names: Names, terms: ConverseTerms): Json[] {
  const told = blockOf(block, names, terms);
  const point = told ? cachePoint(block, terms) : [];
  return told ? [told, ...point] : [];
}

/** A mark stands on a block in the one format, and after it in the other. */
function cachePoint(block: Json, { facts, findings }: ConverseTerms): Json[] {
  const mark = block['cache_control'];
  if (!isObject(mark)) return [];
  if (!facts.caches) {
    findings.drop('cache_control');
    return [];
  }
  return [{ cachePoint: { type: 'default', ...(mark['ttl'] === '1h' && { ttl: '1h' }) } }];
}

function blockOf(block: Json, names: Names, terms: ConverseTerms): Json | undefined {
  switch (block['type']) {
    case 'text':
      return { text: block['text'] };
    case 'image':
      return imageOf(block['source'], terms);
    case 'document':
      return documentOf(block, names, terms);
    case 'tool_use':
      return { toolUse: { toolUseId: block['id'], name: block['name'], input: block['input'] } };
    case 'tool_result':
      return resultOf(block, names, terms);
    case 'thinking':
    case 'redacted_thinking':
      return terms.facts.replaysReasoning ? reasoningOf(block) : terms.findings.drop('thinking');
    default:
      return terms.findings.unsupported('messages[].content', 'holds a part that this model cannot be given');
  }
}

function reasoningOf({ type, thinking, signature, data }: Json): Json {
  if (type === 'redacted_thinking') return { reasoningContent: { redactedContent: data } };
  return { reasoningContent: { reasoningText: { text: thinking, signature } } };
}

const IMAGE = /^image\/(png|jpeg|gif|webp)$/;

function imageOf(source: unknown, { findings }: ConverseTerms): Json | undefined {
  const format = isObject(source) ? IMAGE.exec(String(source['media_type']))?.[1] : undefined;
  if (!isObject(source) || source['type'] !== 'base64' || !format)
    return findings.unsupported('image_url', "must hold the image's data for this model: it fetches none");
  return { image: { format, source: { bytes: source['data'] } } };
}

function documentOf({ source, citations }: Json, names: Names, { findings }: ConverseTerms): Json | undefined {
  if (isObject(citations) && citations['enabled'] === true) findings.drop('citations');
  const name = `document-${++names.documents}`;
  if (isObject(source) && source['type'] === 'base64' && source['media_type'] === 'application/pdf')
    return { document: { format: 'pdf', name, source: { bytes: source['data'] } } };
  if (isObject(source) && source['type'] === 'text')
    return { document: { format: 'txt', name, source: { text: source['data'] } } };
  return findings.unsupported('file', "must hold the document's data for this model: it fetches none");
}

/** Results have no empty content, and no marks within. */
function resultOf({ tool_use_id, content, is_error }: Json, names: Names, terms: ConverseTerms): Json {
  const told =
    typeof content === 'string' ? [{ text: content }] : list(content).map((one) => blockOf(one, names, terms));
  const kept = told.filter((one) => one !== undefined && one['text'] !== '');
  return {
    toolResult: {
      toolUseId: tool_use_id,
      content: kept.length > 0 ? kept : [{ text: '(nothing)' }],
      ...(is_error === true && { status: 'error' }),
    },
  };
}

/** A document wants a text beside it. */
function withText(content: readonly Json[]): Json[] {
  const lone = content.some((block) => block['document']) && !content.some((block) => block['text']);
  return lone ? [...content, { text: 'See the document.' }] : [...content];
}

const hasToolBlocks = (messages: readonly { readonly content: readonly Json[] }[]): boolean =>
  messages.some(({ content }) => content.some((block) => block['toolUse'] ?? block['toolResult']));

function toolConfig(message: Json, inHistory: boolean, terms: ConverseTerms): Json | undefined {
  const declared = list(message['tools']);
  const choice = isObject(message['tool_choice']) ? message['tool_choice'] : {};
  // "None" cannot be said: without tools in the conversation they are left out, else they must be declared.
  if (declared.length === 0 || (choice['type'] === 'none' && !inHistory)) return undefined;
  if (choice['disable_parallel_tool_use'] === true) terms.findings.drop('parallel_tool_calls');
  const tools = declared.flatMap((tool) => [
    {
      toolSpec: {
        name: tool['name'],
        ...(tool['description'] ? { description: tool['description'] } : {}),
        inputSchema: { json: tool['input_schema'] },
      },
    },
    ...cachePoint(tool, terms),
  ]);
  if (choice['type'] === 'any') return { tools, toolChoice: { any: {} } };
  if (choice['type'] === 'tool') return { tools, toolChoice: { tool: { name: choice['name'] } } };
  return { tools };
}

function inferenceConfig(message: Json, { bounded }: ConverseTerms): Json {
  const { max_tokens, temperature, top_p, stop_sequences } = message;
  return {
    ...(bounded && { maxTokens: max_tokens }),
    ...(temperature !== undefined && { temperature }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(stop_sequences !== undefined && { stopSequences: stop_sequences }),
  };
}

function modelFields(message: Json, { facts, findings }: ConverseTerms): Json {
  const topK = message['top_k'];
  if (typeof topK !== 'number') return {};
  if (facts.topK) return facts.topK(topK);
  findings.drop('top_k');
  return {};
}
