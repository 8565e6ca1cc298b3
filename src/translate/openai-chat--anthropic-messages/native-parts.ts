/**
 * Parts of a chat message that are worded as the target words its own content blocks: client libraries that know both keep them
 * so. They are read field by field all the same; what is not known of them does not go on.
 */
import type {
  ContentBlockSource,
  DocumentBlockParam,
  ImageBlockParam,
  SearchResultBlockParam,
  TextBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { imageTypes } from './image-types.js';

/** `{type: "image", source}` */
export function imagePart(part: Json, path: string, findings: Findings): ImageBlockParam | undefined {
  const source = imageSource(part['source'], `${path}.source`, findings);
  return source && { type: 'image', source };
}

function imageSource(source: unknown, path: string, findings: Findings): ImageBlockParam['source'] | undefined {
  const { type, ...fields } = isObject(source) ? source : {};
  if (type === 'url' || type === 'file') return referred(type, fields, path, findings);
  if (type !== 'base64') return findings.invalid(`${path}.type`, "must be 'base64', 'url' or 'file'");
  const mediaType = imageTypes.get(fields['media_type']);
  if (!mediaType) return findings.invalid(`${path}.media_type`, 'must be that of a JPEG, PNG, GIF or WebP image');
  const data = text(fields['data'], `${path}.data`, findings);
  return data === undefined ? undefined : { type, media_type: mediaType, data };
}

/** A file is one that the caller keeps with the target's provider. */
function referred(
  type: 'url' | 'file',
  fields: Json,
  path: string,
  findings: Findings,
): { type: 'url'; url: string } | { type: 'file'; file_id: string } | undefined {
  if (type === 'url') {
    const url = text(fields['url'], `${path}.url`, findings);
    return url === undefined ? undefined : { type, url };
  }
  const id = text(fields['file_id'], `${path}.file_id`, findings);
  return id === undefined ? undefined : { type, file_id: id };
}

/** `{type: "document", source, title?, context?, citations?}` */
export function documentPart(part: Json, path: string, findings: Findings): DocumentBlockParam | undefined {
  const source = documentSource(part['source'], `${path}.source`, findings);
  const title = optionalText(part, 'title', path, findings);
  const context = optionalText(part, 'context', path, findings);
  return source && { type: 'document', source, ...title, ...context, ...citations(part, path, findings) };
}

function documentSource(source: unknown, path: string, findings: Findings): DocumentBlockParam['source'] | undefined {
  const { type, ...fields } = isObject(source) ? source : {};
  if (type === 'url' || type === 'file') return referred(type, fields, path, findings);
  if (type === 'content') return contentSource(fields['content'], `${path}.content`, findings);
  if (type !== 'base64' && type !== 'text')
    return findings.invalid(`${path}.type`, "must be 'base64', 'text', 'content', 'url' or 'file'");
  const data = text(fields['data'], `${path}.data`, findings);
  if (data === undefined) return undefined;
  if (type === 'text') return { type, media_type: 'text/plain', data };
  if (fields['media_type'] !== 'application/pdf')
    return findings.invalid(`${path}.media_type`, "must be 'application/pdf'");
  return { type, media_type: 'application/pdf', data };
}

function contentSource(content: unknown, path: string, findings: Findings): ContentBlockSource | undefined {
  if (typeof content === 'string' && content !== '') return { type: 'content', content };
  if (!Array.isArray(content) || content.length === 0)
    return findings.invalid(path, 'must be a non-empty string or array');
  const blocks = content.flatMap((block: unknown, i) => {
    const at = `${path}[${i}]`;
    const image = isObject(block) && block['type'] === 'image';
    const read = image ? imagePart(block, at, findings) : textBlock(block, at, findings);
    return read ? [read] : [];
  });
  return { type: 'content', content: blocks };
}

/** `{type: "search_result", source, title, content: [text], citations?}` */
export function searchResultPart(part: Json, path: string, findings: Findings): SearchResultBlockParam | undefined {
  const source = text(part['source'], `${path}.source`, findings);
  const title = text(part['title'], `${path}.title`, findings);
  const { content } = part;
  if (!Array.isArray(content) || content.length === 0)
    return findings.invalid(`${path}.content`, 'must be a non-empty array of text');
  const blocks = content.flatMap((block: unknown, i) => textBlock(block, `${path}.content[${i}]`, findings) ?? []);
  if (source === undefined || title === undefined) return undefined;
  return { type: 'search_result', source, title, content: blocks, ...citations(part, path, findings) };
}

function textBlock(block: unknown, path: string, findings: Findings): TextBlockParam | undefined {
  if (!isObject(block) || block['type'] !== 'text') return findings.invalid(`${path}.type`, "must be 'text'");
  const written = text(block['text'], `${path}.text`, findings);
  return written === undefined ? undefined : { type: 'text', text: written };
}

function text(value: unknown, path: string, findings: Findings): string | undefined {
  return typeof value === 'string' && /\S/.test(value)
    ? value
    : findings.invalid(path, 'must be a string that is not blank');
}

function optionalText<N extends string>(
  part: Json,
  name: N,
  path: string,
  findings: Findings,
): { [name in N]?: string } {
  const value = part[name];
  if (isAbsent(value) || value === '') return {};
  if (typeof value === 'string') return { [name]: value } as { [name in N]?: string };
  findings.invalid(`${path}.${name}`, 'must be a string');
  return {};
}

function citations(part: Json, path: string, findings: Findings): { citations?: { enabled: boolean } } {
  const { citations: asked } = part;
  if (isAbsent(asked)) return {};
  const enabled = isObject(asked) ? asked['enabled'] : undefined;
  if (typeof enabled === 'boolean') return { citations: { enabled } };
  findings.invalid(`${path}.citations`, "must hold 'enabled', which is a boolean");
  return {};
}
