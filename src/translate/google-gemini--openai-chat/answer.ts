/** A chat completion as an answer of Google's dialect, and what a streamed one shares with it. */
import { ownSignature, type ThinkingField } from '../../formats/anthropic-messages/own-signature.js';
import { wrapSignature } from '../../formats/google-gemini/foreign-thoughts.js';
import { usageMetadata } from '../../formats/google-gemini/replay.js';
import type { GeminiRequest } from '../../formats/google-gemini/request.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { readDataUrl } from '../data-url.js';
import { carriedSignature, isGoogles } from '../thought-signatures.js';
import type { LegTerms } from '../through-chat.js';
import { REDACTED, WHOLE } from './contents.js';
import { groundingOf } from './grounding.js';
import { namesByChat } from './tools.js';

type Terms = LegTerms<GeminiRequest>;

export function answerOf(completion: Json, usage: Usage | undefined, terms: Terms): Json {
  const choices = Array.isArray(completion['choices']) ? completion['choices'].filter(isObject) : [];
  const names = namesByChat(terms.request.json);
  const candidates = choices.map((choice, place) => candidateOf(choice, place, terms, names));
  return { candidates, usageMetadata: usageMetadata(usage ?? noUsage()), ...identityOf(completion, terms) };
}

export function identityOf({ model, id }: Json, terms: Terms): Json {
  return {
    modelVersion: typeof model === 'string' && model !== '' ? model : terms.model,
    responseId: typeof id === 'string' && id !== '' ? id : terms.nowMs.toString(36),
  };
}

function candidateOf(choice: Json, place: number, terms: Terms, names: (name: string) => string): Json {
  const message = isObject(choice['message']) ? choice['message'] : {};
  const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'].filter(isObject) : [];
  const said = [...textParts(message['content']), ...textParts(message['refusal']), ...imageParts(message['images'])];
  const parts = [
    ...thoughtParts(message, terms),
    ...signedText(said, carriedSignature(message)),
    ...calls.map((call) => callPart(call, functionOf(call)['arguments'], names)),
  ];
  const logprobs = logprobsOf(choice['logprobs']);
  const { annotations } = message;
  const text = textParts(message['content']).map((part) => part['text']);
  const grounding = Array.isArray(annotations) ? groundingOf(annotations, text.join('')) : undefined;
  return {
    content: { parts, role: 'model' },
    finishReason: finishReason(choice['finish_reason']),
    index: typeof choice['index'] === 'number' ? choice['index'] : place,
    ...(logprobs && { logprobsResult: logprobs }),
    ...(grounding && { groundingMetadata: grounding }),
  };
}

const finishes: ReadonlyMap<unknown, string> = new Map([
  ['length', 'MAX_TOKENS'],
  ['content_filter', 'SAFETY'],
]);

/** Google has no reason of its own for calls of functions. */
export const finishReason = (reason: unknown): string => finishes.get(reason) ?? 'STOP';

/** Content is a text, or parts of which some are. */
export function textParts(content: unknown): Json[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => (isObject(part) && part['type'] === 'text' ? textParts(part['text']) : []));
}

export function imageParts(images: unknown): Json[] {
  if (!Array.isArray(images)) return [];
  return images.flatMap((image: unknown) => {
    const url = isObject(image) && isObject(image['image_url']) ? image['image_url']['url'] : undefined;
    const data = typeof url === 'string' ? readDataUrl(url) : undefined;
    return data?.base64 ? [{ inlineData: { mimeType: data.mediaType, data: data.data } }] : [];
  });
}

/** The signature of a text, on its last part. */
function signedText(parts: readonly Json[], signature: string | undefined): Json[] {
  if (signature === undefined) return [...parts];
  return [...parts.slice(0, -1), { ...(parts.at(-1) ?? { text: '' }), thoughtSignature: signature }];
}

/** Whether the caller is told thoughts: Google tells them to those who ask for them. */
export function wantsThoughts({ request }: Terms): boolean {
  const config = request.json['generationConfig'] ?? request.json['generation_config'];
  const thinking = isObject(config) ? (config['thinkingConfig'] ?? config['thinking_config']) : undefined;
  return isObject(thinking) && (thinking['includeThoughts'] ?? thinking['include_thoughts']) === true;
}

/** Thoughts as parts: those that are signed by their maker, else what is told of them, signed by the gateway. */
function thoughtParts(message: Json, terms: Terms): Json[] {
  if (!wantsThoughts(terms)) return [];
  const blocks = Array.isArray(message['thinking_blocks']) ? message['thinking_blocks'].filter(isObject) : [];
  const signed = blocks.flatMap(signedThought);
  if (signed.length > 0) return signed;
  const thought = thoughtIn(message);
  return thought ? [thoughtPart(thought.text, ownSignature(terms.target, thought.field, thought.text))] : [];
}

export const thoughtPart = (text: string, signature?: string): Json => ({
  text,
  thought: true,
  ...(signature === undefined ? {} : { thoughtSignature: wrapSignature(signature) }),
});

/** A block of signed thinking; those of Google's own stand on the parts that they led to. */
export function signedThought({ type, thinking, signature, data }: Json): Json[] {
  if (type === 'redacted_thinking' && typeof data === 'string') return [thoughtPart('', REDACTED + data)];
  if (typeof signature !== 'string' || signature === '' || isGoogles(signature)) return [];
  return [thoughtPart(typeof thinking === 'string' ? thinking : '', signature)];
}

/** A block whose words are told within its signature: they were told before, in other pieces. */
export function wholeThought(block: Json): Json[] {
  const { thinking, signature } = block;
  const [part] = signedThought(block);
  if (!part || typeof signature !== 'string') return part ? [part] : [];
  return [thoughtPart('', WHOLE + JSON.stringify({ thinking, signature }))];
}

/** What a message or a delta tells of thoughts, and in which field. */
export function thoughtIn(message: Json): { readonly field: ThinkingField; readonly text: string } | undefined {
  for (const field of ['reasoning_content', 'reasoning'] as const) {
    const text = message[field];
    if (typeof text === 'string' && text !== '') return { field, text };
  }
  return undefined;
}

export const functionOf = (call: Json): Json => (isObject(call['function']) ? call['function'] : {});

/** `args`: JSON that a model wrote, and that may be none. `names`: what the caller calls a function. */
export function callPart(call: Json, args: unknown, names: (name: string) => string): Json {
  const { id } = call;
  const signature = carriedSignature(call);
  const name = functionOf(call)['name'];
  return {
    functionCall: {
      ...(typeof id === 'string' && id !== '' ? { id } : {}),
      name: typeof name === 'string' ? names(name) : '',
      args: argsOf(args),
    },
    ...(signature === undefined ? {} : { thoughtSignature: signature }),
  };
}

function argsOf(written: unknown): Json {
  if (isObject(written)) return written;
  if (typeof written !== 'string' || written.trim() === '') return {};
  try {
    const args: unknown = JSON.parse(written);
    if (isObject(args)) return args;
  } catch {
    // told below
  }
  return { invalid_arguments: written };
}

export function logprobsOf(logprobs: unknown): Json | undefined {
  const content = isObject(logprobs) ? logprobs['content'] : undefined;
  if (!Array.isArray(content)) return undefined;
  const tokens = content.filter(isObject);
  const candidate = ({ token, logprob }: Json) => ({ token, logProbability: logprob });
  return {
    chosenCandidates: tokens.map(candidate),
    topCandidates: tokens.map(({ top_logprobs: top }) => ({
      candidates: Array.isArray(top) ? top.filter(isObject).map(candidate) : [],
    })),
  };
}
