/**
 * A writer that keeps what a caller is told, for a request that is captured. Nothing is done with it before the request is over.
 * What is too long, or does not fit into the memory that there is for all, is kept to where it fits.
 */
import type { CaptureMemory } from '../capture/capture-memory.js';
import { TapedBytes } from '../capture/taped-bytes.js';
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

interface TapedRequest {
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

/** What is left of a request that is over: nothing of it but bytes, and nothing of its connection. */
export interface Recording extends Omit<TapedRequest, 'request'> {
  /** As the caller named it. */
  readonly model: string;
  readonly stream: boolean;
  /** The request's body, as guards left it. */
  readonly body: Buffer;
  /** The entry whose answer it is; undefined: the request has none. */
  readonly entry: string | undefined;
  /** Entries of its other attempts. */
  readonly others: readonly string[];
  readonly pieces: readonly Buffer[];
  /** That `pieces` take of the memory for all. */
  readonly takenBytes: number;
  /** 0: nothing was told. */
  readonly status: number;
  /** Not all of it was kept. */
  readonly isCut: boolean;
  /** The caller was told all of it. */
  readonly isWhole: boolean;
}

/** What becomes of what was taped. */
export interface Capturing {
  readonly memory: CaptureMemory;
  /** The request is over. */
  keep(recording: Recording): void;
}

export class Tape implements ResponseWriter {
  readonly #of: TapedRequest;
  readonly #writer: ResponseWriter;
  readonly #capturing: Capturing;
  readonly #others: string[] = [];
  readonly #told: TapedBytes;
  /** Vectors say nothing to anybody. */
  readonly #skipsGood: boolean;
  #entry: string | undefined;
  #status = 0;
  #isCut = false;
  #isWhole = false;

  constructor(of: TapedRequest, writer: ResponseWriter, capturing: Capturing) {
    this.#of = of;
    this.#writer = writer;
    this.#capturing = capturing;
    this.#told = new TapedBytes(capturing.memory, MOST_BYTES);
    this.#skipsGood = of.format.endpoint === 'embeddings';
  }

  /** An attempt was entered in the ledger. `tells`: its answer, or its refusal, may be what the caller is told. */
  entered(entry: string, tells: boolean): void {
    if (this.#entry !== undefined) this.#others.push(tells ? this.#entry : entry);
    if (tells || this.#entry === undefined) this.#entry = entry;
  }

  /** Nothing more comes. */
  over(): void {
    const { request, ...of } = this.#of;
    this.#capturing.keep({
      ...of,
      ...{ model: request.model, stream: request.stream, body: request.body, entry: this.#entry, others: this.#others },
      ...{ pieces: this.#told.pieces, takenBytes: this.#told.takenBytes, status: this.#status },
      ...{ isCut: this.#isCut, isWhole: this.#isWhole },
    });
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
    if (bytes) this.#record(bytes, true);
    this.#isWhole = !this.#writer.gone;
    this.#writer.end(bytes);
  }

  breakOff(event: Buffer): void {
    this.#record(event, true);
    this.#writer.breakOff(event);
  }

  onDrain(listener: () => void): void {
    this.#writer.onDrain(listener);
  }

  onGone(listener: () => void): void {
    this.#writer.onGone(listener);
  }

  /** Once something did not fit, nothing more is kept. */
  #record(bytes: Buffer, isAll = false): void {
    if (this.#isCut || (this.#skipsGood && this.#status === 200)) return;
    this.#isCut = !this.#told.push(bytes, isAll);
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
