/** How an upstream failed, in words that every provider shares. Pure data; the router decides what follows from it. */
export type FailureKind =
  | 'connect' // no connection, or TLS refused
  | 'timeout' // connect, first byte, idle or total deadline passed
  | 'cut' // the connection ended before the answer did
  | 'garbage' // bytes that are not the dialect
  | 'status' // an HTTP error status
  | 'in_band'; // an error told inside a successful answer or a running stream

export interface UpstreamFailure {
  readonly kind: FailureKind;
  /** The upstream's own words where it had any, else ours; not yet cleaned of credentials and hosts. */
  readonly message: string;
  /** Which deadline passed, where one did. */
  readonly deadline?: 'connect' | 'first_byte' | 'idle' | 'total' | undefined;
  /** HTTP status, where there was one (an in-band error has the status that its meaning would have had). */
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly code?: string | number | null | undefined;
  readonly param?: string | null | undefined;
  /** How long the upstream asked to be left alone. */
  readonly retryAfterMs?: number | undefined;
}
