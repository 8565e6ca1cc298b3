/**
 * Every way from a format that clients call to one that upstreams speak, and the one rule that picks: native where the target
 * speaks the caller's format, else the first translator to a format that it speaks, else there is no way.
 */
import type { FormatId } from '../formats/format-id.js';
import { nativeChat } from '../formats/openai-chat/native.js';
import { nativeEmbeddings } from '../formats/openai-embeddings/native.js';
import type { ModelRequest } from '../formats/request.js';
import type { Translator } from '../formats/translation.js';
import { openaiChatToAnthropicMessages } from './openai-chat--anthropic-messages/request.js';

/** A translator takes requests of its own format alone: whoever calls it has looked at `from`. */
const translatorOf = <R extends ModelRequest>(translator: Translator<R>): Translator =>
  translator as unknown as Translator;

export const translators: readonly Translator[] = [
  translatorOf(nativeChat),
  translatorOf(nativeEmbeddings),
  translatorOf(openaiChatToAnthropicMessages),
];

/** Undefined: a target that speaks these formats cannot carry the request. */
export function translatorFor(from: FormatId, speaks: ReadonlySet<FormatId>): Translator | undefined {
  const ways = translators.filter((one) => one.from === from && speaks.has(one.to));
  return ways.find(({ to }) => to === from) ?? ways[0];
}
