/**
 * Citations of an answer as annotations of a chat message. The chat dialect knows one kind, which names a URL: what was found in
 * the web has one, and a search result that the caller gave may have one as its source. Places in documents have no counterpart.
 */
import type { ChatCompletionMessage } from 'openai/resources/chat/completions';
import { isObject } from '../../lib/json.js';

export type Annotation = ChatCompletionMessage.Annotation;

/** `citations` of the piece of the content that stands from `start` to `end`. Each URL is named once. */
export function urlCitations(citations: unknown, start: number, end: number): Annotation[] {
  const byUrl = new Map<string, Annotation>();
  for (const citation of Array.isArray(citations) ? citations : []) {
    const url = isObject(citation) ? urlOf(citation) : undefined;
    if (url === undefined || byUrl.has(url)) continue;
    const title = typeof citation.title === 'string' ? citation.title : '';
    byUrl.set(url, { type: 'url_citation', url_citation: { start_index: start, end_index: end, title, url } });
  }
  return [...byUrl.values()];
}

function urlOf(citation: Readonly<Record<string, unknown>>): string | undefined {
  const { type, url, source } = citation;
  const written = type === 'web_search_result_location' ? url : type === 'search_result_location' ? source : undefined;
  return typeof written === 'string' && /^https?:\/\//i.test(written) ? written : undefined;
}
