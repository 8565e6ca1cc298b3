/** Citations of a chat completion as what Google's callers know of an answer's sources. Google counts in bytes of UTF-8. */
import { isObject, type Json } from '../../lib/json.js';

/** `text`: what was said, as far as it is known. */
export function groundingOf(annotations: readonly unknown[], text: string): Json | undefined {
  const chunks: Json[] = [];
  const supports: Json[] = [];
  for (const one of annotations) {
    const cited = isObject(one) ? one['url_citation'] : undefined;
    if (!isObject(cited) || typeof cited['url'] !== 'string') continue;
    const { url, title, start_index: start, end_index: end } = cited;
    const index = chunks.push({ web: { uri: url, title: typeof title === 'string' ? title : '' } }) - 1;
    if (typeof start !== 'number' || typeof end !== 'number' || end <= start || end > text.length) continue;
    const segment = {
      startIndex: Buffer.byteLength(text.slice(0, start)),
      endIndex: Buffer.byteLength(text.slice(0, end)),
      text: text.slice(start, end),
    };
    supports.push({ segment, groundingChunkIndices: [index] });
  }
  if (chunks.length === 0) return undefined;
  return { groundingChunks: chunks, ...(supports.length > 0 && { groundingSupports: supports }) };
}
