/** Content of an item as content of a chat message: one text where it is text alone, else parts. */
import { listOf } from '../../formats/openai-responses/items.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

export function chatContent(content: unknown, path: string, findings: Findings): string | readonly Json[] {
  if (typeof content === 'string') return content;
  if (isAbsent(content)) return '';
  if (!Array.isArray(content)) return findings.invalid(path, 'must be a string or an array of parts') ?? '';
  const parts = listOf(content).flatMap((part, i) => {
    const told = chatPart(part, `${path}[${i}]`, findings);
    return told ? [told] : [];
  });
  const [only] = parts;
  if (parts.length === 1 && isPlainText(only!)) return only!['text'] as string;
  return parts.length === 0 ? '' : parts;
}

const isPlainText = (part: Json): boolean => part['type'] === 'text' && Object.keys(part).length === 2;

function chatPart(part: unknown, path: string, findings: Findings): Json | undefined {
  if (typeof part === 'string') return { type: 'text', text: part };
  if (!isObject(part)) return findings.invalid(path, 'must be an object');
  switch (part['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      if (typeof part['text'] === 'string') return { type: 'text', text: part['text'], ...marked(part) };
      return findings.invalid(`${path}.text`, 'must be a string');
    case 'refusal':
      return { type: 'text', text: String(part['refusal'] ?? '') };
    case 'input_image':
      return imagePart(part, path, findings);
    case 'input_file':
      return filePart(part, path, findings);
    case 'input_audio':
      return { type: 'input_audio', input_audio: part['input_audio'] };
    default:
      return findings.unsupported(`${path}.type`, 'names a kind of part that cannot be translated for this model');
  }
}

/** A mark up to which the prompt is to be cached, in the words of the chat dialect's extension. */
function marked(part: Json): Json {
  const { prompt_cache_breakpoint: mark, cache_control: own } = part;
  if (!isAbsent(own)) return { cache_control: own };
  return isAbsent(mark) ? {} : { cache_control: { type: 'ephemeral' } };
}

function imagePart({ image_url: url, detail, file_id: id }: Json, path: string, findings: Findings): Json | undefined {
  if (typeof url === 'string') {
    const told = detail === 'original' ? 'high' : detail;
    return {
      type: 'image_url',
      image_url: { url, ...(typeof told === 'string' && told !== 'auto' && { detail: told }) },
    };
  }
  if (!isAbsent(id)) return keptByProvider(`${path}.file_id`, findings);
  return findings.invalid(`${path}.image_url`, 'must be a string');
}

function filePart(part: Json, path: string, findings: Findings): Json | undefined {
  const { file_data: data, file_url: url, file_id: id, filename } = part;
  const named = typeof filename === 'string' ? { filename } : {};
  if (typeof data === 'string') return { type: 'file', file: { ...named, file_data: data } };
  if (typeof url === 'string') return { type: 'file', file: { ...named, file_url: url } };
  if (!isAbsent(id)) return keptByProvider(`${path}.file_id`, findings);
  return findings.invalid(`${path}.file_data`, 'must be a string');
}

const keptByProvider = (path: string, findings: Findings): undefined =>
  findings.unsupported(path, "names a file at one provider, which this model's provider does not have");
