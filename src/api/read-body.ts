/**
 * Reads a request's body up to a size. What is larger is refused at once, and the rest is thrown away as it comes for a
 * while, so that a caller which is still sending gets to read why. What drips is refused when the server says so.
 */
import type { IncomingMessage } from 'node:http';
import type { ClientRequest } from '../front/client.js';
import { PlainRequest } from '../front/plain-request.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { late, tooSlow } from '../lib/late.js';

const PATIENCE_MS = 10_000;

const TOO_SLOW = refuse('request_timeout', tooSlow, { headers: { connection: 'close' } });

/** Undefined where the caller left before the end. */
export function readBody(request: ClientRequest, limitBytes: number): Promise<Result<Buffer> | undefined> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    if (!(request instanceof PlainRequest)) request.resume();
    return Promise.resolve(
      refused(refuse('unsupported_media_type', `Send the body without content-encoding '${encoding.slice(0, 40)}'.`)),
    );
  }
  if (request instanceof PlainRequest) {
    const { body } = request;
    return Promise.resolve(body.length > limitBytes ? refused(tooLarge(limitBytes)) : ok(body));
  }
  if (Number(request.headers['content-length'] ?? 0) > limitBytes)
    return Promise.resolve(refuseRest(request, limitBytes));
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    request.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size <= limitBytes) pieces.push(piece);
      else if (pieces.length > 0 || size === piece.length) {
        pieces.length = 0;
        resolve(refuseRest(request, limitBytes));
      }
    });
    request.on('end', () => resolve(ok(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))));
    request.on('close', () => resolve(undefined));
    request.on('error', () => resolve(undefined));
    request.on(late, () => resolve(refused(TOO_SLOW)));
  });
}

function refuseRest(request: IncomingMessage, limitBytes: number): Result<never> {
  request.resume();
  const impatient = setTimeout(() => request.socket.destroy(), PATIENCE_MS).unref();
  request.on('end', () => clearTimeout(impatient));
  return refused(tooLarge(limitBytes));
}

const tooLarge = (limitBytes: number): Refusal =>
  refuse('request_too_large', `The request body is larger than ${limitBytes} bytes (server.body_limit).`);
