/** Checks a signature of AWS from what came over the wire, by the published rules and none of the code that made it. */
import { createHash, createHmac } from 'node:crypto';

export interface SignedWire {
  /** As in the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** What is signed encodes the path once more than it is sent. */
const canonicalPath = (path: string): string =>
  path
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');

/** The signature that the request should have, and the one that it has. */
export function signatures({ path, headers, body }: SignedWire, secret: string): { expected: string; found: string } {
  const written = String(headers['authorization']);
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      written,
    );
  if (!match) throw new Error(`not a signature: ${written}`);
  const [, , day, region, service, signed, found] = match;
  const lines = signed!.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const [pathname, query = ''] = path.split('?');
  const canonical = ['POST', canonicalPath(pathname!), query, lines.join(''), signed, sha(body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day!), region!), service!), 'aws4_request');
  return { expected: hmac(key, text).toString('hex'), found: found! };
}
