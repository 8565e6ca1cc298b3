/** The stages of a request, each a value that is made from the one before. */
import type { Model, Models, Target } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure.js';
import type { ModelRequest } from '../formats/request.js';
import type { Caller } from '../identity/key.js';
import type { Refusal } from '../lib/errors.js';
import type { Counted } from '../tokens/count.js';
import type { Call, CallHeaders } from './call.js';
import type { Carried } from './carried.js';
import type { Guarded } from './guarded-request.js';
import type { KeepAlive } from './keep-alive.js';
import type { Grant } from './limiter.js';
import type { RequestContext } from './request-context.js';
import type { ResponseWriter } from './response-writer.js';
import type { TargetPicker } from './targets.js';
import type { Bill } from './usage-accounting.js';

/** A call has come. */
export interface Received {
  readonly context: RequestContext;
  readonly call: Call;
  readonly writer: ResponseWriter;
  /** Of the snapshot that the call has entered. */
  readonly models: Models;
}

/** It is known who calls. */
export interface Authenticated extends Received {
  readonly caller: Caller;
  readonly headers: CallHeaders;
}

/** The request was read, may be made, and has a model that serves it. */
export interface Admitted extends Authenticated {
  readonly request: ModelRequest;
  /** The end user. */
  readonly user: string | null;
  /** Of the key and the request. */
  readonly tags: readonly string[];
  readonly model: Model;
  /** The model that was asked for, where it has a route. */
  readonly routed: Model | null;
  /** Null: no guard is in force. */
  readonly guarded: Guarded | null;
  /** Monotonic milliseconds. Nothing of the request goes on after it. */
  readonly deadlineMs: number;
}

/** A target, the model that it belongs to, and the request's input as it counts that. */
export interface Reach {
  readonly model: Model;
  readonly target: Target;
  /** Its input tokens, as the target counts them. */
  readonly input: Counted;
}

/** Its limits were taken for the target that is tried first. */
export interface Reserved extends Admitted {
  readonly grant: Grant;
  readonly targets: TargetPicker;
  readonly first: Reach;
  /** Null: the answer is not streamed. */
  readonly keepAlive: KeepAlive | null;
}

/** What came of one attempt. */
export interface AttemptResult {
  readonly model: Model;
  readonly target: Target;
  readonly carried: Carried;
  readonly why: FailureClass | undefined;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
  /** The head of a whole answer, which the entry in the ledger vouches for. */
  readonly head: readonly string[] | undefined;
  /** It was refused for what the gateway had added, and is to be sent once more: without it, or signed anew. */
  readonly asksAgain?: true;
}
