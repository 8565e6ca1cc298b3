/**
 * The console's files, as the build left them, at `/ui`. What has a digest in its name is kept by browsers for good, and every
 * other address below `/ui` is the one page, which has addresses of its own. The page may load and ask nothing but this gateway:
 * its policy has no `unsafe-*`.
 */
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { packageRoot } from '../../lib/root.js';
import { describing, routeOf } from '../route.js';
import { policyOf, readFiles, sendFile } from './static-files.js';

const FOLDER = join(packageRoot, 'dist/web');
const POLICY = policyOf();

export function consoleRoutes(app: FastifyInstance): void {
  const files = readFiles(FOLDER);
  const page = files.get('index.html');
  const givePage = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    page
      ? sendFile(request, reply, page, POLICY)
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
      if (file) return sendFile(request, reply, file, POLICY);
      // A file that is not there is not the page: a browser would take it for a script.
      if (extname(name) !== '') return reply.callNotFound();
      return givePage(request, reply);
    },
  });
}
