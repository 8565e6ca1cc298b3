/** Blocks of the messages dialect as parts of a chat completion: texts, images, documents and what was found. */
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

/** A text or a list of blocks as parts. */
export function partsOf(content: unknown, path: string, findings: Findings): Json[] {
  if (typeof content === 'string') return content === '' ? [] : [textPart(content)];
  if (isAbsent(content)) return [];
  if (!Array.isArray(content)) return findings.invalid(path, 'must be a text or a list of blocks') ?? [];
  return content.flatMap((block: unknown, i) => marked(block, blockParts(block, `${path}.${i}`, findings)));
}

export const textPart = (text: string): Json => ({ type: 'text', text });

/** A mark on a block is a mark on its last part. */
export function marked(block: unknown, parts: Json[]): Json[] {
  const mark = isObject(block) ? block['cache_control'] : undefined;
  const last = parts.at(-1);
  return isAbsent(mark) || !last ? parts : [...parts.slice(0, -1), { ...last, cache_control: mark }];
}

function blockParts(block: unknown, path: string, findings: Findings): Json[] {
  if (!isObject(block)) return findings.invalid(path, 'must be a block') ?? [];
  switch (block['type']) {
    case 'text':
      return block['text'] === '' ? [] : [textPart(asText(block['text'], `${path}.text`, findings))];
    case 'image':
      return imageParts(block['source'], `${path}.source`, findings);
    case 'document':
      return documentParts(block, path, findings);
    case 'search_result':
      findings.drop('search_result.citations');
      return [
        textPart(`${words(block['title'])} (${words(block['source'])})`),
        ...partsOf(block['content'], path, findings),
      ];
    case 'tool_reference':
      return [textPart(`The tool ${words(block['tool_name'])} is available.`)];
    default:
      return (
        findings.unsupported(
          path,
          `is a block of type '${words(block['type']).slice(0, 60)}', which this model does not have`,
        ) ?? []
      );
  }
}

const words = (value: unknown): string => (typeof value === 'string' ? value : '');

function asText(value: unknown, path: string, findings: Findings): string {
  if (typeof value !== 'string') findings.invalid(path, 'must be a text');
  return words(value);
}

function imageParts(source: unknown, path: string, findings: Findings): Json[] {
  const { type, data, media_type: mediaType, url } = isObject(source) ? source : ({} as Json);
  if (type === 'base64' && typeof data === 'string' && typeof mediaType === 'string')
    return [{ type: 'image_url', image_url: { url: `data:${mediaType};base64,${data}` } }];
  if (type === 'url' && typeof url === 'string') return [{ type: 'image_url', image_url: { url } }];
  return sourceless(type, path, findings);
}

/** A file is kept at one provider and known to no other one. */
function sourceless(type: unknown, path: string, findings: Findings): Json[] {
  if (type === 'file') findings.unsupported(`${path}.file_id`, 'names a file that this model does not have');
  else findings.invalid(path, "must be of type 'base64' or 'url', with what belongs to it");
  return [];
}

function documentParts({ source, title, context, citations }: Json, path: string, findings: Findings): Json[] {
  if (isObject(citations) && citations['enabled'] === true) findings.drop('document.citations');
  const { type, data, media_type: mediaType, url, content } = isObject(source) ? source : ({} as Json);
  const name = words(title);
  const about = words(context) === '' ? [] : [textPart(words(context))];
  if (type === 'text') return [...about, textPart(name === '' ? words(data) : `${name}\n\n${words(data)}`)];
  if (type === 'content') {
    const head = name === '' ? [] : [textPart(name)];
    return [...about, ...head, ...partsOf(content, `${path}.source.content`, findings)];
  }
  const filename = name === '' ? 'document.pdf' : name;
  if (type === 'base64' && typeof data === 'string') {
    const file_data = `data:${words(mediaType) || 'application/pdf'};base64,${data}`;
    return [...about, { type: 'file', file: { filename, file_data } }];
  }
  if (type === 'url' && typeof url === 'string') return [...about, { type: 'file', file: { filename, file_url: url } }];
  return sourceless(type, `${path}.source`, findings);
}
