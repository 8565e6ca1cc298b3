/** One call on its way: what the stations have found out about it. The access line and the metrics are written from it. */
import type { CacheState } from '../cache/cache.js';
import type { Model, Models, Target } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure-class.js';
import type { ChatRequest } from '../formats/openai-chat/request.js';
import type { ModelRequest } from '../formats/request.js';
import type { Caller } from '../identity/key.js';
import type { Refusal } from '../lib/errors.js';
import type { Chain } from '../router/chain.js';
import type { Call, CallHeaders, Reply } from './call.js';
import type { Grant } from './limiter.js';
import type { Carried } from './meter.js';
import type { Bill } from './usage-accounting.js';
import type { Reach } from './worst-case.js';

const NONE: readonly string[] = [];
const NOBODY: readonly Reach[] = [];

export interface Course {
  readonly call: Call;
  /** Replaced once by one that records, where the answer is to be kept. */
  reply: Reply;
  /** Of the snapshot that the call has entered. */
  readonly models: Models;
  startedAt: number;
  headers: CallHeaders | undefined;
  caller: Caller | undefined;
  /** The end user. */
  user: string | null;
  /** Of the key and the request. */
  tags: readonly string[];
  request: ModelRequest | undefined;
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
  /** How that was counted: as the first target does. */
  counting: Target['counting'] | undefined;
  /** Attempts that race, while they run. */
  running: readonly Reach[];
  /** What its limits granted. */
  grant: Grant | undefined;
  /** Headers that tell of limits, names and values in turn. */
  limitHead: readonly string[];
  /** The maximum of the answer that was sent instead of the caller's. */
  outputCap: number | null;
  cache: CacheState;
  attempts: number;
  /** Request fields that the target's dialect cannot express and that were left out. */
  dropped: readonly string[];
}

type With<Field extends keyof Course> = Course & { [Name in Field]: NonNullable<Course[Name]> };
/** A course whose caller is known. */
export type Known = With<'headers' | 'caller'>;
/** A course whose answer may be kept and given again: only those of chats are. */
export type CacheableCourse = Granted & { readonly request: ChatRequest };
export const isCacheable = (course: Course): course is CacheableCourse => course.request?.endpoint === 'chat';
/** A course whose limits were taken. */
export type Granted = Underway & { grant: Grant };
/** A course whose request was read, admitted and planned. */
export type Underway = With<'headers' | 'caller' | 'request' | 'model' | 'serving'>;

export const newCourse = (call: Call, reply: Reply, models: Models): Course => ({
  call,
  reply,
  models,
  startedAt: call.arrivedAt,
  headers: undefined,
  caller: undefined,
  user: null,
  tags: NONE,
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
  counting: undefined,
  running: NOBODY,
  grant: undefined,
  limitHead: NONE,
  outputCap: null,
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
