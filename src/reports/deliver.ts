/**
 * Where scheduled reports go. A file gets its name when it is whole, so that who watches the folder never reads a half one. A
 * webhook is one POST of the report as it is, signed as Standard Webhooks has it; redirects are not followed, and an address
 * that only this network reaches is refused unless the configuration allows it: it is looked up once, and what was looked up
 * is what is connected to.
 */
import { lookup } from 'node:dns/promises';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../lib/clock.js';
import { isReachable } from '../lib/public-address.js';
import { signedHeaders } from '../lib/standard-webhooks.js';
import type { Delivery } from './schedule.js';

export const toFolder =
  (folder: string) =>
  async ({ fileName, bytes }: Delivery): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const part = join(folder, `.${fileName}.${process.pid}.part`);
    try {
      await pipeline(bytes, createWriteStream(part, { mode: 0o640 }));
      await rename(part, join(folder, fileName));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  };

export interface Receiver {
  readonly url: string;
  /** `whsec_` and base64, or null: not signed. */
  readonly secret: string | null;
  readonly allowPrivate: boolean;
}

/** A report goes in one piece, since its signature stands before it. */
const MOST_BYTES = 64 * 1024 * 1024;
const ANSWER_MS = 30_000;

export const toWebhook =
  ({ url, secret, allowPrivate }: Receiver, clock: Clock) =>
  async (delivery: Delivery): Promise<void> => {
    const body = await whole(delivery.bytes);
    const { id, mediaType, fileName } = delivery;
    const headers = {
      'content-type': mediaType,
      'content-length': String(body.length),
      'content-disposition': `attachment; filename="${fileName}"`,
      'user-agent': 'tollgate',
      ...signedHeaders(secret === null ? [] : [secret], { id, atMs: clock.now(), body }),
    };
    const status = await post(new URL(url), headers, body, allowPrivate);
    if (status < 200 || status > 299) throw new Error(`the receiver answered ${status}`);
  };

async function whole(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > MOST_BYTES) throw new Error('the report is larger than 64 MB: have it delivered to a folder');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function post(url: URL, headers: Record<string, string>, body: Buffer, allowPrivate: boolean): Promise<number> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('the receiver is no http or https URL');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const found = isIP(host) ? { address: host, family: isIP(host) } : await lookup(host);
  if (!isReachable(found.address, allowPrivate ? 'private' : 'public'))
    throw new Error(`${url.hostname} is a private address, which is not allowed; see allow_private`);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((answered, failed) => {
    const request = send(
      {
        method: 'POST',
        host: found.address,
        port: url.port || (url.protocol === 'https:' ? 443 : 80),
        path: `${url.pathname}${url.search}`,
        ...(isIP(host) ? {} : { servername: host }),
        headers: { ...headers, host: url.host },
        signal: AbortSignal.timeout(ANSWER_MS),
        agent: false,
      },
      (response) => {
        response.resume();
        answered(response.statusCode ?? 0);
      },
    );
    request.once('error', failed);
    request.end(body);
  });
}
