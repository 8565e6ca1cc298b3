/** The heads of answers: names and values in turn, as node writes them without looking at them again. */
import type { CacheState } from '../cache/cache.js';
import type { Model, Target } from '../catalog/model.js';
import { usd } from '../lib/money.js';

/** What is known of a call when its head is written. */
interface Answered {
  readonly call: { readonly requestId: string };
  readonly model?: Model | undefined;
  readonly serving?: Model | undefined;
  readonly target?: Target | undefined;
  readonly attempts: number;
  /** Of all attempts. */
  readonly costNano: number;
  readonly cache: CacheState;
  readonly dropped: readonly string[];
  readonly limitHead: readonly string[];
  readonly outputCap: number | null;
}

export function baseHead(course: Answered): string[] {
  const head = ['x-request-id', course.call.requestId];
  const { model, serving, target } = course;
  if (model) head.push('x-tollgate-model', header(model.name));
  if (target) {
    head.push('x-tollgate-provider', header(target.provider), 'x-tollgate-target', header(target.id));
    head.push('x-tollgate-attempts', String(course.attempts), 'x-tollgate-cache', course.cache);
    if (serving && serving !== model) head.push('x-tollgate-fallback', header(serving.name));
  }
  for (const text of course.limitHead) head.push(text);
  if (course.outputCap !== null) head.push('x-tollgate-max-tokens-clamped', String(course.outputCap));
  if (course.dropped.length > 0) head.push('x-tollgate-dropped-params', course.dropped.join(', '));
  return head;
}

export function streamHead(course: Answered): string[] {
  const head = baseHead(course);
  head.push('content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache', 'x-accel-buffering', 'no');
  return head;
}

export function wholeHead(course: Answered, attempted: { readonly overheadMs: number }, length: number): string[] {
  const head = baseHead(course);
  head.push('content-type', 'application/json', 'content-length', String(length));
  head.push('x-tollgate-cost-usd', usd(course.costNano), 'x-tollgate-overhead-ms', attempted.overheadMs.toFixed(2));
  return head;
}

export function hitWholeHead(course: Answered, length: number, overheadMs: number): string[] {
  const head = baseHead(course);
  head.push('content-type', 'application/json', 'content-length', String(length));
  head.push('x-tollgate-cost-usd', usd(0), 'x-tollgate-overhead-ms', overheadMs.toFixed(2));
  return head;
}

/** Names from the configuration may hold what a header may not. */
const header = (name: string): string => (/^[\x21-\x7e]*$/.test(name) ? name : encodeURIComponent(name));
