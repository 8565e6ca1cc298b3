/** One call on its way: what the stations have found out about it. The access line and the metrics are written from it. */
import type { CacheState } from '../cache/cache.js';
import type { Caller } from '../keys/key.js';
import type { Refusal } from '../lib/errors.js';
import type { FailureClass } from '../protocol/failure-class.js';
import type { ChatRequest } from '../protocol/openai-chat-request.js';
import type { Chain } from '../router/chain.js';
import type { Call, CallHeaders, Reply } from './call.js';
import type { Carried } from './meter.js';
import type { Model, Models, Target } from './model.js';
import type { Bill } from './settle.js';

const NONE: readonly string[] = [];

export interface Course {
  readonly call: Call;
  /** Replaced once by one that records, where the answer is to be kept. */
  reply: Reply;
  /** Of the snapshot that the call has entered. */
  readonly models: Models;
  startedAt: number;
  headers: CallHeaders | undefined;
  caller: Caller | undefined;
  request: ChatRequest | undefined;
  /** The model that was asked for, or that its route has chosen. */
  model: Model | undefined;
  /** The model that was asked for, where it has a route. */
  routed: Model | undefined;
  /** The model whose target is tried: a fallback, or the same. */
  serving: Model | undefined;
  target: Target | undefined;
  /** What follows a failure; undefined where nothing was there to choose. */
  chain: Chain<Model, Target> | undefined;
  /** Monotonic. Nothing of the request goes on after it. */
  deadlineMs: number;
  /** Spent on waiting: for upstreams, and between attempts. */
  waitedMs: number;
  /** Of all attempts. */
  costNano: number;
  countedInput: number;
  cache: CacheState;
  attempts: number;
  /** Request fields that the target's dialect cannot express and that were left out. */
  dropped: readonly string[];
}

type With<Field extends keyof Course> = Course & { [Name in Field]: NonNullable<Course[Name]> };
/** A course whose caller is known. */
export type Known = With<'headers' | 'caller'>;
/** A course whose request was read, admitted and planned. */
export type Underway = With<'headers' | 'caller' | 'request' | 'model' | 'serving'>;

export const newCourse = (call: Call, reply: Reply, models: Models): Course => ({
  call,
  reply,
  models,
  startedAt: call.arrivedAt,
  headers: undefined,
  caller: undefined,
  request: undefined,
  model: undefined,
  routed: undefined,
  serving: undefined,
  target: undefined,
  chain: undefined,
  deadlineMs: Number.POSITIVE_INFINITY,
  waitedMs: 0,
  costNano: 0,
  countedInput: 0,
  cache: 'off',
  attempts: 0,
  dropped: NONE,
});

export interface Attempted {
  readonly target: Target;
  readonly carried: Carried;
  readonly why: FailureClass | undefined;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
}
