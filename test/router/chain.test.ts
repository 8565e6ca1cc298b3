import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { FailureClass } from '../../src/formats/failure.js';
import type { Retry } from '../../src/router/backoff.js';
import type { Candidate } from '../../src/router/balance.js';
import { Chain, type Fallbacks, type Step } from '../../src/router/chain.js';
import { plan } from '../../src/router/plan.js';
import { CredentialState } from '../../src/router/target-state.js';
import { aState, aTarget, breakIt, middle, seeded } from './support.js';

interface Model {
  readonly name: string;
  readonly targets: readonly Candidate[];
}

const model = (name: string, ...targets: Candidate[]): Model => ({ name, targets });
const NONE: Fallbacks<Model> = { general: [], contextWindow: [], contentPolicy: [] };
const retry: Retry = { max_attempts: 3, base: 200, max: 8000, on_timeout: 'elsewhere' };
/** How an attempt ended. */
type Ending = FailureClass | 'unfit' | 'timed_out';
type Blamed = 'transient' | 'overload';

/** A chain under a clock of its own, fed with failures. */
class Run {
  now = 0;
  readonly chain: Chain<Model, Candidate>;
  readonly path: string[] = [];

  constructor(
    own: Model,
    given: { fallbacks?: Partial<Fallbacks<Model>>; retry?: Partial<Retry>; deadlineMs?: number } = {},
  ) {
    const ask = { affinity: null, turn: 0, costOf: () => 0 };
    this.chain = new Chain({
      model: own,
      single: own.targets.length === 1,
      fallbacks: { ...NONE, ...given.fallbacks },
      retry: { ...retry, ...given.retry },
      deadlineMs: given.deadlineMs ?? 60_000,
      plan: ({ targets }, lastResort) => plan({ targets, balance: 'round_robin' }, ask, this.now, middle, lastResort),
      random: middle,
    });
  }

  /** Tries what the chain names until it names nothing; `fails` says what of each attempt comes. */
  go(fails: (target: string, attempt: number) => Ending, retryAfterMs?: number): string {
    let step = this.chain.first();
    while (step) step = this.#attempt(step, fails, retryAfterMs);
    return this.path.join(' ');
  }

  #attempt(step: Step<Model, Candidate>, fails: (target: string, attempt: number) => Ending, retryAfterMs?: number) {
    this.now += step.afterMs;
    this.path.push(step.afterMs > 0 ? `+${step.afterMs}:${step.target.id}` : step.target.id);
    this.chain.begin(step.target);
    const why = fails(step.target.id, this.path.length);
    if (why === 'unfit') {
      this.chain.unfit(step.target);
      return this.chain.next(undefined, undefined, this.now);
    }
    if (why === 'timed_out') return this.chain.next('transient', undefined, this.now, true);
    const { state } = step.target;
    const blamed = (['transient', 'overload'] as FailureClass[]).includes(why as Blamed);
    state.failed(state.begin(this.now), why, blamed, 5, retryAfterMs, this.now);
    return this.chain.next(why, retryAfterMs, this.now);
  }
}

