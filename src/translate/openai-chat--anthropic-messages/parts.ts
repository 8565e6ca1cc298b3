/** Content of a chat message as content blocks of the messages dialect: text, images, documents and results of searches. */

import type {
  DocumentBlockParam,
  ImageBlockParam,
  SearchResultBlockParam,
  TextBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { decodeText, isText, isWebUrl, readDataUrl } from '../data-url.js';
import { type Findings, isAbsent } from '../findings.js';
import { cacheMark } from './cache-marks.js';
import { imageTypes } from './image-types.js';
import { documentPart, imagePart, searchResultPart } from './native-parts.js';

export type PartBlock = TextBlockParam | ImageBlockParam | DocumentBlockParam | SearchResultBlockParam;

/** Blank text blocks are refused by the target, so blank text is no block at all. */
export const textBlocks = (text: string): TextBlockParam[] => (/\S/.test(text) ? [{ type: 'text', text }] : []);

/** `content`: a string or an array of parts. */
export function contentBlocks(content: unknown, path: string, findings: Findings): PartBlock[] {
  if (typeof content === 'string') return textBlocks(content);
  if (isAbsent(content)) return [];
  if (!Array.isArray(content)) {
    findings.invalid(path, 'must be a string or an array of parts');
    return [];
  }
  return content.flatMap((part, i) => partBlocks(part, `${path}[${i}]`, findings));
}

/** Content that may hold nothing but text: system messages. */
export function textOnlyBlocks(content: unknown, path: string, findings: Findings): TextBlockParam[] {
  if (!Array.isArray(content)) return contentBlocks(content, path, findings) as TextBlockParam[];
  return content.flatMap((part, i) => textPart(part, `${path}[${i}]`, path, findings));
}

/** A part of content that may hold nothing but text. */
export function textPart(part: unknown, path: string, contentPath: string, findings: Findings): TextBlockParam[] {
  return partBlocks(part, path, findings).filter((block): block is TextBlockParam => {
    if (block.type !== 'text') findings.invalid(contentPath, 'may hold only text in a message of this role');
    return block.type === 'text';
  });
}

export function partBlocks(part: unknown, path: string, findings: Findings): PartBlock[] {
  if (!isObject(part)) {
    findings.invalid(path, 'must be an object');
    return [];
  }
  const blocks = blocksOfType(part, path, findings);
  const mark = cacheMark(part, path, findings);
  const last = blocks.at(-1);
  if (mark && last) last.cache_control = mark;
  return blocks;
}

function blocksOfType(part: Json, path: string, findings: Findings): PartBlock[] {
  switch (part['type']) {
    case 'text':
      if (typeof part['text'] === 'string') return textBlocks(part['text']);
      findings.invalid(`${path}.text`, 'must be a string');
      return [];
    case 'image_url':
      return some(imageBlock(part['image_url'], `${path}.image_url`, findings));
    case 'image':
      return some(imagePart(part, path, findings));
    case 'document':
      return some(documentPart(part, path, findings));
    case 'search_result':
      return some(searchResultPart(part, path, findings));
    case 'file':
      return some(fileBlock(part['file'], `${path}.file`, findings));
    case 'input_audio':
      findings.unsupported(`${path}.input_audio`, "cannot be sent: this model's provider takes no audio");
      return [];
    default:
      if (typeof part['type'] !== 'string') findings.invalid(`${path}.type`, 'must be a string');
      else findings.unsupported(`${path}.type`, 'names a kind of part that cannot be translated for this model');
      return [];
  }
}

const some = <T>(block: T | undefined): T[] => (block === undefined ? [] : [block]);

function imageBlock(image: unknown, path: string, findings: Findings): ImageBlockParam | undefined {
  const url = isObject(image) ? image['url'] : image; // some clients leave the object out
  if (typeof url !== 'string') return findings.invalid(`${path}.url`, 'must be a string');
  if (isWebUrl(url)) return { type: 'image', source: { type: 'url', url } };
  const data = readDataUrl(url);
  if (!data?.base64) return findings.invalid(`${path}.url`, "must be an 'https://' URL or a base64 'data:' URL");
  const mediaType = imageTypes.get(data.mediaType);
  if (!mediaType) return findings.invalid(`${path}.url`, 'must hold a JPEG, PNG, GIF or WebP image');
  return { type: 'image', source: { type: 'base64', media_type: mediaType, data: data.data } };
}

/**
 * `file_data` is a data URL as OpenAI has it, or, as some clients send it, bare base64 whose type the file's name tells;
 * `file_data` or `file_url` may also be a web URL of a PDF. A `file_id` means something to one provider only.
 */
function fileBlock(file: unknown, path: string, findings: Findings): DocumentBlockParam | ImageBlockParam | undefined {
  if (!isObject(file)) return findings.invalid(path, 'must be an object');
  const { file_id: id, file_url: url, filename } = file;
  const written = file['file_data'] ?? url;
  if (isAbsent(written) && !isAbsent(id)) {
    return findings.unsupported(
      `${path}.file_id`,
      "names a file at one provider, which this model's provider does not have",
    );
  }
  const field = isAbsent(file['file_data']) && !isAbsent(url) ? `${path}.file_url` : `${path}.file_data`;
  if (typeof written !== 'string' || written === '') return findings.invalid(field, 'must be a non-empty string');
  const title = typeof filename === 'string' && filename !== '' ? { title: filename } : {};
  if (isWebUrl(written)) return { type: 'document', source: { type: 'url', url: written }, ...title };
  const data = readDataUrl(written) ?? { mediaType: typeByName(filename), base64: true, data: written };
  const image = imageTypes.get(data.mediaType);
  if (image && data.base64) return { type: 'image', source: { type: 'base64', media_type: image, data: data.data } };
  if (data.mediaType === 'application/pdf' && data.base64) {
    return { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: data.data }, ...title };
  }
  if (!isText(data.mediaType)) return findings.invalid(field, 'must hold a PDF, plain text or an image');
  if (data.data.length > LONGEST_TEXT)
    return findings.invalid(field, `holds more than ${LONGEST_TEXT} characters of text`);
  const text = decodeText(data);
  if (text === undefined) return findings.invalid(field, 'is not a well-formed data URL');
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
}

/** More than what a model reads; to decode more holds others up. */
const LONGEST_TEXT = 2_000_000;

function typeByName(filename: unknown): string {
  const extension = typeof filename === 'string' ? /\.(\w+)$/.exec(filename)?.[1]?.toLowerCase() : undefined;
  if (extension === 'pdf') return 'application/pdf';
  return extension === 'txt' || extension === 'md' || extension === 'csv' ? 'text/plain' : '';
}
