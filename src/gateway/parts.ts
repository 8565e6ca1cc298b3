/**
 * A request that goes to its target in parts. What was answered is kept for the request: another attempt at the same target sends the
 * rest alone, and each attempt pays for what it was answered itself.
 */
import type { TranslatedParts } from '../formats/translation.js';
import type { Usage } from '../formats/usage.js';
import type { Clock } from '../lib/clock.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { FanOutPlan } from '../upstream/fan-out.js';
import type { RequestContext } from './request-context.js';

export interface CarriedParts {
  readonly plan: FanOutPlan;
  /** What the parts used that this attempt was answered. */
  usage(): Usage | undefined;
}

export function carriedParts(
  parts: TranslatedParts,
  context: RequestContext,
  target: string,
  call: UpstreamCall,
  clock: Clock,
): CarriedParts {
  const { bodies } = parts;
  const kept = (context.parts ??= new Map<string, (Buffer | undefined)[]>());
  let answers = kept.get(target);
  // All of them, and yet it failed: together they are no answer.
  if (answers?.length !== bodies.length || !answers.includes(undefined)) {
    answers = bodies.map(() => undefined);
    kept.set(target, answers);
  }
  const before = new Set([...bodies.keys()].filter((part) => answers[part] !== undefined));
  const own = () => answers.filter((answer, part) => answer !== undefined && !before.has(part)) as Buffer[];
  return {
    plan: {
      calls: bodies.map((body) => ({ ...call, body })),
      answers,
      isAnswer: (body) => parts.isAnswer(body),
      join: (all) => parts.join(all, before),
      now: () => clock.monotonic(),
    },
    usage: () => parts.usageOf(own()),
  };
}
