/**
 * A streamed answer on its way to the request that fetches it, which others with the same request read along. Who comes later
 * gets at once what has passed, then what passes. A reader that does not keep up has a queue of its own, which is bounded;
 * the one that fetches never waits for a reader. What has passed is kept up to a size; beyond it nobody may join any more.
 */
export interface AnswerReader {
  /** False where it does not keep up: it calls `resume` of its reading once it does. */
  write(bytes: Buffer): boolean;
  /** Once: how it ended. Of a whole answer the last bytes are in it, which were not written yet. */
  end(end: LiveEnd): void;
}

export type LiveEnd =
  | WholeEnd
  /** It broke off: at the other end, or for this reader alone, who read too slowly. */
  | { readonly kind: 'broken'; readonly told: AnswerFacts | undefined; readonly slow: boolean };

export interface WholeEnd {
  readonly kind: 'whole';
  readonly closing: Buffer;
  /** What is said in `closing` of the request that fetched, as it is written there if it is. */
  readonly extra: string;
  readonly told: AnswerFacts;
}

/** What is known of an answer, kept or not. */
export interface AnswerFacts {
  readonly provider: string;
  readonly target: string;
  readonly served_model: string | null;
  readonly price_version: string;
  readonly cost_nusd: number;
}

export interface Reading {
  /** It keeps up again. */
  resume(): void;
  leave(): void;
}

const MOST_QUEUED_BYTES = 4 * 1024 * 1024;

interface Reader {
  readonly to: AnswerReader;
  readonly queue: Buffer[];
  queuedBytes: number;
  paused: boolean;
  over: boolean;
}

export class LiveAnswer {
  readonly #mostKept: number;
  readonly #onReaders: () => void;
  readonly #readers = new Set<Reader>();
  #passed: Buffer[] | undefined = [];
  #bytes = 0;
  #end: LiveEnd | undefined;
  /** The id of the target that it comes from. */
  target = '';

  /** `onReaders` is told whenever somebody comes or leaves. */
  constructor(mostKept: number, onReaders: () => void) {
    this.#mostKept = mostKept;
    this.#onReaders = onReaders;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Somebody who comes now would get all of it. */
  get open(): boolean {
    return this.#passed !== undefined && !this.#end;
  }

  write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#mostKept) this.#passed = undefined;
    this.#passed?.push(bytes);
    for (const reader of this.#readers) this.#give(reader, bytes);
  }

  end(end: LiveEnd): void {
    if (this.#end) return;
    this.#end = end;
    for (const reader of [...this.#readers]) this.#drain(reader);
    this.#passed = undefined;
  }

  read(to: AnswerReader): Reading {
    const reader: Reader = { to, queue: [], queuedBytes: 0, paused: false, over: false };
    this.#readers.add(reader);
    for (const bytes of this.#passed ?? []) this.#give(reader, bytes);
    this.#onReaders();
    return {
      resume: () => {
        reader.paused = false;
        this.#drain(reader);
      },
      leave: () => this.#remove(reader),
    };
  }

  #give(reader: Reader, bytes: Buffer): void {
    reader.queue.push(bytes);
    reader.queuedBytes += bytes.length;
    this.#drain(reader);
    if (reader.queuedBytes > MOST_QUEUED_BYTES) this.#over(reader, { kind: 'broken', told: undefined, slow: true });
  }

  #drain(reader: Reader): void {
    while (!reader.paused && !reader.over && reader.queue.length > 0) {
      const bytes = reader.queue.shift()!;
      reader.queuedBytes -= bytes.length;
      if (!reader.to.write(bytes)) reader.paused = true;
    }
    if (this.#end && reader.queue.length === 0) this.#over(reader, this.#end);
  }

  #over(reader: Reader, end: LiveEnd): void {
    if (reader.over) return;
    this.#remove(reader);
    reader.to.end(end);
  }

  #remove(reader: Reader): void {
    reader.over = true;
    reader.queue.length = 0;
    if (this.#readers.delete(reader)) this.#onReaders();
  }
}
