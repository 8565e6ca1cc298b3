/** Whether and how an answer is compressed on its way. Streams of events, small answers and what is compressed already are not. */
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import type { RouteConfig } from '../config/classic-routes.js';
import { acceptedEncoding } from '../lib/accept-encoding.js';
import { headerIn, headerList, members } from '../lib/headers.js';
import { removeFrom } from './headers.js';
import type { Visit } from './visit.js';

export interface CompressOptions {
  readonly smallestBytes: number;
  readonly types: readonly string[];
}

const TYPES = [
  'text/*',
  'application/json',
  'application/*+json',
  'application/xml',
  'application/*+xml',
  'application/javascript',
  'image/svg+xml',
];
const BROTLI_QUALITY = 4; // about as fast as gzip, and smaller

export function compression(written: RouteConfig['compress']): CompressOptions | null {
  if (written === undefined || written === false) return null;
  const { smallest = 1024, types = TYPES } = written === true ? {} : written;
  return { smallestBytes: smallest, types };
}

function isType(type: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return type === pattern;
  return (
    type.length >= pattern.length - 1 &&
    type.startsWith(pattern.slice(0, star)) &&
    type.endsWith(pattern.slice(star + 1))
  );
}

/** A compressor for the answer, whose headers are changed for it; null: it goes as it is. */
export function compressorFor(options: CompressOptions, status: number, headers: string[], visit: Visit) {
  const type = (headerIn(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'text/event-stream' || !options.types.some((pattern) => isType(type, pattern))) return null;
  headers.push('vary', 'accept-encoding');
  const length = headerIn(headers, 'content-length');
  if (status === 206 || (length !== undefined && Number(length) < options.smallestBytes)) return null;
  if (headerIn(headers, 'content-encoding') !== undefined) return null;
  for (const list of [headerList(headers, 'cache-control'), visit.header('cache-control')])
    if (members(list).includes('no-transform')) return null;
  const encoding = acceptedEncoding(visit.header('accept-encoding'));
  if (encoding === undefined) return null;
  removeFrom(headers, 'content-length');
  removeFrom(headers, 'accept-ranges');
  const tag = headerIn(headers, 'etag');
  if (tag?.startsWith('"')) {
    removeFrom(headers, 'etag');
    headers.push('etag', `W/${tag}`);
  }
  headers.push('content-encoding', encoding);
  // What comes in pieces is passed on in pieces.
  const streams = length === undefined;
  return encoding === 'gzip'
    ? createGzip(streams ? { flush: constants.Z_SYNC_FLUSH } : {})
    : createBrotliCompress({
        ...(streams ? { flush: constants.BROTLI_OPERATION_FLUSH } : {}),
        params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
      });
}
