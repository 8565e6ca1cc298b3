/** Content of a chat message as parts of Google's dialect: text, images, sound, films and documents. */
import { isObject, type Json } from '../../lib/json.js';
import { decodeText, isText, isWebUrl, readDataUrl } from '../data-url.js';
import { type Findings, isAbsent } from '../findings.js';

/** `content`: a string or an array of parts. */
export function contentParts(content: unknown, path: string, reader: PartReader): Json[] {
  if (typeof content === 'string') return textParts(content);
  if (isAbsent(content)) return [];
  if (Array.isArray(content)) return content.flatMap((part, i) => partOf(part, `${path}[${i}]`, reader));
  reader.findings.invalid(path, 'must be a string or an array of parts');
  return [];
}

export const textParts = (text: string): Json[] => (text === '' ? [] : [{ text }]);

export interface PartReader {
  readonly findings: Findings;
  /** Vertex AI fetches what is on the web; the developer API only what Google has. */
  readonly readsWeb: boolean;
}

/** Content that may hold nothing but text: instructions, and what an assistant said. */
export function textOnlyParts(content: unknown, path: string, reader: PartReader): Json[] {
  return contentParts(content, path, reader).filter((part) => {
    if (part['text'] === undefined) reader.findings.invalid(path, 'may hold only text in a message of this role');
    return part['text'] !== undefined;
  });
}

function partOf(part: unknown, path: string, reader: PartReader): Json[] {
  const { findings } = reader;
  if (!isObject(part)) {
    findings.invalid(path, 'must be an object');
    return [];
  }
  if (!isAbsent(part['cache_control']) || !isAbsent(part['prompt_cache_breakpoint'])) findings.drop('cache_control');
  switch (part['type']) {
    case 'text':
      if (typeof part['text'] === 'string') return textParts(part['text']);
      findings.invalid(`${path}.text`, 'must be a string');
      return [];
    case 'refusal':
      if (typeof part['refusal'] === 'string') return textParts(part['refusal']);
      findings.invalid(`${path}.refusal`, 'must be a string');
      return [];
    case 'image_url':
    case 'video_url':
      return some(linked(part[part['type']], part['type'], `${path}.${part['type']}`, reader));
    case 'input_audio':
      return some(sound(part['input_audio'], `${path}.input_audio`, findings));
    case 'file':
      return some(file(part['file'], `${path}.file`, reader));
    case 'thinking':
    case 'redacted_thinking':
      findings.drop('thinking');
      return [];
    default:
      if (typeof part['type'] !== 'string') findings.invalid(`${path}.type`, 'must be a string');
      else findings.unsupported(`${path}.type`, 'names a kind of part that cannot be translated for this model');
      return [];
  }
}

const some = (part: Json | undefined): Json[] => (part === undefined ? [] : [part]);
const inline = (mimeType: string, data: string): Json => ({ inlineData: { mimeType, data } });

function linked(value: unknown, type: 'image_url' | 'video_url', path: string, reader: PartReader): Json | undefined {
  const url = isObject(value) ? value['url'] : undefined;
  if (typeof url !== 'string') return reader.findings.invalid(`${path}.url`, 'must be a string');
  if (isObject(value) && !isAbsent(value['detail']) && value['detail'] !== 'auto')
    reader.findings.drop('image_url.detail');
  const data = readDataUrl(url);
  if (!data) return fileAt(url, type === 'image_url' ? 'image/jpeg' : 'video/mp4', `${path}.url`, reader);
  const kind = type === 'image_url' ? 'image/' : 'video/';
  if (!data.base64 || !data.mediaType.startsWith(kind))
    return reader.findings.invalid(`${path}.url`, `must hold a file of type '${kind}*' in base64`);
  return inline(data.mediaType === 'image/jpg' ? 'image/jpeg' : data.mediaType, data.data);
}

/** What `format` names, in the words that the target has. */
const sounds: ReadonlyMap<unknown, string> = new Map(
  ['wav', 'mp3', 'aiff', 'aac', 'ogg', 'flac', 'opus', 'm4a', 'webm'].map((format) => [format, `audio/${format}`]),
);

