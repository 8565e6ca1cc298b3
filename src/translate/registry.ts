/**
 * Every way from a format that clients call to one that upstreams speak, and the one rule that picks: native where the target
 * speaks the caller's format, else the first translator to a format that it speaks, else there is no way.
 */

import { nativeMessages } from '../formats/anthropic-messages/native.js';
import type { FormatId } from '../formats/format-id.js';
import { nativeGoogleEmbeddings } from '../formats/google-embeddings/native.js';
import { nativeGemini } from '../formats/google-gemini/native.js';
import { nativeChat } from '../formats/openai-chat/native.js';
import type { ChatRequest } from '../formats/openai-chat/request.js';
import { nativeCompletions } from '../formats/openai-completions/native.js';
import { nativeEmbeddings } from '../formats/openai-embeddings/native.js';
import type { EmbeddingsRequest } from '../formats/openai-embeddings/request.js';
import { nativeResponses } from '../formats/openai-responses/native.js';
import type { ModelRequest } from '../formats/request.js';
import type { Translator } from '../formats/translation.js';
import { messagesByChat } from './anthropic-messages--openai-chat/request.js';
import { googleEmbeddingsBy } from './google-embeddings--openai-embeddings/request.js';
import { geminiByChat } from './google-gemini--openai-chat/request.js';
import { openaiChatToAnthropicMessages } from './openai-chat--anthropic-messages/request.js';
import { openaiChatToBedrockConverse } from './openai-chat--bedrock-converse/request.js';
import { openaiChatToGoogleGemini } from './openai-chat--google-gemini/request.js';
import { openaiChatToOpenaiResponses } from './openai-chat--openai-responses/request.js';
import { completionsByChat } from './openai-completions--openai-chat/request.js';
import { openaiEmbeddingsToCohere } from './openai-embeddings--cohere-embeddings/request.js';
import { openaiToGoogleEmbeddings } from './openai-embeddings--google-embeddings/request.js';
import { openaiEmbeddingsToTitan } from './openai-embeddings--titan-embeddings/request.js';
import { openaiToVertexEmbeddings } from './openai-embeddings--vertex-embeddings/request.js';
import { responsesToChat } from './openai-responses--openai-chat/request.js';
import { type ChatLeg, throughChat } from './through-chat.js';

/** A translator takes requests of its own format alone: whoever calls it has looked at `from`. */
const translatorOf = <R extends ModelRequest>(translator: Translator<R>): Translator =>
  translator as unknown as Translator;

/** From chat completions to each format that they reach, their own included. */
const fromChat: readonly Translator<ChatRequest>[] = [
  nativeChat,
  openaiChatToAnthropicMessages,
  openaiChatToOpenaiResponses,
  openaiChatToBedrockConverse,
  openaiChatToGoogleGemini,
];

/** From OpenAI's embeddings to each format that they reach, their own included. */
const fromEmbeddings: readonly Translator<EmbeddingsRequest>[] = [
  nativeEmbeddings,
  openaiToGoogleEmbeddings,
  openaiToVertexEmbeddings,
  openaiEmbeddingsToTitan,
  openaiEmbeddingsToCohere,
];

/** The ways of a format that is told as chat completions; where it is spoken natively, that way stands before these. */
const waysThroughChat = <R extends ModelRequest>(leg: ChatLeg<R>): readonly Translator[] =>
  fromChat.filter(({ to }) => to !== leg.from).map((onward) => translatorOf(throughChat(leg, onward)));

/** Of formats that have several ways to one target, the one that stands first counts. */
export const translators: readonly Translator[] = [
  ...fromChat.map(translatorOf),
  translatorOf(nativeMessages),
  ...waysThroughChat(messagesByChat),
  translatorOf(nativeCompletions),
  ...waysThroughChat(completionsByChat),
  translatorOf(nativeResponses),
  ...waysThroughChat(responsesToChat),
  translatorOf(nativeEmbeddings),
  translatorOf(openaiEmbeddingsToTitan),
  translatorOf(openaiEmbeddingsToCohere),
  translatorOf(nativeGemini),
  ...waysThroughChat(geminiByChat),
  ...fromEmbeddings.map(translatorOf),
  translatorOf(nativeGoogleEmbeddings),
  ...fromEmbeddings
    .filter(({ to }) => to !== 'google-embeddings')
    .map((onward) => translatorOf(googleEmbeddingsBy(onward))),
];

/** Undefined: a target that speaks these formats cannot carry the request. */
export function translatorFor(from: FormatId, speaks: ReadonlySet<FormatId>): Translator | undefined {
  const ways = translators.filter((one) => one.from === from && speaks.has(one.to));
  return ways.find(({ to }) => to === from) ?? ways[0];
}
