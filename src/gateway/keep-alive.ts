/**
 * Keeps the connection of a streamed answer alive: in every silence the caller is sent a comment, whatever the gateway waits for
 * (an upstream, a retry, the answer to an identical request, the ledger). Once an upstream answers, or anything was written, a
 * comment follows each silence of `silenceMs`. Before, the answer may still become an error status, which is worth more to a
 * caller than a comment: only after `firstMs` it gets the head of a stream, and failures are told inside it from then on. One
 * object for each streamed request, looked at by the ticker of all deadlines.
 */
import type { StreamReader } from '../formats/translation.js';
import type { Ticking } from '../upstream/deadline.js';
import { streamHead } from './head.js';
import type { ResponseWriter } from './response-writer.js';
import type { Admitted } from './stages.js';

/** Milliseconds; infinite: never. */
export interface KeepAliveTimes {
  readonly firstMs: number;
  readonly silenceMs: number;
}

interface KeptStream {
  readonly writer: ResponseWriter;
  readonly times: KeepAliveTimes;
  /** In the caller's format. */
  readonly comment: Buffer;
  /** The head of a streamed answer, as far as it is known. */
  readonly head: () => readonly string[];
  readonly onFault: (error: unknown) => void;
}

/** Of a silence that the next tick will time. */
const UNTIMED = -1;

export class KeepAlive implements Ticking {
  place = -1;
  readonly #stream: KeptStream;
  #since = UNTIMED;
  #upstreamStreams = false;
  /** What is told by the upstream that answers, and whether the caller was told any of it. */
  #reading: Pick<StreamReader, 'keepAlive'> | undefined;
  #told = false;
  /** The caller does not read what it was sent: another comment is of no use to it. */
  #blocked = false;
  #broken = false;

  constructor(stream: KeptStream) {
    this.#stream = stream;
  }

  /** An attempt begins; what the one before it had from its upstream is of no account. */
  attempt(): void {
    this.#upstreamStreams = false;
    this.#reading = undefined;
    this.#told = false;
  }

  /** The upstream answers with a stream. */
  begun(reading?: Pick<StreamReader, 'keepAlive'>): void {
    this.#upstreamStreams = true;
    this.#reading = reading;
    this.#since = UNTIMED;
  }

  /** Bytes were written; `taken`: the caller keeps up. */
  wrote(taken: boolean): void {
    this.#since = UNTIMED;
    this.#told = true;
    this.#blocked = !taken;
  }

  drained(): void {
    this.#blocked = false;
    this.#since = UNTIMED;
  }

  check(nowMs: number): void {
    const { writer, times, comment, head } = this.#stream;
    if (this.#blocked || this.#broken || writer.gone) return;
    if (this.#since === UNTIMED) {
      this.#since = nowMs;
      return;
    }
    const begun = writer.started || this.#upstreamStreams;
    if (nowMs - this.#since < (begun ? times.silenceMs : times.firstMs)) return;
    this.#since = nowMs;
    try {
      if (!writer.started) writer.head(200, head());
      const own = this.#told ? this.#reading?.keepAlive?.() : undefined;
      this.#blocked = !writer.write(own ?? comment);
    } catch (error) {
      this.#broken = true;
      this.#stream.onFault(error);
    }
  }
}

/** For a request whose answer is streamed. */
export const keepAliveOf = (
  { context, call, writer, model }: Pick<Admitted, 'context' | 'call' | 'writer' | 'model'>,
  onFault: (error: unknown, requestId: string) => void,
): KeepAlive =>
  new KeepAlive({
    writer,
    times: model.keepAlive,
    comment: call.format.errors.keepAlive,
    head: () => streamHead(context),
    onFault: (error) => onFault(error, call.requestId),
  });
