/**
 * A writer that keeps what a caller is told, for a request that is captured. Nothing is done with it before the request is over.
 * What is too long, or does not fit into the memory that there is for all, is kept to where it fits.
 */
import type { CaptureMemory } from '../capture/capture-memory.js';
import type { Model } from '../catalog/model.js';
import type { ApiFormat } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import type { Caller } from '../identity/key.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { Clock } from '../lib/clock.js';
import { captureModeOf } from './capture-mode.js';
import type { Guarded } from './guarded-request.js';
import type { ResponseWriter } from './response-writer.js';
import type { Authenticated } from './stages.js';

/** Of one answer, as it is told: a stream takes many times what its words do. */
const MOST_BYTES = 8 * 1024 * 1024;

export interface TapedRequest {
  readonly mode: Exclude<CaptureMode, 'off'>;
  readonly requestId: string;
  readonly format: ApiFormat;
  readonly caller: Caller;
  /** As guards left it. */
  readonly request: ModelRequest;
  readonly guarded: Guarded | null;
  readonly user: string | null;
  readonly atMs: number;
}

/** What becomes of tapes. */
export interface Capturing {
  readonly memory: CaptureMemory;
  /** The request is over. */
  keep(tape: Tape): void;
}

export class Tape implements ResponseWriter {
  readonly of: TapedRequest;
  readonly #writer: ResponseWriter;
  readonly #capturing: Capturing;
  readonly #others: string[] = [];
  readonly #pieces: Buffer[] = [];
  /** Vectors say nothing to anybody. */
  readonly #skipsGood: boolean;
  #entry: string | undefined;
  #status = 0;
  #bytes = 0;
  #isCut = false;
  #isWhole = false;

  constructor(of: TapedRequest, writer: ResponseWriter, capturing: Capturing) {
    this.of = of;
    this.#writer = writer;
    this.#capturing = capturing;
    this.#skipsGood = of.format.endpoint === 'embeddings';
  }

  /** An attempt was entered in the ledger. `tells`: its answer, or its refusal, may be what the caller is told. */
  entered(entry: string, tells: boolean): void {
    if (this.#entry !== undefined) this.#others.push(tells ? this.#entry : entry);
    if (tells || this.#entry === undefined) this.#entry = entry;
  }

  /** The entry whose answer it is; undefined: the request has none. */
  get entry(): string | undefined {
    return this.#entry;
  }

  /** Entries of its other attempts. */
  get others(): readonly string[] {
    return this.#others;
  }

  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** 0: nothing was told. */
  get status(): number {
    return this.#status;
  }

  /** Not all of it was kept. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The caller was told all of it. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Nothing more comes. */
  over(): void {
    this.#capturing.keep(this);
  }

  get started(): boolean {
    return this.#writer.started;
  }

  get gone(): boolean {
    return this.#writer.gone;
  }

  get interrupted(): boolean {
    return this.#writer.interrupted;
  }

  head(status: number, headers: readonly string[]): void {
    this.#status = status;
    this.#writer.head(status, headers);
  }

  write(bytes: Buffer): boolean {
    this.#record(bytes);
    return this.#writer.write(bytes);
  }

  end(bytes?: Buffer): void {
    if (bytes) this.#record(bytes);
    this.#isWhole = !this.#writer.gone;
    this.#writer.end(bytes);
  }

  breakOff(event: Buffer): void {
    this.#record(event);
    this.#writer.breakOff(event);
  }

  onDrain(listener: () => void): void {
    this.#writer.onDrain(listener);
  }

  onGone(listener: () => void): void {
    this.#writer.onGone(listener);
  }

  #record(bytes: Buffer): void {
    if (this.#isCut || (this.#skipsGood && this.#status === 200)) return;
    if (this.#bytes + bytes.length > MOST_BYTES || !this.#capturing.memory.take(bytes.length)) {
      this.#isCut = true;
      return;
    }
    this.#bytes += bytes.length;
    this.#pieces.push(bytes);
  }
}

/** Null: the request is not captured. `model`: the one that was asked for. */
export function tapeFor(
  capturing: Capturing,
  { call, caller, writer, models }: Pick<Authenticated, 'call' | 'caller' | 'writer' | 'models'>,
  model: Model,
  request: ModelRequest,
  guarded: Guarded | null,
  user: string | null,
  clock: Pick<Clock, 'now'>,
): Tape | null {
  const mode = captureModeOf(caller, model, models);
  if (mode === 'off') return null;
  const { requestId, format } = call;
  return new Tape({ mode, requestId, format, caller, request, guarded, user, atMs: clock.now() }, writer, capturing);
}
