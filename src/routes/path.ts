/**
 * The target of a request, made the same for all who look at it: routing, policies and the upstream see one string. Needless
 * escapes are undone, `//`, `.` and `..` are resolved. What an upstream might read as another
 * path than we do (`..` behind an escaped slash, or with a `;`) is refused. The query is left as it is.
 */

export interface Target {
  /** Without the query. */
  readonly path: string;
  /** With its `?`; empty where there is none. */
  readonly query: string;
  /** The host of an absolute target (`GET http://host/path`), which goes before the `Host` header. */
  readonly host: string | undefined;
}

const PLAIN = /^\/(?:[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*(?:\/(?=[\w~!$&'()*+,=:@-])|\/?$))*$/;
const ABSOLUTE = /^(https?):\/\/([^/?#]+)(.*)$/i;
export const LONGEST_TARGET = 8_192;

/** Undefined where the target is ambiguous or not one that is routed. */
export function readTarget(url: string): Target | undefined {
  let rest = url;
  let host: string | undefined;
  if (rest.charCodeAt(0) !== 47) {
    const absolute = ABSOLUTE.exec(rest);
    if (!absolute) return undefined;
    host = absolute[2]!;
    rest = absolute[3]! === '' || absolute[3]!.startsWith('?') ? `/${absolute[3]}` : absolute[3]!;
  }
  const mark = rest.indexOf('?');
  const written = mark === -1 ? rest : rest.slice(0, mark);
  const query = mark === -1 ? '' : rest.slice(mark);
  // Node lets nothing outside printable ASCII through.
  if (query.includes('#')) return undefined;
  const path = PLAIN.test(written) ? written : normal(written);
  return path === undefined ? undefined : { path, query, host };
}

function normal(written: string): string | undefined {
  if (/[#\\]/.test(written)) return undefined;
  if (/%(?![0-9a-f]{2})|%00/i.test(written)) return undefined;
  const decoded = written.replace(/%([0-9a-f]{2})/gi, (all, hex: string) => {
    const sign = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(sign) ? sign : all.toUpperCase();
  });
  // Somebody behind us may unescape a slash, or cut a segment at its `;`: then no `..` may appear.
  if (
    /(^|\/|\\)\.{1,2}(;|\/|\\|$)/.test(decoded.replace(/%2F/g, '/').replace(/%5C/g, '\\')) &&
    /%2F|%5C|;/.test(decoded)
  )
    return undefined;
  const segments: string[] = [];
  const parts = decoded.split('/');
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i]!;
    const last = i === parts.length - 1;
    if (part === '..') segments.pop();
    if (part === '.' || part === '..' || part === '') {
      if (last) segments.push('');
      continue;
    }
    segments.push(part);
  }
  return `/${segments.join('/')}`;
}

/** A parameter's value as text; undefined where its escapes are not UTF-8. */
export function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
