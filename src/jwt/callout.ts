/**
 * A short question to another service (an issuer, an authorisation service): bounded in time and size, no redirect followed.
 * A fault of the network is an exception; every answer is a value.
 */
const LARGEST_BYTES = 1024 * 1024;

export interface CalloutAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface CalloutRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export type Callout = (url: string, request: CalloutRequest) => Promise<CalloutAnswer>;

/** `send`: `fetch`, or one that goes another way. */
export const calloutBy =
  (send: typeof fetch): Callout =>
  async (url, { method = 'GET', headers = {}, body, timeoutMs }) => {
    const response = await send(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > LARGEST_BYTES) throw new Error('the answer is too large');
      pieces.push(piece);
    }
    return { status: response.status, headers: response.headers, body: Buffer.concat(pieces) };
  };

export const callout: Callout = calloutBy(fetch);

/** A JSON object from a URL, else an exception. */
export async function fetchObject(ask: Callout, url: string, timeoutMs: number): Promise<Record<string, unknown>> {
  const answer = await ask(url, { headers: { accept: 'application/json' }, timeoutMs });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  const value: unknown = JSON.parse(answer.body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('answered no JSON object');
  return value as Record<string, unknown>;
}
