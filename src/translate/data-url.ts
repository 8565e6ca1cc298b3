/** Media in a request: data URLs, web URLs, and types that only a name tells. */

export interface DataUrl {
  /** In lower case, without parameters. */
  readonly mediaType: string;
  readonly base64: boolean;
  readonly data: string;
}

/** RFC 2397; parameters such as `charset` may stand before `base64`. Undefined where it is not a data URL. */
export function readDataUrl(url: string): DataUrl | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(',');
  if (comma === -1) return undefined;
  const [mediaType = '', ...parameters] = url
    .slice('data:'.length, comma)
    .split(';')
    .map((word) => word.trim().toLowerCase());
  return { mediaType: mediaType || 'text/plain', base64: parameters.includes('base64'), data: url.slice(comma + 1) };
}

export function decodeText({ base64, data }: DataUrl): string | undefined {
  if (base64) return Buffer.from(data, 'base64').toString('utf8');
  try {
    return decodeURIComponent(data);
  } catch {
    return undefined;
  }
}

export const isWebUrl = (url: string): boolean => /^https?:\/\//i.test(url);
export const isText = (mediaType: string): boolean => mediaType.startsWith('text/') || mediaType === 'application/json';
