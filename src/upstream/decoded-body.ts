/**
 * A body that came compressed although plain bytes were asked for: some servers and proxies compress all the same. Pieces go in
 * as they come and what they hold comes out in order, as soon as it can be told. zlib works beside the event loop, so the end
 * and a failure wait for what is still on its way.
 */
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, type Gunzip } from 'node:zlib';
import { Decompress } from 'fzstd';

export interface DecodedEvents {
  onData(piece: Buffer): void;
  /** The bytes are not what their encoding says, or end too early. */
  onBroken(): void;
}

export interface DecodedBody {
  push(piece: Buffer): void;
  /** Nothing more comes; `then` is called once all is told. */
  end(then: () => void): void;
  /** The body was lost; `then` is called once all that can be told is. */
  lost(then: () => void): void;
  pause(): void;
  resume(): void;
  /** Nothing more is told. */
  stop(): void;
}

/** Undefined for an encoding that is not known, and for none. */
export function decodedBody(encoding: string | undefined, events: DecodedEvents): DecodedBody | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return new ZlibBody(() => createGunzip(), events);
    case 'br':
      return new ZlibBody(() => createBrotliDecompress(), events);
    case 'deflate':
      // With zlib's frame as the standard says, or without it as some have it.
      return new ZlibBody((first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()), events);
    case 'zstd':
      return new ZstdBody(events);
    default:
      return undefined;
  }
}

class ZlibBody implements DecodedBody {
  readonly #make: (firstByte: number) => Gunzip;
  readonly #events: DecodedEvents;
  #zlib: Gunzip | undefined;
  #over = false;

  constructor(make: (firstByte: number) => Gunzip, events: DecodedEvents) {
    this.#make = make;
    this.#events = events;
  }

  push(piece: Buffer): void {
    if (this.#over || piece.length === 0) return;
    this.#zlib ??= this.#begun(piece[0]!);
    // A copy: the connection reads on into the same buffer, and zlib has not read this yet.
    this.#zlib.write(Buffer.from(piece));
  }

  end(then: () => void): void {
    if (this.#over) return;
    if (!this.#zlib) return then();
    this.#zlib.once('end', () => {
      if (!this.#over) then();
    });
    this.#zlib.end();
  }

  lost(then: () => void): void {
    if (this.#over) return;
    if (!this.#zlib) return then();
    this.#zlib.flush(() => {
      if (!this.#over) then();
    });
  }

  pause(): void {
    this.#zlib?.pause();
  }

  resume(): void {
    this.#zlib?.resume();
  }

  stop(): void {
    this.#over = true;
    this.#zlib?.destroy();
  }

  #begun(firstByte: number): Gunzip {
    const zlib = this.#make(firstByte);
    zlib.on('data', (piece: Buffer) => {
      if (!this.#over) this.#events.onData(piece);
    });
    zlib.on('error', () => {
      if (this.#over) return;
      this.#over = true;
      this.#events.onBroken();
    });
    return zlib;
  }
}

/** Node 20 has no zstd of its own. */
class ZstdBody implements DecodedBody {
  readonly #events: DecodedEvents;
  readonly #zstd: Decompress;
  #over = false;

  constructor(events: DecodedEvents) {
    this.#events = events;
    this.#zstd = new Decompress((piece) => {
      if (!this.#over && piece.length > 0) events.onData(Buffer.from(piece));
    });
  }

  push(piece: Buffer): void {
    this.#feed(piece, false);
  }

  end(then: () => void): void {
    this.#feed(new Uint8Array(), true);
    if (!this.#over) then();
  }

  lost(then: () => void): void {
    if (!this.#over) then();
  }

  pause(): void {}

  resume(): void {}

  stop(): void {
    this.#over = true;
  }

  #feed(piece: Uint8Array, last: boolean): void {
    if (this.#over) return;
    try {
      this.#zstd.push(Uint8Array.from(piece), last);
    } catch {
      this.#over = true;
      this.#events.onBroken();
    }
  }
}
