/**
 * Reads a request's body up to a size, and as JSON up to a depth and number of values: building more of these would hold
 * everybody up. What exceeds them is refused at once, and the rest is thrown away as it comes for a while, so that a caller
 * which is still sending gets to read why. What drips is refused when the server says so. What came compressed is held to the
 * same bounds once it is decoded.
 */
import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { ClientRequest } from '../front/client.js';
import { PlainRequest } from '../front/plain-request.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import { JsonBounds, type JsonExcess, jsonExcess } from '../lib/json-bounds.js';
import { late, tooSlow } from '../lib/late.js';
import { LOOKED_AT, readTurns } from '../lib/read-turns.js';
import { decodable, decoderOf } from './decode-body.js';

const PATIENCE_MS = 10_000;
/** Values: an embedding request may have all its tokens as numbers, which cost little. */
const JSON_LIMITS = { depth: 128, values: 500_000, keys: 50_000, holders: 50_000 };

const TOO_SLOW = refuse('request_timeout', tooSlow, { headers: { connection: 'close' } });

/** Undefined where the caller left before the end. */
export function readBody(request: ClientRequest, limitBytes: number): Promise<Result<Buffer> | undefined> {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return readBytes(request, limitBytes, true);
  return readEncoded(request, limitBytes, encoding);
}

async function readEncoded(
  request: ClientRequest,
  limitBytes: number,
  encoding: string,
): Promise<Result<Buffer> | undefined> {
  const decode = decoderOf(encoding);
  if (!decode) {
    if (!(request instanceof PlainRequest)) request.resume();
    const words = `The content-encoding '${encoding.slice(0, 40)}' is not known here: send the body as it is, or in one of ${decodable.join(', ')}.`;
    return refused(refuse('unsupported_media_type', words));
  }
  const encoded = await readBytes(request, limitBytes, false);
  if (!encoded?.ok || encoded.value.length === 0) return encoded;
  const decoded = await decode(encoded.value, limitBytes);
  if (decoded === 'too_large') return refused(tooLarge(limitBytes));
  if (!Buffer.isBuffer(decoded)) return refused(refuse('invalid_value', undecoded[decoded](encoding.slice(0, 80))));
  const excess = await excessIn(decoded);
  return excess ? refused(beyond(excess)) : ok(decoded);
}

const undecoded = {
  broken: (encoding: string) => `The request body is not what its content-encoding '${encoding}' says.`,
  dictionary: (encoding: string) =>
    `The request body is compressed with a dictionary, which is not known here: send it as '${encoding}' without one.`,
};

/** Bytes that are looked at in one turn of the event loop. */
const TURN_BYTES = 256 * 1024;

async function excessIn(body: Buffer): Promise<JsonExcess | null> {
  const bounds = new JsonBounds(JSON_LIMITS);
  for (let at = 0; at < body.length; at += TURN_BYTES) {
    if (at > 0) await turn();
    const excess = bounds.read(body.subarray(at, at + TURN_BYTES));
    if (excess) return excess;
  }
  return null;
}

/** `isJson`: the bytes are JSON, and are held to its limits. */
function readBytes(request: ClientRequest, limitBytes: number, isJson: boolean): Promise<Result<Buffer> | undefined> {
  if (request instanceof PlainRequest) {
    const { body } = request;
    if (body.length > limitBytes) return Promise.resolve(refused(tooLarge(limitBytes)));
    const excess = isJson ? jsonExcess(body, JSON_LIMITS) : null;
    return Promise.resolve(excess ? refused(beyond(excess)) : ok(body));
  }
  if (Number(request.headers['content-length'] ?? 0) > limitBytes)
    return Promise.resolve(refuseRest(request, tooLarge(limitBytes)));
  return new Promise((resolve) => {
    const gathered = new GatheredBytes(Number(request.headers['content-length'] ?? 0));
    const bounds = isJson ? new JsonBounds(JSON_LIMITS) : null;
    const reader = { readOn: () => void request.resume() };
    let isRefused = false;
    request.on('data', (piece: Buffer) => {
      if (isRefused) return;
      const excess = bounds?.read(piece);
      if (gathered.length + piece.length <= limitBytes && !excess) {
        gathered.push(piece);
        if (!readTurns.read(reader, piece.length, isJson ? LOOKED_AT : 1)) request.pause();
        return;
      }
      isRefused = true;
      gathered.drop();
      resolve(refuseRest(request, excess ? beyond(excess) : tooLarge(limitBytes)));
    });
    request.on('end', () => {
      if (!isRefused) resolve(ok(gathered.take()));
    });
    request.on('close', () => resolve(undefined));
    request.on('error', () => resolve(undefined));
    request.on(late, () => resolve(refused(TOO_SLOW)));
  });
}

function refuseRest(request: IncomingMessage, refusal: Refusal): Result<never> {
  request.resume();
  const impatient = setTimeout(() => request.socket.destroy(), PATIENCE_MS).unref();
  request.on('end', () => clearTimeout(impatient));
  return refused(refusal);
}

const beyond = (excess: JsonExcess): Refusal =>
  refuse(
    'invalid_json',
    excess === 'too_deep'
      ? `The JSON of the request body nests deeper than ${JSON_LIMITS.depth} levels.`
      : `The JSON of the request body has more than ${JSON_LIMITS.values} values, ${JSON_LIMITS.keys} keys or ${JSON_LIMITS.holders} objects and lists.`,
  );

const tooLarge = (limitBytes: number): Refusal =>
  refuse('request_too_large', `The request body is larger than ${limitBytes} bytes (server.body_limit).`);
