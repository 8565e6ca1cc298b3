/**
 * Spans that wait to be exported: so many at most, further ones are dropped and counted. One batch is under way at a time, so a
 * collector that is slow or away costs no more than the queue; what it does not take is counted and not tried again here.
 */
import { messageOf } from '../lib/thrown.js';
import type { SpanRecord } from './trace.js';

export type SpanResult = 'exported' | 'failed' | 'dropped';

export interface SpanQueueDeps {
  /** Sends a batch; rejects where the collector did not take it. */
  readonly send: (batch: readonly SpanRecord[]) => Promise<void>;
  readonly most: number;
  readonly batch: number;
  /** How long a span waits for others. */
  readonly delayMs: number;
  readonly onResult: (result: SpanResult, count: number) => void;
  readonly onError: (message: string) => void;
}

export class SpanQueue {
  readonly #deps: SpanQueueDeps;
  #waiting: SpanRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(deps: SpanQueueDeps) {
    this.#deps = deps;
  }

  add(span: SpanRecord): void {
    const { most, batch, delayMs, onResult } = this.#deps;
    if (this.#waiting.length >= most) return onResult('dropped', 1);
    this.#waiting.push(span);
    if (this.#sending) return;
    if (this.#waiting.length >= batch) this.#send();
    else if (!this.#timer) {
      this.#timer = setTimeout(() => this.#send(), delayMs);
      this.#timer.unref();
    }
  }

  /** Sends what waits; resolves once it is sent, or after so long. What waits then is dropped. */
  async close(withinMs: number): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref());
    await Promise.race([this.#drained(), late]);
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) this.#deps.onResult('dropped', this.#waiting.length);
    this.#waiting = [];
  }

  async #drained(): Promise<void> {
    while (this.#sending || this.#waiting.length > 0) {
      if (!this.#sending) this.#send();
      await this.#sending;
    }
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { send, batch, onResult, onError } = this.#deps;
    const spans = this.#waiting.splice(0, batch);
    if (spans.length === 0) return;
    this.#sending = send(spans)
      .then(
        () => onResult('exported', spans.length),
        (error: unknown) => {
          onResult('failed', spans.length);
          onError(messageOf(error));
        },
      )
      .then(() => {
        this.#sending = undefined;
        if (this.#waiting.length >= batch) this.#send();
        else if (this.#waiting.length > 0) {
          this.#timer ??= setTimeout(() => this.#send(), this.#deps.delayMs);
          this.#timer.unref();
        }
      });
  }
}
