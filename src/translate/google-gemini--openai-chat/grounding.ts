/** Citations of a chat completion as what Google's callers know of an answer's sources. Google counts in bytes of UTF-8. */
import { isObject, type Json } from '../../lib/json.js';
import { TextPlaces } from '../text-places.js';

/** No answer has more citations. */
export const MOST_CITATIONS = 256;
/** Characters of what is cited that are repeated beside their places, all together. */
const MOST_QUOTED = 256 * 1024;

/** `text`: what was said, as far as it is known. Places that several sources stand behind are told once, with all of them. */
export function groundingOf(annotations: readonly unknown[], text: string): Json | undefined {
  const places = new TextPlaces(text);
  const chunks: Json[] = [];
  const supports = new Map<string, { readonly segment: Json; readonly groundingChunkIndices: number[] }>();
  let quoted = 0;
  for (const one of annotations.slice(0, MOST_CITATIONS)) {
    const cited = isObject(one) ? one['url_citation'] : undefined;
    if (!isObject(cited) || typeof cited['url'] !== 'string') continue;
    const { url, title, start_index: start, end_index: end } = cited;
    const index = chunks.push({ web: { uri: url, title: typeof title === 'string' ? title : '' } }) - 1;
    if (!isPlace(start) || !isPlace(end) || end <= start || end > text.length) continue;
    const known = supports.get(`${start}-${end}`);
    if (known) {
      known.groundingChunkIndices.push(index);
      continue;
    }
    quoted += end - start;
    const segment = {
      startIndex: places.bytesAt(start),
      endIndex: places.bytesAt(end),
      ...(quoted <= MOST_QUOTED && { text: text.slice(start, end) }),
    };
    supports.set(`${start}-${end}`, { segment, groundingChunkIndices: [index] });
  }
  if (chunks.length === 0) return undefined;
  return { groundingChunks: chunks, ...(supports.size > 0 && { groundingSupports: [...supports.values()] }) };
}

const isPlace = (at: unknown): at is number => Number.isSafeInteger(at) && (at as number) >= 0;
