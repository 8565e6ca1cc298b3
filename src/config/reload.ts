/**
 * Takes a changed configuration in: loads it whole, and only where nothing is wrong with it hands it to `apply`, which
 * swaps it in with one assignment. Whatever fails before that changes nothing, and what runs goes on. A reload is
 * synchronous, so two at once cannot mix; its time goes into reading YAML, and requests wait for it no longer than that.
 * Whoever asked (a file, a signal, the API) gets the same outcome.
 */
import type { Clock } from '../lib/clock.js';
import type { Config } from './config.js';
import type { Inputs } from './inputs.js';
import { hashOf, type Loaded, type Source } from './load.js';
import type { Problem } from './problem.js';
import { differences, withoutRestart } from './restart.js';

export type Trigger = 'file' | 'signal' | 'api';

interface Common {
  readonly trigger: Trigger;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The configuration's file as the user knows it. */
  readonly file: string;
}

export interface Accepted extends Common {
  /** `unchanged`: the same configuration as runs, apart from what has to wait. */
  readonly status: 'reloaded' | 'unchanged';
  /** Of the configuration that runs now. */
  readonly hash: string;
  /** The names of what changed. */
  readonly changed: readonly string[];
  /** The names of what is written otherwise than it runs, until a restart. */
  readonly restart: readonly string[];
}

export interface Rejected extends Common {
  readonly status: 'rejected';
  readonly problems: readonly Problem[];
}

export type Outcome = Accepted | Rejected;

/** What runs, and what became of the last reload. */
export interface ConfigState {
  readonly file: string;
  readonly hash: string;
  /** When what runs was taken in, milliseconds since the Unix epoch. */
  readonly since: number;
  readonly restart: readonly string[];
  readonly last: Outcome | null;
}

interface ReloadOptions {
  /** What the gateway started with. */
  readonly first: Loaded & { readonly ok: true };
  readonly load: (again: Source) => Loaded;
  /** Swaps the configuration in, or throws and changes nothing. */
  readonly apply: (config: Config) => void;
  /** Told of each outcome. */
  readonly onOutcome: (outcome: Outcome) => void;
  readonly clock: Clock;
}

export class Reloader {
  readonly #options: ReloadOptions;
  #running: Config;
  #state: ConfigState;
  #inputs: Inputs;

  constructor(options: ReloadOptions) {
    const { first, clock } = options;
    this.#options = options;
    this.#running = first.config;
    this.#inputs = first.inputs;
    this.#state = { file: first.source.shown, hash: first.hash, since: clock.now(), restart: [], last: null };
  }

  get state(): ConfigState {
    return this.#state;
  }

  /** What the last load read, whether or not it was of use. */
  get inputs(): Inputs {
    return this.#inputs;
  }

  reload(trigger: Trigger): Outcome {
    const { first, load, clock, onOutcome } = this.#options;
    const common = { trigger, at: clock.now(), file: first.source.shown };
    const loaded = load(first.source);
    this.#inputs = loaded.inputs;
    const outcome = loaded.ok ? this.#take(loaded.config, common) : rejected(common, loaded.problems);
    this.#state = { ...this.#state, last: outcome };
    onOutcome(outcome);
    return outcome;
  }

  #take(wanted: Config, common: Common): Outcome {
    const { config, restart } = withoutRestart(this.#running, wanted);
    const hash = hashOf(config);
    if (hash === this.#state.hash) {
      this.#state = { ...this.#state, restart };
      return { ...common, status: 'unchanged', hash, changed: [], restart };
    }
    try {
      this.#options.apply(config);
    } catch (error) {
      const message = `cannot be taken in: ${error instanceof Error ? error.message : String(error)}`;
      return rejected(common, [{ file: common.file, line: 1, column: 1, path: '', message }]);
    }
    const changed = differences(this.#running, config);
    this.#running = config;
    this.#state = { ...this.#state, hash, since: common.at, restart };
    return { ...common, status: 'reloaded', hash, changed, restart };
  }
}

const rejected = (common: Common, problems: readonly Problem[]): Outcome => ({
  ...common,
  status: 'rejected',
  problems,
});
