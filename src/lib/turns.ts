/**
 * Long work in short turns of the event loop. All work that is under way shares one turn per round of the loop, step by
 * step in a circle, so that a turn stays under `TURN_MS` and one step however many requests are being counted at once, and
 * the other callbacks of the loop run in between. Whoever waited for the work goes on in a turn of their own where the last one
 * was used up.
 */
export interface Work {
  /** Does a bounded piece of work, well under a millisecond. Returns what it cost in characters; -1 when all is done. */
  step(): number;
}

const TURN_MS = 2;
/** With more bytes than this, what is done next goes into another turn of the loop. */
export const LARGE_BYTES = 128 * 1024;

/** Work that yields what each of its steps cost, in characters. */
export const steps = (walk: Iterator<number, void>): Work => ({
  step() {
    const { done, value } = walk.next();
    return done ? -1 : value;
  },
});

interface Waiting {
  readonly work: Work;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
}

const circle: Waiting[] = [];
/** Whose step is next; kept between turns, so that nobody waits for those who came first to end. */
let next = 0;

/** Work that is small enough to be done at once. */
export function finishNow<T>(walk: Generator<number, T>): T {
  for (;;) {
    const { done, value } = walk.next();
    if (done) return value;
  }
}

/** Runs `work` to its end. */
export function finishInTurns(work: Work): Promise<void> {
  return new Promise((resolve, reject) => {
    circle.push({ work, resolve, reject });
    if (circle.length === 1) setImmediate(turn);
  });
}

function turn(): void {
  const until = performance.now() + TURN_MS;
  while (circle.length > 0 && performance.now() < until) {
    if (next >= circle.length) next = 0;
    if (isOver(circle[next]!, until)) circle.splice(next, 1);
    else next++;
  }
  if (circle.length > 0) setImmediate(turn);
}

function isOver({ work, resolve, reject }: Waiting, untilMs: number): boolean {
  try {
    if (work.step() >= 0) return false;
    if (performance.now() < untilMs) resolve();
    else setImmediate(resolve);
  } catch (fault) {
    reject(fault);
  }
  return true;
}

/** The same of work that makes something. */
export async function inTurns<T>(walk: Generator<number, T>): Promise<T> {
  let made: T;
  function* kept(): Generator<number, void> {
    made = yield* walk;
  }
  await finishInTurns(steps(kept()));
  return made!;
}
