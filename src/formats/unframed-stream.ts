/** A stream whose events come in frames: what is in them is read by the reader of its format. */
import { DerivedStream } from './derived-stream.js';
import type { UpstreamFailure } from './failure.js';
import type { StreamReader, UsageExtra } from './translation.js';

/** Takes the events of one stream out of their frames. */
export interface Unframer {
  /** The bytes of the format that are whole so far. After `failure` is set, what was good before it. */
  push(chunk: Buffer): Buffer;
  /** The stream has ended: what is left of it. Sets `failure` where it ended within a frame. */
  end(): Buffer;
  readonly failure: UpstreamFailure | undefined;
}

/** What a stream tells is as its inner reader says, but for frames that are broken. */
export class UnframedStream extends DerivedStream {
  readonly #frames: Unframer;
  #late: Buffer = Buffer.alloc(0);

  constructor(inner: StreamReader, frames: Unframer) {
    super(inner);
    this.#frames = frames;
  }

  push(chunk: Buffer): Buffer {
    const events = this.#frames.push(chunk);
    return events.length === 0 ? events : this.inner.push(events);
  }

  override end(): void {
    const rest = this.#frames.end();
    // What it says now is kept for `closing`.
    if (rest.length > 0) this.#late = this.inner.push(rest);
    this.inner.end();
  }

  closing(extra: UsageExtra): Buffer {
    return Buffer.concat([this.#late, this.inner.closing(extra)]);
  }

  override get failure(): UpstreamFailure | undefined {
    // What stands after the end of an answer spoils nothing.
    return this.inner.done ? undefined : (this.#frames.failure ?? this.inner.failure);
  }
}
