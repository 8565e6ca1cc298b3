/**
 * A short question to another service (an issuer, an authorisation service): bounded in time and size, no redirect followed.
 * A fault of the network is an exception; every answer is a value. `upstream/question.ts` asks it.
 */

export interface CalloutAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface CalloutRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export type Callout = (url: string, request: CalloutRequest) => Promise<CalloutAnswer>;

/** A JSON object from a URL, else an exception. */
export async function fetchObject(ask: Callout, url: string, timeoutMs: number): Promise<Record<string, unknown>> {
  const answer = await ask(url, { headers: { accept: 'application/json' }, timeoutMs });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  const value: unknown = JSON.parse(answer.body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('answered no JSON object');
  return value as Record<string, unknown>;
}
