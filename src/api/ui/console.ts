/**
 * The console's files, as the build left them, at `/ui`. They are read once, when the server is made; what has a digest in its
 * name is kept by browsers for good, and every other address below `/ui` is the one page, which has addresses of its own. The
 * page may load and ask nothing but this gateway: its policy has no `unsafe-*`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { acceptedEncoding } from '../../lib/accept-encoding.js';
import { packageRoot } from '../../lib/root.js';
import { describing, routeOf } from '../route.js';

const FOLDER = join(packageRoot, 'dist/web');

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

interface ConsoleFile {
  readonly type: string;
  readonly plain: Buffer;
  /** Left out: it was not compressed. */
  readonly brotli: Buffer | undefined;
  /** It never changes under this name. */
  readonly lasting: boolean;
}

function readFiles(): ReadonlyMap<string, ConsoleFile> {
  const files = new Map<string, ConsoleFile>();
  let names: string[] = [];
  try {
    names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  } catch {
    return files; // a checkout whose pages are not built
  }
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const plain = readFileSync(join(FOLDER, name));
    const brotli = names.includes(`${name}.br`) ? readFileSync(join(FOLDER, `${name}.br`)) : undefined;
    const path = name.replaceAll('\\', '/');
    files.set(path, { type, plain, brotli, lasting: path.startsWith('assets/') });
  }
  return files;
}

export function consoleRoutes(app: FastifyInstance): void {
  const files = readFiles();
  const page = files.get('index.html');

  const give = (request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply => {
    const accepted = request.headers['accept-encoding'];
    const brotli = acceptedEncoding(String(accepted ?? '')) === 'br' ? file.brotli : undefined;
    reply.headers({
      'content-type': file.type,
      'cache-control': file.lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      vary: 'accept-encoding',
      ...(brotli && { 'content-encoding': 'br' }),
    });
    return reply.send(brotli ?? file.plain);
  };
  const givePage = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    page
      ? give(request, reply, page)
      : reply.code(503).type('text/plain').send('The console is not built: npm run build makes it.');

  app.route({
    ...routeOf('getConsole'),
    schema: describing('getConsole'),
    handler: givePage,
  });
  app.route({
    ...routeOf('getConsoleFile'),
    schema: describing('getConsoleFile'),
    handler: (request, reply) => {
      const name = (request.params as { '*': string })['*'];
      const file = files.get(name);
      if (file) return give(request, reply, file);
      // A file that is not there is not the page: a browser would take it for a script.
      if (extname(name) !== '') return reply.callNotFound();
      return givePage(request, reply);
    },
  });
}
