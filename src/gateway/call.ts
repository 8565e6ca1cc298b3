/** What the edge hands to the request path, and what it is given back to write. Neither side knows the other's framework. */
import type { CacheDirectives } from '../cache/directives.js';
import type { ErrorWriter } from '../formats/format.js';
import type { Endpoint } from '../formats/provider.js';
import type { Caller } from '../identity/key.js';
import type { Result } from '../lib/errors.js';

/** What a caller says about a request outside its body, already read and checked. */
export interface CallHeaders {
  readonly requestId: string;
  readonly token: string | undefined;
  readonly ip: string;
  readonly tags: readonly string[];
  readonly user: string | null;
  /** Undefined where the caller sent none. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** Upper bound of the whole request; null: the model's own. */
  readonly timeoutMs: number | null;
  readonly traceparent: string | undefined;
  /** Undefined where the caller says nothing about caching. */
  readonly cache: CacheDirectives | undefined;
  /** Whether other models may answer. */
  readonly fallbacks: boolean;
}

/** What the headers say where the caller's token says nothing else. */
export const headersOf = ({ user }: Caller, headers: CallHeaders): CallHeaders =>
  user === undefined ? headers : { ...headers, user };

export interface Call {
  readonly endpoint: Endpoint;
  readonly dialect: ErrorWriter;
  /** A header that cannot be understood refuses the call, but only after it is known who is calling. */
  readonly headers: Result<CallHeaders>;
  readonly requestId: string;
  readonly token: string | undefined;
  readonly ip: string;
  /** Milliseconds on the monotonic clock. */
  readonly arrivedAt: number;
  /** Reads the body, up to the configured size; undefined where the caller left meanwhile. */
  readBody(): Promise<Result<Buffer> | undefined>;
}

export interface Reply {
  /** The head of the answer: names and values in turn. Once. */
  head(status: number, headers: readonly string[]): void;
  /** False where the caller does not keep up: wait for `onDrain`. */
  write(bytes: Buffer): boolean;
  end(bytes?: Buffer): void;
  /** Writes `event` and closes the connection without the clean end that HTTP has for a whole answer. */
  breakOff(event: Buffer): void;
  onDrain(listener: () => void): void;
  /** Called once where the caller leaves before `end`. */
  onGone(listener: () => void): void;
  readonly started: boolean;
  readonly gone: boolean;
}
