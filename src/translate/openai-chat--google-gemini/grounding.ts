/**
 * What Google grounded an answer in, as annotations of a chat message. Google counts places in a text in bytes of UTF-8, and OpenAI
 * in characters.
 */
import { isObject, type Json } from '../../lib/json.js';
import { TextPlaces } from '../text-places.js';

/** No answer has more. */
const MOST = 256;

/** `text`: what was said, or its beginning: what is cited beyond that is told as being about its end. */
export function annotationsOf(metadata: unknown, text: string): Json[] {
  if (!isObject(metadata)) return [];
  const sources = listOf(metadata['groundingChunks']).map(sourceOf);
  const places = new TextPlaces(text);
  const place = (at: unknown): number => (typeof at === 'number' ? places.charsAt(at) : 0);
  const cited: Json[] = [];
  for (const { segment, groundingChunkIndices: indices } of listOf(metadata['groundingSupports'])) {
    if (cited.length >= MOST) break;
    const { startIndex: start, endIndex: end } = isObject(segment) ? segment : ({} as Json);
    const of = (Array.isArray(indices) ? (indices as unknown[]).slice(0, MOST) : []).flatMap(
      (index) => sources[index as number] ?? [],
    );
    if (of.length === 0) continue; // and no place is looked for
    const range = { start_index: place(start), end_index: place(end) };
    for (const source of of) cited.push(citation({ ...range, ...source }));
  }
  if (cited.length > 0) return cited.slice(0, MOST);
  // Searched, and nothing said of what came from where.
  const whole = { start_index: 0, end_index: text.length };
  return sources.flatMap((source) => (source ? [citation({ ...whole, ...source })] : [])).slice(0, MOST);
}

const citation = (cited: Json): Json => ({ type: 'url_citation', url_citation: cited });

function sourceOf({ web }: Json): { readonly title: string; readonly url: string } | undefined {
  const { uri, title } = isObject(web) ? web : ({} as Json);
  return typeof uri === 'string' ? { title: typeof title === 'string' ? title : '', url: uri } : undefined;
}

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
