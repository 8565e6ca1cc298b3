/**
 * Takes a changed configuration in: reads it whole, and only where nothing is wrong with it hands it to `apply`, which swaps
 * it in with one assignment. Whatever fails before that changes nothing, and what runs goes on. To read is asynchronous, and
 * whoever asks while another is still to begin shares that one; to take is synchronous, so two cannot mix, and what was read
 * before what runs is not taken any more. Whoever asked (a file, a signal, the API) gets the same kind of outcome.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
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
  readonly load: (again: Source) => Promise<Loaded>;
  /** Swaps the configuration in, or throws and changes nothing. */
  readonly apply: (config: Config) => void;
  /** Told of each outcome. */
  readonly onOutcome: (outcome: Outcome) => void;
  readonly clock: Clock;
}

/** What was read, to be taken. */
export interface Reading {
  readonly number: number;
  readonly loaded: Loaded;
}

export class Reloader {
  readonly #options: ReloadOptions;
  #running: Config;
  #state: ConfigState;
  #inputs: Inputs;
  #begun = 0;
  #taken = 0;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<Outcome> | undefined;

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

  reload(trigger: Trigger): Promise<Outcome> {
    this.#next ??= this.#afterLast(trigger);
    return this.#next;
  }

  async #afterLast(trigger: Trigger): Promise<Outcome> {
    await this.#last;
    const reload = this.read().then((reading) => this.take(reading, trigger));
    this.#next = undefined;
    this.#last = reload;
    return reload;
  }

  /** Reads the files and changes nothing. Never rejects. */
  async read(): Promise<Reading> {
    const number = ++this.#begun;
    const { source } = this.#options.first;
    try {
      return { number, loaded: await this.#options.load(source) };
    } catch (error) {
      return { number, loaded: { ok: false, source, inputs: this.#inputs, problems: [fault(source.shown, error)] } };
    }
  }

  /** Reads the files; what it answers takes in what was read. */
  async prepare(trigger: Trigger): Promise<() => Outcome> {
    const reading = await this.read();
    return () => this.take(reading, trigger);
  }

  take({ number, loaded }: Reading, trigger: Trigger): Outcome {
    const { first, clock, onOutcome } = this.#options;
    const common = { trigger, at: clock.now(), file: first.source.shown };
    // What was read since tells more.
    if (number < this.#taken && this.#state.last) return this.#state.last;
    this.#taken = number;
    this.#inputs = loaded.inputs;
    const outcome = loaded.ok ? this.#apply(loaded.config, common) : rejected(common, loaded.problems);
    this.#state = { ...this.#state, last: outcome };
    onOutcome(outcome);
    return outcome;
  }

  #apply(wanted: Config, common: Common): Outcome {
    const { config, restart } = withoutRestart(this.#running, wanted);
    const hash = hashOf(config);
    if (hash === this.#state.hash) {
      this.#state = { ...this.#state, restart };
      return { ...common, status: 'unchanged', hash, changed: [], restart };
    }
    try {
      this.#options.apply(config);
    } catch (error) {
      return rejected(common, [fault(common.file, error)]);
    }
    const changed = differences(this.#running, config);
    this.#running = config;
    this.#state = { ...this.#state, hash, since: common.at, restart };
    return { ...common, status: 'reloaded', hash, changed, restart };
  }
}

const fault = (file: string, error: unknown): Problem => ({
  ...{ file, line: 1, column: 1, path: '' },
  message: `cannot be taken in: ${messageOf(error)}`,
});

const rejected = (common: Common, problems: readonly Problem[]): Outcome => ({
  ...common,
  status: 'rejected',
  problems,
});