describe('after a failure', () => {
  test('the other targets of the model are tried at once, in their order', () => {
    const own = model('m', aTarget('a'), aTarget('b'), aTarget('c', { priority: 2 }));
    assert.equal(
      new Run(own).go(() => 'transient'),
      'a b c',
    );
  });

  test('what may work the next time is tried again after a backoff that doubles', () => {
    assert.equal(
      new Run(model('m', aTarget('a'))).go(() => 'transient'),
      'a +100:a +200:a',
    );
  });

  test('the budget is one, whatever it is spent on', () => {
    const own = model('m', aTarget('a'), aTarget('b'));
    assert.equal(
      new Run(own, { retry: { max_attempts: 5 } }).go(() => 'transient'),
      'a b +100:a +200:b +400:a',
    );
    assert.equal(
      new Run(own, { retry: { max_attempts: 1 } }).go(() => 'transient'),
      'a',
    );
  });

  test("the caller's fault is never tried again", () => {
    const fallbacks = { general: [model('f', aTarget('f'))] };
    assert.equal(
      new Run(model('m', aTarget('a'), aTarget('b')), { fallbacks }).go(() => 'caller'),
      'a',
    );
  });

  test('fallbacks have an attempt left for each before a target is tried again', () => {
    const [f, g] = [model('f', aTarget('f')), model('g', aTarget('g'))];
    assert.equal(
      new Run(model('m', aTarget('a')), { fallbacks: { general: [f] } }).go(() => 'transient'),
      'a +100:a f',
    );
    assert.equal(
      new Run(model('m', aTarget('a')), { fallbacks: { general: [f, g] } }).go(() => 'transient'),
      'a f g',
    );
  });

  test('an overload or a rate limit falls back at once, and is only waited for where there is nothing else', () => {
    for (const why of ['overload', 'rate_limit'] as const) {
      const fallbacks = { general: [model('f', aTarget('f'))] };
      assert.match(
        new Run(model('m', aTarget('a')), { fallbacks }).go(() => why),
        /^a f/,
        why,
      );
      assert.equal(
        new Run(model('m', aTarget('a'))).go(() => why, 3000),
        'a +3000:a +3000:a',
        why,
      );
    }
  });

  test('an upstream that asks for more than a request may wait is not waited for', () => {
    assert.equal(
      new Run(model('m', aTarget('a'))).go(() => 'rate_limit', 8001),
      'a',
    );
    assert.equal(
      new Run(model('m', aTarget('a')), { deadlineMs: 2000 }).go(() => 'rate_limit', 2500),
      'a',
    );
  });

  test('nothing is tried after the deadline', () => {
    assert.equal(
      new Run(model('m', aTarget('a'), aTarget('b')), { deadlineMs: 0 }).go(() => 'transient'),
      'a',
    );
    assert.equal(
      new Run(model('m', aTarget('a')), { deadlineMs: 150 }).go(() => 'transient'),
      'a +100:a',
    );
  });

  test('a credential, a quota, a missing model: other targets, and the same one never again', () => {
    for (const why of ['credential', 'quota', 'not_found'] as const) {
      assert.equal(
        new Run(model('m', aTarget('a'), aTarget('b'))).go(() => why),
        'a b',
        why,
      );
      assert.equal(
        new Run(model('m', aTarget('a'))).go(() => why),
        'a',
        why,
      );
    }
  });

  test('another credential of the same target comes before another target', () => {
    const two = () => aState([new CredentialState(), new CredentialState()]);
    for (const why of ['quota', 'credential', 'rate_limit'] as const) {
      const own = model('m', aTarget('a', { state: two() }), aTarget('b', { priority: 2 }));
      assert.equal(
        new Run(own).go(() => why),
        'a a b',
        why,
      );
    }
  });

  test('after a time-out others are asked, and the same target never again, whatever fails later', () => {
    assert.equal(
      new Run(model('m', aTarget('a'))).go(() => 'timed_out'),
      'a',
    );
    const fallbacks = { general: [model('f', aTarget('f'))] };
    assert.equal(
      new Run(model('m', aTarget('a')), { fallbacks }).go(() => 'timed_out'),
      'a f',
    );
    const mixed = (target: string) => (target === 'a' ? ('timed_out' as const) : ('transient' as const));
    assert.equal(
      new Run(model('m', aTarget('a'), aTarget('b')), { retry: { max_attempts: 4 } }).go(mixed),
      'a b +100:b +200:b',
    );
  });

  test('a model may say that a time-out is tried again anywhere, or nowhere', () => {
    const two = () => model('m', aTarget('a'), aTarget('b'));
    assert.equal(
      new Run(two(), { retry: { on_timeout: 'anywhere' } }).go(() => 'timed_out'),
      'a b +100:a',
    );
    const fallbacks = { general: [model('f', aTarget('f'))] };
    assert.equal(
      new Run(two(), { fallbacks, retry: { on_timeout: 'never' } }).go(() => 'timed_out'),
      'a',
    );
    assert.equal(
      new Run(two(), { retry: { on_timeout: 'never' } }).go(() => 'transient'),
      'a b +100:a',
    );
  });

  test('a target that cannot carry the request costs no attempt and is not tried again', () => {
    const own = model('m', aTarget('a'), aTarget('b'));
    const fails = (target: string) => (target === 'a' ? ('unfit' as const) : ('transient' as const));
    assert.equal(new Run(own).go(fails), 'a b +100:b +200:b');
    const fallbacks = { general: [model('f', aTarget('f'))] };
    assert.equal(
      new Run(model('m', aTarget('a')), { fallbacks }).go((t) => (t === 'a' ? 'unfit' : 'caller')),
      'a f',
    );
  });
});

