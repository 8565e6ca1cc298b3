/**
 * Citations of a chat completion as those of a text block. The index by which Anthropic finds a citation again is the gateway's own:
 * by it a citation is known that Anthropic never made, and is taken out before it goes there.
 */
import { OWN_CITATION } from '../../formats/anthropic-messages/own-signature.js';
import { isObject, type Json } from '../../lib/json.js';

/** Characters of what is cited that a citation repeats. */
const LONGEST_QUOTE = 500;

/** `said`: what was said between two places, as far as it is known. */
export function citationsOf(annotations: unknown, said: (start: number, end: number) => string): Json[] {
  if (!Array.isArray(annotations)) return [];
  return annotations.flatMap((one: unknown) => {
    const cited = isObject(one) ? one['url_citation'] : undefined;
    if (!isObject(cited) || typeof cited['url'] !== 'string') return [];
    const { url, title, start_index: start, end_index: end } = cited;
    const isPlaced = typeof start === 'number' && typeof end === 'number';
    const quote = isPlaced ? said(start, Math.min(end, start + LONGEST_QUOTE)) : '';
    return [
      {
        type: 'web_search_result_location',
        url,
        title: typeof title === 'string' ? title : null,
        cited_text: quote,
        encrypted_index: OWN_CITATION,
      },
    ];
  });
}
