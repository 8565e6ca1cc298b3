/**
 * Traces of requests: one span for each request and one for each attempt, kept as plain data until the request ends, and then
 * put into a bounded queue. A request that is not sampled has no trace at all. What the export needs is loaded where traces are
 * configured, and nowhere else (`otlp.ts`).
 */
import type { Clock } from '../lib/clock.js';
import { randomHex } from '../lib/ids.js';
import { readTraceparent, traceparentOf } from '../lib/trace-context.js';

type AttributeValue = string | number | boolean | readonly string[];
/** Undefined is left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** The parent is somebody else's. */
  readonly parentRemote: boolean;
  readonly tracestate: string | undefined;
  readonly name: string;
  readonly kind: 'server' | 'client';
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** Why it failed; null: it did not. */
  readonly error: string | null;
}

interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: Attributes;
}

/** What of a span is known when it ends. Times are monotonic milliseconds. */
export interface EndedSpan {
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly error: string | null;
}

export interface Sampling {
  /** Of the traces that begin here. */
  readonly ratio: number;
  /** Whether the caller's decision stands where the caller's trace is gone on with. */
  readonly byParent: boolean;
}

interface TracingDeps {
  readonly clock: Clock;
  readonly sampling: Sampling;
  readonly add: (span: SpanRecord) => void;
  /** Langfuse's own attributes are told too. */
  readonly langfuse: boolean;
}

export class Tracing {
  readonly #deps: TracingDeps;

  constructor(deps: TracingDeps) {
    this.#deps = deps;
  }

  /** Begins the trace of a request, or goes on with its caller's; null where it is not sampled. */
  begin(traceparent: string | undefined, tracestate: string | undefined): RequestTrace | null {
    const { clock, sampling, add, langfuse } = this.#deps;
    const parent = readTraceparent(traceparent);
    if (parent) {
      const sampled = sampling.byParent ? parent.sampled : inShare(parent.traceId, sampling.ratio);
      return sampled ? new RequestTrace(parent, tracestate, clock, add, langfuse) : null;
    }
    if (sampling.ratio < 1 && Math.random() >= sampling.ratio) return null;
    return new RequestTrace(undefined, undefined, clock, add, langfuse);
  }
}

export class RequestTrace {
  readonly traceId: string;
  /** Of the request. */
  readonly spanId = newSpanId();
  readonly tracestate: string | undefined;
  readonly langfuse: boolean;
  /** The end user. */
  user: string | null = null;
  tags: readonly string[] = [];
  readonly #parentSpanId: string | undefined;
  readonly #add: (span: SpanRecord) => void;
  readonly #clock: Clock;
  /** From monotonic to wall time. */
  readonly #offsetMs: number;
  readonly #events: SpanEvent[] = [];

  constructor(
    parent: { readonly traceId: string; readonly spanId: string } | undefined,
    tracestate: string | undefined,
    clock: Clock,
    add: (span: SpanRecord) => void,
    langfuse: boolean,
  ) {
    this.traceId = parent?.traceId ?? randomHex(16);
    this.#parentSpanId = parent?.spanId;
    this.tracestate = tracestate;
    this.langfuse = langfuse;
    this.#add = add;
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Whose request it is, and what it was tagged with. */
  of(user: string | null, tags: readonly string[]): void {
    this.user = user;
    this.tags = tags;
  }

  /** What an upstream is sent that is asked by this span of the trace. */
  traceparent(spanId = this.spanId): string {
    return traceparentOf(this.traceId, spanId);
  }

  event(name: string, attributes: Attributes): void {
    if (this.#events.length < MOST_EVENTS)
      this.#events.push({ name, atMs: this.#clock.monotonic() + this.#offsetMs, attributes });
  }

  /** An attempt has ended; `spanId` was made with `newSpanId` when it began. */
  attempted(spanId: string, span: EndedSpan): void {
    this.#put('client', spanId, this.spanId, false, span, []);
  }

  /** The request has ended. */
  end(span: EndedSpan): void {
    this.#put('server', this.spanId, this.#parentSpanId, this.#parentSpanId !== undefined, span, this.#events);
  }

  #put(
    kind: 'server' | 'client',
    spanId: string,
    parentSpanId: string | undefined,
    parentRemote: boolean,
    { name, startedAt, endedAt, attributes, error }: EndedSpan,
    events: readonly SpanEvent[],
  ): void {
    const { traceId, tracestate } = this;
    // Field by field: a spread costs more than all else here.
    this.#add({
      traceId,
      spanId,
      parentSpanId,
      parentRemote,
      tracestate,
      name,
      kind,
      startMs: startedAt + this.#offsetMs,
      endMs: endedAt + this.#offsetMs,
      attributes,
      events,
      error,
    });
  }
}

const MOST_EVENTS = 32;

export const newSpanId = (): string => randomHex(8);

/** Whether a trace is of the share that is kept, as every process with the same share decides: by the end of its id. */
const inShare = (traceId: string, ratio: number): boolean => Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32;
