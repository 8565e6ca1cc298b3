/** The W3C's trace context: how a request says which trace it belongs to. What is not well-formed is as if it were not there. */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

export function readTraceparent(value: string | undefined): TraceParent | undefined {
  const [, version, traceId, spanId, flags] = (value !== undefined && TRACEPARENT.exec(value)) || [];
  if (!traceId || !spanId || version === 'ff' || traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

/** What vendors keep beside it, as far as it is sane. */
export const readTracestate = (value: string | undefined): string | undefined =>
  value !== undefined && TRACESTATE.test(value) ? value : undefined;

export const traceparentOf = (traceId: string, spanId: string): string => `00-${traceId}-${spanId}-01`;
