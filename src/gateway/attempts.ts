/**
 * The attempts of one request after its first, and those beside it: asks the router's chain what follows, waits, tries, and
 * answers the outcome that the caller is told of. A request whose first attempt succeeds never comes here.
 */

import type { Model, Target } from '../catalog/model.js';
import type { UpstreamFailure } from '../formats/failure.js';
import type { FailureClass } from '../formats/failure-class.js';
import type { Refusal } from '../lib/errors.js';
import type { Chain, Step } from '../router/chain.js';
import type { Reply } from './call.js';
import type { Carried } from './meter.js';
import { pause } from './pause.js';
import { type Entrant, Race } from './race.js';

export interface Tried {
  readonly carried: Carried;
  readonly why: FailureClass | undefined;
}

/** What of a request these attempts read and write. */
export interface Trying {
  readonly reply: Reply;
  /** The model whose target is tried. */
  serving: Model | undefined;
  /** Spent on waiting: for upstreams, and between attempts. */
  waitedMs: number;
}

export interface Attempts<Outcome extends Tried> {
  /** One attempt; a refusal where nothing could be sent. */
  readonly attempt: (target: Target, entrant?: Entrant) => Promise<Outcome | Refusal>;
  readonly now: () => number;
  readonly onRetry: (why: FailureClass) => void;
  readonly onFallback: () => void;
}

type Outcomes<O> = O | Refusal;

const isRefusal = (outcome: Tried | Refusal): outcome is Refusal => 'code' in outcome;

/** Whether the router is to be asked what follows. */
export function mayGoOn(outcome: Tried | Refusal, avoidsPolicy: boolean): boolean {
  if (isRefusal(outcome)) return true;
  const { carried } = outcome;
  if (carried.kind === 'failed') return !carried.committed;
  return avoidsPolicy && carried.kind === 'whole' && carried.answer.filtered;
}

/** Goes on until something answered or nothing is left; `first` is what the chain's first target came to. */
export async function goOn<O extends Tried>(
  course: Trying,
  chain: Chain<Model, Target>,
  tried: Target,
  first: Outcomes<O>,
  attempts: Attempts<O>,
): Promise<Outcomes<O>> {
  let outcome = first;
  let target = tried;
  let told = first;
  for (;;) {
    if (course.reply.gone) return outcome;
    if (isRefusal(outcome)) chain.unfit(target);
    else if (isRefusal(told) || !answers(told)) told = outcome;
    const why = isRefusal(outcome) ? undefined : (outcome.why ?? 'content_policy');
    const step = chain.next(why, failureOf(outcome)?.retryAfterMs, attempts.now());
    if (!step) return told;
    await enter(course, step, why, attempts);
    if (course.reply.gone) return outcome;
    target = step.target;
    outcome = await tryTarget(course, chain, target, attempts);
    if (!mayGoOn(outcome, chain.canAvoidPolicy)) return outcome;
  }
}

const answers = (outcome: Tried): boolean => outcome.carried.kind === 'whole' || outcome.carried.kind === 'streamed';

const failureOf = (outcome: Tried | Refusal): UpstreamFailure | undefined =>
  !isRefusal(outcome) && outcome.carried.kind === 'failed' ? outcome.carried.failure : undefined;

async function enter<O extends Tried>(
  course: Trying,
  step: Step<Model, Target>,
  why: FailureClass | undefined,
  attempts: Attempts<O>,
): Promise<void> {
  if (step.model !== course.serving) attempts.onFallback();
  else if (why !== undefined) attempts.onRetry(why);
  course.serving = step.model;
  if (step.afterMs <= 0) return;
  await pause(step.afterMs, course.reply);
  course.waitedMs += step.afterMs;
}

/** One attempt, or where the model hedges, as many as the wait for a first byte asks for. */
export function tryTarget<O extends Tried>(
  course: Trying,
  chain: Chain<Model, Target>,
  target: Target,
  attempts: Attempts<O>,
): Promise<Outcomes<O>> {
  chain.begin(target);
  const afterMs = course.serving?.hedgeAfterMs ?? null;
  return afterMs === null ? attempts.attempt(target) : hedged(course, chain, target, afterMs, attempts);
}

/** The first outcome that is no failure; where all failed, the last one's. */
async function hedged<O extends Tried>(
  course: Trying,
  chain: Chain<Model, Target>,
  target: Target,
  afterMs: number,
  attempts: Attempts<O>,
): Promise<Outcomes<O>> {
  const race = new Race(course.reply);
  const running = new Set<Promise<Outcomes<O>>>();
  const outcomes: Outcomes<O>[] = [];
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const start = (one: Target): void => {
      const run = attempts.attempt(one, race.enter());
      running.add(run);
      run.then((outcome) => {
        running.delete(run);
        outcomes.push(outcome);
        if (running.size === 0) resolve();
      }, reject);
    };
    start(target);
    timer = setTimeout(() => {
      const rival = race.decided || running.size === 0 ? undefined : chain.rival();
      if (!rival) return;
      chain.begin(rival.target);
      start(rival.target);
    }, afterMs);
  }).finally(() => clearTimeout(timer));
  return (
    outcomes.find((outcome) => !isRefusal(outcome) && answers(outcome)) ??
    outcomes.findLast((outcome) => isRefusal(outcome) || !isSuperseded(outcome)) ??
    outcomes.at(-1)!
  );
}

const isSuperseded = ({ carried }: Tried): boolean => carried.kind === 'gone' && carried.superseded;
