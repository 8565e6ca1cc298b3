/** What of a request's parts is a film, and what is a file that more than text must be read of. */
import { isObject } from '../lib/json.js';

/** What a model must be able to read beside text. */
export type MediaKind = 'image' | 'audio' | 'video' | 'file';

/** Media types and names are short; what is longer is no such. */
const LONGEST_NAME = 300;
const TEXT_NAMES = /\.(?:txt|md|markdown|csv|tsv|json|jsonl|xml|ya?ml|html?|log)$/i;
const TEXT_TYPES = /^(?:text\/|application\/(?:json|xml|x-yaml|yaml))/i;

/** `file` of a chat completion, or an `input_file`: undefined where it is a text. */
export function fileKind(file: unknown): MediaKind | undefined {
  if (!isObject(file)) return 'file';
  const { file_data: data, file_url: url, filename, format } = file;
  const head = typeof data === 'string' && data.startsWith('data:') ? data.slice(5, LONGEST_NAME) : undefined;
  const type = head ?? format;
  if (typeof type === 'string') return typedKind(type);
  const name = typeof filename === 'string' ? filename : typeof url === 'string' ? url.split(/[?#]/, 1)[0] : undefined;
  return name !== undefined && TEXT_NAMES.test(name.slice(-LONGEST_NAME)) ? undefined : 'file';
}

/** By a media type. */
export function typedKind(type: string): MediaKind | undefined {
  const head = type.slice(0, LONGEST_NAME).toLowerCase();
  for (const kind of ['image', 'audio', 'video'] as const) if (head.startsWith(`${kind}/`)) return kind;
  return TEXT_TYPES.test(head) ? undefined : 'file';
}

/** A document of the messages format: undefined where its source is text. */
export function documentKind({ source }: Readonly<Record<string, unknown>>): MediaKind | undefined {
  const { type, media_type: media } = isObject(source) ? source : {};
  if (type === 'text' || type === 'content') return undefined;
  return typeof media === 'string' ? typedKind(media) : 'file';
}
