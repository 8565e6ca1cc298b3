/**
 * What readers of streams of server-sent events share: the events are taken out of the bytes, one after the other, until the end
 * of the answer or a failure; what is told the caller goes out piece by piece (`pass`). Whoever extends it reads an event.
 */
import type { UpstreamFailure } from './failure.js';
import { GeneratedText } from './generated-text.js';
import { type SseEvent, SseReader } from './sse.js';
import type { StreamReader, UsageExtra } from './translation.js';
import type { Usage } from './usage.js';

const NOTHING = Buffer.alloc(0);

export const CUT: UpstreamFailure = {
  kind: 'cut',
  message: 'The upstream ended the stream before it was complete.',
};

export abstract class SseStream implements StreamReader {
  readonly #events = new SseReader();
  #out: Buffer[] = [];
  /** All that was generated, whatever it is. */
  protected readonly generated = new GeneratedText();
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;

  push(chunk: Buffer): Buffer {
    if (this.done || this.failure) return NOTHING;
    this.#events.feed(chunk, this.#event);
    if (this.#events.overflow && !this.done) this.garbage('an event that is too large');
    return this.taken();
  }

  end(): void {
    if (this.done || this.failure) return;
    this.ended(this.#events.rest());
  }

  abstract closing(extra: UsageExtra): Buffer;
  abstract readonly begun: boolean;
  abstract readonly filtered: boolean;
  abstract readonly empty: boolean;

  text(from?: number, to?: number): string {
    return this.generated.kept(from, to);
  }

  texts(): Iterable<string> {
    return this.generated.pieces();
  }

  get chars(): number {
    return this.generated.chars;
  }

  /** Reads an event that has data. False: read no further. */
  protected abstract event(event: SseEvent, data: string): boolean;

  /** The upstream has ended its body; `rest`: what came without its last blank line, which some servers omit. */
  protected abstract ended(rest: SseEvent | undefined): void;

  /** An event without data: a comment is passed on, as a sign of life. */
  protected dataless({ raw }: SseEvent): void {
    if (raw[0] === 0x3a) this.pass(raw);
  }

  protected pass(bytes: Buffer): void {
    this.#out.push(bytes);
  }

  /** What was to be passed on and has not been. */
  protected taken(): Buffer {
    const out = this.#out;
    if (out.length === 0) return NOTHING;
    this.#out = [];
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  protected garbage(what: string): false {
    this.failure = { kind: 'garbage', message: `The upstream sent ${what} in the stream.` };
    return false;
  }

  readonly #event = (event: SseEvent): boolean => {
    if (event.data !== undefined) return this.event(event, event.data);
    this.dataless(event);
    return true;
  };
}