describe('special fallbacks', () => {
  const lists = {
    general: [model('g', aTarget('g'))],
    contextWindow: [model('long', aTarget('long')), model('longer', aTarget('longer'))],
    contentPolicy: [model('lax', aTarget('lax'))],
  };
  const own = () => model('m', aTarget('a'), aTarget('b'));

  test('a context window leads to its own fallbacks and to nothing else', () => {
    assert.equal(
      new Run(own(), { fallbacks: lists }).go(() => 'context_window'),
      'a long longer',
    );
    assert.equal(
      new Run(own(), { fallbacks: { general: lists.general } }).go(() => 'context_window'),
      'a',
    );
  });

  test('so does a content policy', () => {
    assert.equal(
      new Run(own(), { fallbacks: lists }).go(() => 'content_policy'),
      'a lax',
    );
    assert.equal(
      new Run(own()).go(() => 'content_policy'),
      'a',
    );
  });

  test('once there, what would suit the request is not left for what would not', () => {
    const fails = (target: string) => (target === 'a' ? ('context_window' as const) : ('overload' as const));
    assert.equal(new Run(own(), { fallbacks: lists }).go(fails), 'a long longer');
  });

  test('an answer that was withheld can be avoided only while there is another model and an attempt', () => {
    const run = new Run(own(), { fallbacks: lists });
    assert.ok(run.chain.canAvoidPolicy);
    run.go(() => 'content_policy');
    assert.ok(!run.chain.canAvoidPolicy);
    assert.ok(!new Run(own()).chain.canAvoidPolicy);
  });
});

describe('the first target', () => {
  test('of a model whose targets are all left alone is its fallback, or none', () => {
    const a = aTarget('a');
    const b = aTarget('b');
    for (const target of [a, b]) breakIt(target, 0);
    assert.equal(
      new Run(model('m', a, b), { fallbacks: { general: [model('f', aTarget('f'))] } }).go(() => 'caller'),
      'f',
    );
    assert.equal(
      new Run(model('m', a, b)).go(() => 'caller'),
      '',
    );
  });

  test('of a single target that has a fallback obeys its breaker; one that has none is tried anyway', () => {
    const a = aTarget('a');
    breakIt(a, 0);
    assert.equal(
      new Run(model('m', a), { fallbacks: { general: [model('f', aTarget('f'))] } }).go(() => 'caller'),
      'f',
    );
    assert.equal(
      new Run(model('m', a)).go(() => 'caller'),
      'a',
    );
    a.state.breaker.hold();
    assert.equal(
      new Run(model('m', a)).go(() => 'caller'),
      '',
    );
  });
});

test('whatever fails however: the budget and the deadline hold, and no wait is longer than it may be', () => {
  const classes: FailureClass[] = [
    ...(['rate_limit', 'quota', 'overload', 'transient', 'context_window'] as const),
    ...(['content_policy', 'credential', 'not_found', 'caller'] as const),
  ];
  const count = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(
      fc.tuple(count, fc.array(count, { maxLength: 3 }), fc.array(count, { maxLength: 2 })),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 20_000 }),
      fc.option(fc.integer({ min: 0, max: 30_000 }), { nil: undefined }),
      fc.nat(),
      ([targets, general, special], max_attempts, deadlineMs, retryAfterMs, seed) => {
        const random = seeded(seed);
        const make = (name: string, size: number) =>
          model(name, ...Array.from({ length: size }, (_, i) => aTarget(`${name}${i}`)));
        const run = new Run(make('m', targets), {
          fallbacks: {
            general: general.map((size, i) => make(`g${i}-`, size)),
            contextWindow: special.map((size, i) => make(`c${i}-`, size)),
            contentPolicy: special.map((size, i) => make(`p${i}-`, size)),
          },
          retry: { max_attempts },
          deadlineMs,
        });
        const failures: FailureClass[] = [];
        run.go(() => {
          failures.push(classes[Math.floor(random() * classes.length)]!);
          return failures.at(-1)!;
        }, retryAfterMs);
        assert.ok(run.path.length >= 1 && run.path.length <= max_attempts);
        assert.ok(run.now < Math.max(1, deadlineMs), `${run.now} of ${deadlineMs}`);
        assert.ok(!failures.slice(0, -1).includes('caller'), 'something was tried after a fault of the caller');
        for (const step of run.path) {
          const waited = /^\+(\d+):/.exec(step);
          assert.ok(!waited || Number(waited[1]) <= retry.max, step);
        }
      },
    ),
    { numRuns: 500 },
  );
});
