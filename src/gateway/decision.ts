/**
 * What an entry keeps of how its attempt came about, as one text: how the target was chosen (`lib/taken-route.ts`), a semicolon,
 * and the limits that were taken (`lib/taken-limits.ts`). It is put together while the request is on its way, so it is text from the
 * beginning: where there was nothing to choose and no limit it is the same four characters for every request.
 */
import type { Model, Target } from '../catalog/model.js';
import type { FailureClass } from '../lib/failure-spec.js';
import {
  modelWord,
  morePassedWord,
  moreWord,
  passedWord,
  policyWord,
  type RoutePolicy,
  type RouteWay,
  readyWord,
  ruleWord,
  skippedWord,
  wayWord,
} from '../lib/taken-route.js';
import type { Hold } from '../limits/hold.js';
import { takenWords } from '../limits/taken.js';
import type { Ask } from '../router/balance.js';
import type { Step } from '../router/chain.js';
import type { Plan } from '../router/plan.js';

/** Candidates that are named, and targets that were passed over. With names that long and the limits all of it fits into an entry. */
const MOST_CANDIDATES = 10;
const MOST_CHARS = 1_500;
const MOST_PASSED = 10;
const MOST_PASSED_CHARS = 500;

const ONLY = wayWord('only');
const CACHE = wayWord('cache');

/** `routing`: what the target picker says of the target. */
export const decisionText = (routing: string, hold: Hold | null, model: Model, target: Target): string =>
  hold ? `${routing};${takenWords(hold, { model, target })}` : `${routing};`;

/** What is told of the choices of one request. A model without a choice tells nothing until its target failed. */
export class Choices {
  readonly #model: Model;
  readonly #asked: string;
  readonly #rules: readonly number[] | undefined;
  #plan: { readonly model: Model; readonly words: string } | undefined;
  #passed = '';
  #passedNamed = 0;
  #passedMore = 0;
  #last: { readonly model: Model; readonly target: Target } | undefined;
  #next = '';
  /** Of each target the words of the attempt that began last. */
  #begun: Map<Target, string> | undefined;
  #hasBegun = false;

  /** `asked`: the model that was asked for. `rules`: of routes, those that led to `model`. */
  constructor(model: Model, asked: string, rules: readonly number[] | undefined) {
    this.#model = model;
    this.#asked = asked;
    this.#rules = rules;
  }

  planned(model: Model, plan: Plan<Target>, ask: Ask<Target>, nowMs: number): void {
    this.#plan = { model, words: planWords(model, plan, ask, nowMs) };
  }

  passOver(target: Target, why: string): void {
    const word = passedWord(target.word, why);
    const fits = this.#passedNamed < MOST_PASSED && this.#passed.length + word.length <= MOST_PASSED_CHARS;
    if (this.#passedMore > 0 || !fits) {
      this.#passedMore++;
      return;
    }
    this.#passed += word;
    this.#passedNamed++;
  }

  /** How a step of the chain came about, where it is not the first. */
  wayTo({ model, target, again }: Step<Model, Target>, failure: FailureClass | undefined): RouteWay {
    if (again) return 'again';
    const before = this.#last ?? { model: this.#model, target: this.#model.targets[0] };
    if (model === before.model) return target === before.target ? 'credential' : 'next';
    return failure === 'context_window' || failure === 'content_policy' ? `${failure}_fallback` : 'fallback';
  }

  /** What is tried next; `why`: the failure that led to it. */
  next({ model, target }: Pick<Step<Model, Target>, 'model' | 'target'>, way: RouteWay, why?: FailureClass): void {
    const plan = this.#plan?.model === model ? this.#plan.words : '';
    this.#last = { model, target };
    const passed = this.#passedMore > 0 ? this.#passed + morePassedWord(this.#passedMore) : this.#passed;
    this.#next = this.#led(model, wayWord(way, why) + plan + passed);
  }

  /** One that begins without having been named goes where the one before went. */
  begin(model: Model, target: Target): void {
    const isNamed = this.#next !== '' && this.#last?.target === target;
    if (isNamed || this.#hasBegun) {
      this.#begun ??= new Map();
      this.#begun.set(target, isNamed ? this.#next : this.#led(model, wayWord('resent')));
    }
    this.#next = '';
    this.#hasBegun = true;
  }

  words(model: Model, target: Target): string {
    return this.#begun?.get(target) ?? (this.#next === '' ? this.#led(model, ONLY) : this.#next);
  }

  /** The cache answered in the place of a target. */
  hit(model: Model): string {
    return this.#led(model, CACHE);
  }

  #led(model: Model, way: string): string {
    const { name } = model;
    if (this.#rules === undefined && name === this.#asked) return way;
    let text = '';
    for (const rule of this.#rules ?? []) text += ruleWord(rule);
    return name === this.#asked ? text + way : text + modelWord(name) + way;
  }
}

/** The candidates of a model in the order of its plan, with what put them in it. `nowMs`: monotonic. */
function planWords(model: Model, { ready, skipped }: Plan<Target>, ask: Ask<Target>, nowMs: number): string {
  const policy = ask.affinity === null ? model.balance : model.affinity === 'user' ? 'user' : 'prompt';
  const count = ready.length + skipped.length;
  let text = policyWord(policy);
  let told = 0;
  const add = (word: string): boolean => {
    if (told === MOST_CANDIDATES || text.length + word.length > MOST_CHARS) return false;
    text += word;
    told++;
    return true;
  };
  if (ready.every((target) => add(candidateWord(target, policy, ask, nowMs)))) {
    skipped.every(({ target, why, untilMs }) => {
      const ms = untilMs - nowMs;
      return add(
        skippedWord(target.word, target.priority, why, Number.isFinite(ms) ? Math.max(0, Math.ceil(ms)) : null),
      );
    });
  }
  return told < count ? text + moreWord(count - told) : text;
}

/** With what the policy ordered by: a figure, and for some of them what it is divided by or multiplied with. */
function candidateWord(target: Target, policy: RoutePolicy, ask: Ask<Target>, nowMs: number): string {
  const { word, priority, state, weight } = target;
  switch (policy) {
    case 'least_busy':
      return readyWord(word, priority, state.load, weight);
    case 'latency': {
      const ms = state.latencyMs(nowMs);
      return readyWord(word, priority, ms === null ? null : Math.round(ms), state.load);
    }
    case 'cost':
      return readyWord(word, priority, finite(ask.costOf(target)));
    case 'usage':
      return readyWord(word, priority, finite(Math.round((state.usage?.share(nowMs) ?? 0) * 1e6) / 1000), weight);
    default:
      return readyWord(word, priority, weight);
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
