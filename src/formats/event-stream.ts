/**
 * AWS's binary event stream, taken apart into frames: a length, headers, a payload, and a checksum of both its beginning and all of
 * it. The package of AWS reads a frame; what is here finds where one ends, and bounds it before anything is kept.
 */
import { EventStreamCodec } from '@smithy/core/event-streams';

export interface EventFrame {
  /** `event`, `exception` or `error`. */
  readonly kind: string;
  /** The type of the event or of the exception, or the error's code. */
  readonly name: string;
  readonly payload: Buffer;
  /** Of an error, in words. */
  readonly message: string;
}

const SHORTEST_BYTES = 16;
const LONGEST_BYTES = 16 * 1024 * 1024;

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')),
  (text) => Buffer.from(text, 'utf8'),
);

export class EventFrames {
  #rest: Buffer = Buffer.alloc(0);
  /** What is wrong with the bytes; sticky. */
  broken: string | undefined;

  /** Hands every whole frame on, until `onFrame` says no. */
  feed(chunk: Buffer, onFrame: (frame: EventFrame) => boolean): void {
    if (this.broken !== undefined) return;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length < SHORTEST_BYTES || length > LONGEST_BYTES) {
        this.broken = 'a frame of an impossible length';
        return;
      }
      if (bytes.length < length) break;
      const frame = this.#read(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      if (!frame || !onFrame(frame)) return;
    }
    this.#rest = bytes;
  }

  /** Bytes of a frame that did not come whole are left. */
  get cut(): boolean {
    return this.#rest.length > 0;
  }

  #read(bytes: Buffer): EventFrame | undefined {
    try {
      const { headers, body } = codec.decode(bytes);
      const header = (name: string): string => {
        const value: unknown = headers[name]?.value;
        return typeof value === 'string' ? value : '';
      };
      const name = header(':event-type') || header(':exception-type') || header(':error-code');
      const payload = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return { kind: header(':message-type'), name, payload, message: header(':error-message') };
    } catch {
      this.broken = 'a frame whose checksum is wrong';
      return undefined;
    }
  }
}