function sound(audio: unknown, path: string, findings: Findings): Json | undefined {
  const { data, format } = isObject(audio) ? audio : {};
  if (typeof data !== 'string' || data === '') return findings.invalid(`${path}.data`, 'must be sound in base64');
  const mimeType = sounds.get(format);
  if (!mimeType) return findings.invalid(`${path}.format`, `must be one of '${[...sounds.keys()].join("', '")}'`);
  return inline(mimeType, readDataUrl(data)?.data ?? data);
}

/**
 * `file_data` is a data URL as OpenAI has it, or bare base64 whose type the file's name tells. A `file_id` is one of Google's
 * where it is the address of a file there; else it means something to another provider.
 */
function file(value: unknown, path: string, reader: PartReader): Json | undefined {
  const { findings } = reader;
  if (!isObject(value)) return findings.invalid(path, 'must be an object');
  const { file_data: data, file_url: url, file_id: id, filename, format } = value;
  const named = typeof format === 'string' && format.includes('/') ? format : typeByName(filename);
  if (isAbsent(data) && isAbsent(url) && !isAbsent(id)) {
    if (typeof id === 'string' && isGoogles(id))
      return fileAt(id, named ?? 'application/pdf', `${path}.file_id`, reader);
    return findings.unsupported(
      `${path}.file_id`,
      "names a file at one provider, which this model's provider does not have",
    );
  }
  const field = isAbsent(data) && !isAbsent(url) ? `${path}.file_url` : `${path}.file_data`;
  const written = data ?? url;
  if (typeof written !== 'string' || written === '') return findings.invalid(field, 'must be a non-empty string');
  if (isWebUrl(written) || isGoogles(written)) return fileAt(written, named ?? 'application/pdf', field, reader);
  const read = readDataUrl(written) ?? (named ? { mediaType: named, base64: true, data: written } : undefined);
  if (!read) return findings.invalid(field, "must be a 'data:' URL, or come with a 'filename' that tells what it is");
  if (read.base64) return inline(isText(read.mediaType) ? 'text/plain' : read.mediaType, read.data);
  const text = isText(read.mediaType) ? decodeText(read) : undefined;
  if (text === undefined) return findings.invalid(field, 'is not a well-formed data URL');
  return inline('text/plain', Buffer.from(text).toString('base64'));
}

/** A file by its address. */
function fileAt(url: string, otherwise: string, path: string, reader: PartReader): Json | undefined {
  const mimeType = typeByName(url.split(/[?#]/, 1)[0]) ?? otherwise;
  if (isGoogles(url)) return { fileData: { mimeType: isFilm(url) ? 'video/mp4' : mimeType, fileUri: url } };
  if (!isWebUrl(url)) return reader.findings.invalid(path, "must be a 'https://' or a base64 'data:' URL");
  if (reader.readsWeb) return { fileData: { mimeType, fileUri: url } };
  const why = "is on the web, from where this model's provider fetches nothing: send it as a 'data:' URL";
  return reader.findings.unsupported(path, why);
}

const isFilm = (url: string): boolean => /^https:\/\/(?:www\.)?(?:youtube\.com|youtu\.be)\//.test(url);

/** What Google itself has: its storage, its Files API, its films. */
const isGoogles = (url: string): boolean =>
  url.startsWith('gs://') || /^https:\/\/generativelanguage\.googleapis\.com\/v\w+\/files\//.test(url) || isFilm(url);

const types: Readonly<Record<string, string>> = {
  ...{
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    gif: 'image/gif',
    webp: 'image/webp',
    heic: 'image/heic',
  },
  ...{
    pdf: 'application/pdf',
    txt: 'text/plain',
    md: 'text/plain',
    csv: 'text/plain',
    json: 'text/plain',
    html: 'text/plain',
  },
  ...{ mp4: 'video/mp4', mov: 'video/mov', webm: 'video/webm', mpeg: 'video/mpeg', avi: 'video/avi' },
  ...{ wav: 'audio/wav', mp3: 'audio/mp3', ogg: 'audio/ogg', flac: 'audio/flac', aac: 'audio/aac', aiff: 'audio/aiff' },
};

function typeByName(name: unknown): string | undefined {
  const extension = typeof name === 'string' ? /\.(\w{1,8})$/.exec(name)?.[1]?.toLowerCase() : undefined;
  return extension !== undefined && Object.hasOwn(types, extension) ? types[extension] : undefined;
}
