/**
 * Files that the build left and that browsers load: read once, when the server is made, and given as they are or as they were
 * compressed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptedEncoding } from '../../lib/accept-encoding.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  /** Left out: it was not compressed. */
  readonly brotli: Buffer | undefined;
  /** It never changes under this name. */
  readonly lasting: boolean;
}

/** The files below `folder`, by their paths in it; none where the build did not make them. */
export function readFiles(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  let names: string[] = [];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return files; // a checkout whose pages are not built
  }
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const plain = readFileSync(join(folder, name));
    const brotli = names.includes(`${name}.br`) ? readFileSync(join(folder, `${name}.br`)) : undefined;
    const path = name.replaceAll('\\', '/');
    files.set(path, { type, plain, brotli, lasting: path.startsWith('assets/') });
  }
  return files;
}

/** What a page may load and ask: this gateway and nothing else. `styles`: what else may style it, beside its files. */
export const policyOf = (styles: readonly string[] = []): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src ${["'self'", ...styles].join(' ')}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

export function sendFile(request: FastifyRequest, reply: FastifyReply, file: StaticFile, policy: string): FastifyReply {
  const accepted = request.headers['accept-encoding'];
  const brotli = acceptedEncoding(String(accepted ?? '')) === 'br' ? file.brotli : undefined;
  reply.headers({
    'content-type': file.type,
    'cache-control': file.lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'accept-encoding',
    ...(brotli && { 'content-encoding': 'br' }),
  });
  return reply.send(brotli ?? file.plain);
}
