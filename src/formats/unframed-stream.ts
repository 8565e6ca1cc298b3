/** A stream whose events come in frames: what is in them is read by the reader of its format. */
import type { UpstreamFailure } from './failure.js';
import type { StreamReader, UsageExtra } from './translation.js';
import type { Usage } from './usage.js';

/** Takes the events of one stream out of their frames. */
export interface Unframer {
  /** The bytes of the format that are whole so far. After `failure` is set, what was good before it. */
  push(chunk: Buffer): Buffer;
  /** The stream has ended: what is left of it. Sets `failure` where it ended within a frame. */
  end(): Buffer;
  readonly failure: UpstreamFailure | undefined;
}

/** What a stream tells is as its inner reader says, but for frames that are broken. */
export class UnframedStream implements StreamReader {
  readonly #inner: StreamReader;
  readonly #frames: Unframer;
  #late: Buffer = Buffer.alloc(0);

  constructor(inner: StreamReader, frames: Unframer) {
    this.#inner = inner;
    this.#frames = frames;
  }

  push(chunk: Buffer): Buffer {
    const events = this.#frames.push(chunk);
    return events.length === 0 ? events : this.#inner.push(events);
  }

  end(): void {
    const rest = this.#frames.end();
    // What it says now is kept for `closing`.
    if (rest.length > 0) this.#late = this.#inner.push(rest);
    this.#inner.end();
  }

  closing(extra: UsageExtra): Buffer {
    return Buffer.concat([this.#late, this.#inner.closing(extra)]);
  }

  get done(): boolean {
    return this.#inner.done;
  }

  get failure(): UpstreamFailure | undefined {
    // What stands after the end of an answer spoils nothing.
    return this.#inner.done ? undefined : (this.#frames.failure ?? this.#inner.failure);
  }

  get usage(): Usage | undefined {
    return this.#inner.usage;
  }

  get servedModel(): string | undefined {
    return this.#inner.servedModel;
  }

  get begun(): boolean {
    return this.#inner.begun;
  }

  get filtered(): boolean {
    return this.#inner.filtered;
  }

  get empty(): boolean {
    return this.#inner.empty;
  }

  get beyond(): number {
    return this.#inner.beyond;
  }

  text(): string {
    return this.#inner.text();
  }
}
