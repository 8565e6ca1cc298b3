/** What an attempt is carried with, and what became of it. */

import type { UpstreamFailure } from '../formats/failure.js';
import type { LimitHeader } from '../formats/failure-rules.js';
import type { Answer, StreamReader, Translation } from '../formats/translation.js';
import type { Usage } from '../formats/usage.js';
import type { Clock } from '../lib/clock.js';
import type { Refusal } from '../lib/errors.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Deadlines } from '../upstream/deadline.js';
import type { KeepAlive } from './keep-alive.js';
import type { CarriedParts } from './parts.js';
import type { ResponseWriter } from './response-writer.js';

/** Monotonic milliseconds. */
export interface Times {
  readonly sentAt: number;
  /** It was on its way to the upstream. */
  readonly wasSent: boolean;
  readonly firstByteAt: number | null;
  readonly endedAt: number;
  /** The upstream says that a limit of its own is used up for so long; 0: that none is. */
  readonly exhaustedMs: number;
  /** Of an upstream that refused: when the tightest of its limits is full again, as far as it says so. */
  readonly resetMs: number | undefined;
  /** What the upstream calls the request, cut at 200 characters; undefined where it gives back the id that it was sent. */
  readonly providerRequestId: string | undefined;
}

export type Carried = { readonly times: Times } & (
  | { readonly kind: 'whole'; readonly answer: Extract<Answer, { ok: true }> }
  | { readonly kind: 'streamed'; readonly reading: StreamReader }
  /** `reading` holds what had arrived; `committed`: the caller has seen a part of what was generated. */
  | {
      readonly kind: 'failed';
      readonly failure: UpstreamFailure;
      readonly reading: StreamReader | undefined;
      /** What a whole answer that was none reported. */
      readonly usage?: Usage | undefined;
      readonly committed: boolean;
    }
  /** Given up by this side: the caller left, or another target answered first. */
  | { readonly kind: 'gone'; readonly reading: StreamReader | undefined; readonly superseded: boolean }
  /** A guard stopped the answer, which the upstream gave as far as it was asked for. */
  | {
      readonly kind: 'blocked';
      readonly refusal: Refusal;
      readonly reading: StreamReader | undefined;
      /** Where it came whole. */
      readonly answer: Extract<Answer, { ok: true }> | undefined;
    }
  /** Something went wrong in the gateway itself. */
  | { readonly kind: 'fault'; readonly error: unknown; readonly reading: StreamReader | undefined }
);

/** The model that the upstream said it served. */
export function servedModel(carried: Carried): string | undefined {
  if (carried.kind === 'whole') return carried.answer.servedModel;
  if (carried.kind === 'blocked' && carried.answer) return carried.answer.servedModel;
  return carried.reading?.servedModel;
}

export interface Carry {
  readonly call: UpstreamCall;
  /** The request in parts instead, each as a call; left out: it goes in one. */
  readonly parts?: CarriedParts | undefined;
  readonly translation: Translation;
  readonly stream: boolean;
  readonly writer: ResponseWriter;
  /** Of a stream; else null. */
  readonly keepAlive: KeepAlive | null;
  /** The request is on its way. */
  readonly onSending?: () => void;
  /** The first byte of an answer that is no error came. */
  readonly onFirstByte?: () => void;
  /** The head of a streamed answer, written with its first bytes. */
  readonly streamHead: () => readonly string[];
  /** Told of a stream from time to time; null where nobody asks. */
  readonly progress: { note(reading: StreamReader): void } | null;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly limitHeaders: readonly LimitHeader[];
  /** Our id of the request, and where an answer says what the upstream calls it. */
  readonly requestId: string;
  readonly requestIdHeader: string;
  /** Where an error's type may stand beside its body; undefined: nowhere. */
  readonly errorTypeHeader: string | undefined;
  /** How much generated text is held back at first, and for how long; null: none. */
  readonly probe: { readonly text: number; readonly wait: number } | null;
  /** A stream that the provider's content policy withheld is a failure, for there is a model to try instead. */
  readonly avoidPolicy: boolean;
  /** An answer without content and without a call of a tool is a failure. */
  readonly refuseEmpty: boolean;
  /** Set where attempts race: asked before the answer goes out; false: another one was first. */
  readonly claim?: (() => boolean) | undefined;
  /** Why what is read goes no further; undefined: it does. */
  readonly stopped?: ((reading: StreamReader) => Refusal | undefined) | undefined;
}
