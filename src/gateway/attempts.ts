/**
 * The attempts of one request: tries the target that was picked first, asks what follows a failure, waits, tries again, and
 * answers what the caller is told of. This is the only loop that retries.
 */
import type { Model } from '../catalog/model.js';
import type { FailureClass, UpstreamFailure } from '../formats/failure.js';
import type { Refusal } from '../lib/errors.js';
import { pause } from './pause.js';
import { type Entrant, Race } from './race.js';
import type { RequestContext } from './request-context.js';
import type { AttemptResult, Reserved } from './stages.js';
import type { PickedTarget } from './targets.js';

/** What came of an attempt: its result, or why nothing could be sent. */
export type AttemptOutcome = AttemptResult | Refusal;

export interface AttemptDeps {
  readonly attempt: (reserved: Reserved, on: PickedTarget, entrant?: Entrant) => Promise<AttemptOutcome>;
  readonly onRetry: (why: FailureClass, context: RequestContext) => void;
  readonly onFallback: (to: Model, context: RequestContext) => void;
}

export const isRefusal = (outcome: AttemptOutcome): outcome is Refusal => 'code' in outcome;

/** Goes on until something answered or nothing is left. */
export async function attemptAll(reserved: Reserved, deps: AttemptDeps): Promise<AttemptOutcome> {
  const { targets, writer, context } = reserved;
  let on: PickedTarget = reserved.first;
  let told: AttemptOutcome | undefined;
  for (;;) {
    const outcome = await tryTarget(reserved, on, deps);
    if (!isRefusal(outcome) && isAnswer(outcome)) targets.answered();
    if (isFinal(outcome, targets.canAvoidPolicy) || writer.gone) return outcome;
    if (!isRefusal(outcome) && outcome.asksAgain) {
      on = outcome;
      continue;
    }
    if (isRefusal(outcome)) targets.unfit(on.target, outcome.code);
    if (told === undefined || (!isRefusal(outcome) && !isAnswer(told))) told = outcome;
    const why = isRefusal(outcome) ? undefined : (outcome.why ?? 'content_policy');
    const step = targets.next(why, failureOf(outcome));
    if (!step) return told;
    if (step.model !== context.serving) deps.onFallback(step.model, context);
    else if (why !== undefined) deps.onRetry(why, context);
    if (step.afterMs > 0) {
      await pause(step.afterMs, writer);
      context.waitedMs += step.afterMs;
      if (writer.gone) return outcome;
    }
    on = step;
  }
}

/** Whether nothing may follow. A fault of the gateway itself would happen again elsewhere. */
function isFinal(outcome: AttemptOutcome, avoidsPolicy: boolean): boolean {
  if (isRefusal(outcome)) return outcome.code === 'internal_error';
  const { carried } = outcome;
  if (carried.kind === 'failed') return carried.committed;
  return !(avoidsPolicy && carried.kind === 'whole' && carried.answer.filtered);
}

const ANSWERED: ReadonlySet<string> = new Set(['whole', 'streamed', 'blocked']);

const isAnswer = (outcome: AttemptOutcome): boolean => !isRefusal(outcome) && ANSWERED.has(outcome.carried.kind);

const failureOf = (outcome: AttemptOutcome): UpstreamFailure | undefined =>
  !isRefusal(outcome) && outcome.carried.kind === 'failed' ? outcome.carried.failure : undefined;

/** One attempt, or where the model hedges, as many as the wait for a first byte asks for. */
function tryTarget(reserved: Reserved, on: PickedTarget, deps: AttemptDeps): Promise<AttemptOutcome> {
  reserved.context.serving = on.model;
  reserved.targets.begin(on);
  const { hedgeAfterMs } = on.model;
  return hedgeAfterMs === null ? deps.attempt(reserved, on) : hedged(reserved, on, hedgeAfterMs, deps);
}

/** The first outcome that is no failure; where all failed, the last one's. */
async function hedged(
  reserved: Reserved,
  first: PickedTarget,
  afterMs: number,
  { attempt }: AttemptDeps,
): Promise<AttemptOutcome> {
  const { targets } = reserved;
  const race = new Race(reserved.writer);
  const running = new Set<Promise<AttemptOutcome>>();
  const outcomes: AttemptOutcome[] = [];
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const start = (on: PickedTarget): void => {
      const run = attempt(reserved, on, race.enter());
      running.add(run);
      run.then((outcome) => {
        running.delete(run);
        outcomes.push(outcome);
        if (running.size === 0) resolve();
      }, reject);
    };
    start(first);
    timer = setTimeout(() => {
      const rival = race.decided || running.size === 0 ? undefined : targets.rival();
      if (!rival) return;
      targets.begin(rival);
      start(rival);
    }, afterMs);
  }).finally(() => clearTimeout(timer));
  return (
    outcomes.find(isAnswer) ??
    outcomes.findLast((outcome) => isRefusal(outcome) || !isSuperseded(outcome)) ??
    outcomes.at(-1)!
  );
}

const isSuperseded = ({ carried }: AttemptResult): boolean => carried.kind === 'gone' && carried.superseded;
