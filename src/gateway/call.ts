/** What the edge hands to the request path. Neither side knows the other's framework. */
import type { CacheDirectives } from '../cache/directives.js';
import type { ApiFormat } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import type { Caller } from '../identity/key.js';
import type { Result } from '../lib/errors.js';
import type { ReceivedHeaders } from '../lib/passed-headers.js';
import type { Reserved } from './stages.js';

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
  readonly tracestate: string | undefined;
  /** Undefined where the caller says nothing about caching. */
  readonly cache: CacheDirectives | undefined;
  /** Whether other models may answer. */
  readonly fallbacks: boolean;
  /** All that were received: a few of them go on to some providers (`lib/passed-headers.ts`). */
  readonly received: ReceivedHeaders;
}

/** What the headers say where the caller's token says nothing else. */
export const headersOf = ({ user }: Caller, headers: CallHeaders): CallHeaders =>
  user === undefined ? headers : { ...headers, user };

export interface Call {
  /** The wire format that is spoken at the address that was called. */
  readonly format: ApiFormat;
  /** The model that the address names, whatever the body calls it; undefined: the body says it. */
  readonly model?: string | undefined;
  /** A header that cannot be understood refuses the call, but only after it is known who is calling. */
  readonly headers: Result<CallHeaders>;
  readonly requestId: string;
  readonly token: string | undefined;
  readonly ip: string;
  /** Milliseconds on the monotonic clock. */
  readonly arrivedAt: number;
  /** Reads the body, up to the configured size; undefined where the caller left meanwhile. */
  readBody(): Promise<Result<Buffer> | undefined>;
  /** Puts in what the request refers to; undefined: nothing. Asked once it is known who calls, and left out where nothing ever is. */
  prepare?(request: ModelRequest, caller: Caller): Promise<Result<ModelRequest>> | undefined;
  /** The request was admitted and its limits are taken; undefined: nothing follows from that. A refusal ends it. */
  begins?(reserved: Reserved): Promise<Result<void>> | undefined;
}
