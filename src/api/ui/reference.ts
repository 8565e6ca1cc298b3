/**
 * The reference of the API at `/docs`: Redoc draws the OpenAPI document of this gateway, from files that the build left in
 * `dist/reference`, offline. Redoc makes its styles while it runs: the policy of the page takes them by a nonce of this one
 * answer, and there is no `unsafe-*`.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { packageRoot } from '../../lib/root.js';
import { describing, routeOf } from '../route.js';
import { policyOf, readFiles, sendFile } from './static-files.js';

const FOLDER = join(packageRoot, 'dist/reference');
const NONCE = 'nonce-of-this-answer';
const POLICY = policyOf();

export function referenceRoutes(app: FastifyInstance): void {
  const files = readFiles(FOLDER);
  const page = files.get('index.html')?.plain.toString();

  app.route({
    ...routeOf('getReference'),
    schema: describing('getReference'),
    handler: (_request, reply) => {
      if (page === undefined)
        return reply.code(503).type('text/plain').send('The reference is not built: npm run build makes it.');
      const nonce = randomBytes(18).toString('base64');
      return reply
        .headers({
          'content-type': 'text/html; charset=utf-8',
          'cache-control': 'no-store',
          'content-security-policy': policyOf([`'nonce-${nonce}'`]),
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        })
        .send(page.replace(NONCE, nonce));
    },
  });
  app.route({
    ...routeOf('getReferenceFile'),
    schema: describing('getReferenceFile'),
    handler: (request, reply) => {
      const file = files.get((request.params as { '*': string })['*']);
      return file ? sendFile(request, reply, file, POLICY) : reply.callNotFound();
    },
  });
}
