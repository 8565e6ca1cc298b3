/** A stream that is told of another one: everything but its bytes is as the inner reader says. */
import type { UpstreamFailure } from './failure.js';
import type { StreamReader, UsageExtra } from './translation.js';
import type { Usage } from './usage.js';

export abstract class DerivedStream<Inner extends StreamReader = StreamReader> implements StreamReader {
  protected readonly inner: Inner;

  constructor(inner: Inner) {
    this.inner = inner;
  }

  abstract push(chunk: Buffer): Buffer;

  end(): void {
    this.inner.end();
  }

  abstract closing(extra: UsageExtra): Buffer;

  get done(): boolean {
    return this.inner.done;
  }

  get failure(): UpstreamFailure | undefined {
    return this.inner.failure;
  }

  get usage(): Usage | undefined {
    return this.inner.usage;
  }

  get servedModel(): string | undefined {
    return this.inner.servedModel;
  }

  get begun(): boolean {
    return this.inner.begun;
  }

  get filtered(): boolean {
    return this.inner.filtered;
  }

  get empty(): boolean {
    return this.inner.empty;
  }

  text(from?: number, to?: number): string {
    return this.inner.text(from, to);
  }

  texts(): Iterable<string> {
    return this.inner.texts();
  }

  get chars(): number {
    return this.inner.chars;
  }
}
