/** The wire formats: those that clients call, and what is known of each where an upstream is spoken to in it. */
import { anthropicMessages } from './anthropic-messages/format.js';
import type { ApiFormat } from './format.js';
import type { FormatId } from './format-id.js';
import { googleEmbeddings } from './google-embeddings/format.js';
import { googleGemini } from './google-gemini/format.js';
import type { MediaKind } from './media-kind.js';
import { openaiChat } from './openai-chat/format.js';
import { openaiCompletions } from './openai-completions/format.js';
import { openaiEmbeddings } from './openai-embeddings/format.js';
import { openaiResponses } from './openai-responses/format.js';
import type { ModelRequest } from './request.js';

/** A format with requests of its own: whoever reads a request with it hands that request, and no other, back to it. */
const formatOf = <R extends ModelRequest>(format: ApiFormat<R>): ApiFormat => format as unknown as ApiFormat;

/** What clients can call. */
export const apiFormats: readonly ApiFormat[] = [
  formatOf(openaiChat),
  formatOf(anthropicMessages),
  formatOf(openaiCompletions),
  formatOf(openaiResponses),
  formatOf(googleGemini),
  formatOf(openaiEmbeddings),
  formatOf(googleEmbeddings),
];

export const apiFormat = (id: FormatId): ApiFormat => {
  const found = apiFormats.find((format) => format.id === id);
  if (!found) throw new Error(`clients cannot call ${id}`);
  return found;
};

/** What follows for a request from the format that its target is spoken to in. */
export interface UpstreamFormat {
  /** When a part of the prompt is written to the provider's cache, at a price of its own. */
  readonly cacheWrites: 'where asked' | 'at will' | 'never';
  /** A request must name a maximum of the answer, and none beyond the model's own is taken. */
  readonly namesMaximum: boolean;
  /** What it has a place for beside text. What it has none for a translator refuses, or leaves out where that was agreed to. */
  readonly holds: readonly MediaKind[];
}

const NOTHING: readonly MediaKind[] = [];
const PAGES: readonly MediaKind[] = ['image', 'file'];
const ANYTHING: readonly MediaKind[] = ['image', 'audio', 'video', 'file'];

export const upstreamFormats: Readonly<Record<FormatId, UpstreamFormat>> = {
  'openai-chat': { cacheWrites: 'at will', namesMaximum: false, holds: ANYTHING },
  'openai-completions': { cacheWrites: 'at will', namesMaximum: false, holds: NOTHING },
  'openai-responses': { cacheWrites: 'at will', namesMaximum: false, holds: PAGES },
  'openai-embeddings': { cacheWrites: 'never', namesMaximum: false, holds: NOTHING },
  'anthropic-messages': { cacheWrites: 'where asked', namesMaximum: true, holds: PAGES },
  'bedrock-converse': { cacheWrites: 'where asked', namesMaximum: false, holds: PAGES },
  'titan-embeddings': { cacheWrites: 'never', namesMaximum: false, holds: NOTHING },
  'cohere-embeddings': { cacheWrites: 'never', namesMaximum: false, holds: NOTHING },
  'google-gemini': { cacheWrites: 'never', namesMaximum: false, holds: ANYTHING },
  'google-embeddings': { cacheWrites: 'never', namesMaximum: false, holds: NOTHING },
  'vertex-embeddings': { cacheWrites: 'never', namesMaximum: false, holds: NOTHING },
};
