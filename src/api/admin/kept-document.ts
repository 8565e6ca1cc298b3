/** The OpenAPI document as it goes out: written and compressed once, for it is large, and anybody may ask for it. */
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptedEncoding } from '../../lib/accept-encoding.js';

const compressed = promisify(brotliCompress);

export interface KeptDocument {
  readonly plain: Buffer;
  readonly brotli: Buffer;
}

export async function keptDocument(document: object): Promise<KeptDocument> {
  const plain = Buffer.from(JSON.stringify(document));
  return { plain, brotli: await compressed(plain) };
}

export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { plain, brotli }: KeptDocument,
): FastifyReply {
  const isBrotli = acceptedEncoding(request.headers['accept-encoding']?.toString()) === 'br';
  reply.headers({ 'content-type': 'application/json; charset=utf-8', vary: 'accept-encoding' });
  if (isBrotli) reply.header('content-encoding', 'br');
  return reply.send(isBrotli ? brotli : plain);
}
