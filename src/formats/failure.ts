/** How an upstream failed, in words that every provider shares. Pure data; the router decides what follows from it. */
import type { FailureClass } from '../lib/failure-spec.js';

export type { FailureClass };

export type FailureKind =
  | 'connect' // no connection, or TLS refused
  | 'timeout' // connect, first byte, idle or total deadline passed
  | 'cut' // the connection ended before the answer did
  | 'garbage' // bytes that are not the dialect
  | 'status' // an HTTP error status
  | 'in_band'; // an error told inside a successful answer or a running stream

export interface UpstreamFailure {
  readonly kind: FailureKind;
  /** What it means, where the gateway itself says so; left out: the provider's rules tell. */
  readonly meaning?: FailureClass;
  /** The upstream's own words where it had any, else ours; not yet cleaned of credentials and hosts. */
  readonly message: string;
  /** What the upstream says beside its message, in codes and words that rules read too. Never told to a caller. */
  readonly more?: string | undefined;
  /** Which deadline passed, where one did. */
  readonly deadline?: 'connect' | 'first_byte' | 'idle' | 'total' | undefined;
  /** HTTP status, where there was one (an in-band error has the status that its meaning would have had). */
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly code?: string | null | undefined;
  readonly param?: string | null | undefined;
  /** How long the upstream asked to be left alone. */
  readonly retryAfterMs?: number | undefined;
}
