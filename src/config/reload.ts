/**
 * Reloads the configuration. It is read and validated as a whole, and only a valid one is handed to `apply`, which swaps it in.
 * A failure before the swap changes nothing: the gateway goes on with the configuration that it has.
 *
 * NumberedLoad is asynchronous: a caller that asks while another reload has not yet begun shares that reload. Taking in what was
 * read is synchronous, so that two reloads cannot mix, and a configuration that was read before the one in force is not taken
 * any more. A change of the file, a signal and the API all get the same kind of result.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import type { Config } from './config.js';
import type { Inputs } from './inputs.js';
import { hashOf, type Loaded, type Source } from './load.js';
import type { Problem } from './problem.js';
import { differences, withoutRestart } from './restart.js';

export type Trigger = 'file' | 'signal' | 'api' | 'database';

interface Common {
  readonly trigger: Trigger;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The configuration's file as the user knows it. */
  readonly file: string;
}

export interface Accepted extends Common {
  /** `unchanged`: the configuration is the one in force, apart from settings that need a restart. */
  readonly status: 'reloaded' | 'unchanged';
  /** The hash of the configuration that is in force now. */
  readonly hash: string;
  /** The settings that changed. */
  readonly changed: readonly string[];
  /** The settings that were changed in the file and take effect only after a restart. */
  readonly restart: readonly string[];
}

export interface Rejected extends Common {
  readonly status: 'rejected';
  readonly problems: readonly Problem[];
}

export type ReloadResult = Accepted | Rejected;

/** The configuration in force, and the result of the last reload. */
export interface ConfigState {
  readonly file: string;
  readonly hash: string;
  /** Since when it is in force, milliseconds since the Unix epoch. */
  readonly since: number;
  readonly restart: readonly string[];
  readonly last: ReloadResult | null;
}

interface ReloadOptions {
  /** What the gateway started with. */
  readonly first: Loaded & { readonly ok: true };
  readonly load: (again: Source) => Promise<Loaded>;
  /** Swaps the configuration in, or throws and changes nothing. */
  readonly apply: (config: Config) => void;
  /** Called with each result. */
  readonly onResult: (result: ReloadResult) => void;
  readonly clock: Clock;
}

/** What was read, with a number in the order in which loads were begun. */
export interface NumberedLoad {
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
  #next: Promise<ReloadResult> | undefined;

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

  /** The configuration in force. */
  get running(): Config {
    return this.#running;
  }

  /** The files that the last load read, whether or not they were valid. */
  get inputs(): Inputs {
    return this.#inputs;
  }

  reload(trigger: Trigger): Promise<ReloadResult> {
    this.#next ??= this.#afterLast(trigger);
    return this.#next;
  }

  async #afterLast(trigger: Trigger): Promise<ReloadResult> {
    await this.#last;
    const reload = this.read().then((load) => this.take(load, trigger));
    this.#next = undefined;
    this.#last = reload;
    return reload;
  }

  /** Reads the files and changes nothing. Never rejects. */
  async read(
    load: () => Promise<Loaded> = () => this.#options.load(this.#options.first.source),
  ): Promise<NumberedLoad> {
    const number = ++this.#begun;
    const { source } = this.#options.first;
    try {
      return { number, loaded: await load() };
    } catch (error) {
      return { number, loaded: { ok: false, source, inputs: this.#inputs, problems: [fault(source.shown, error)] } };
    }
  }

  /** Reads the files; the function that it returns takes in what was read. */
  async prepare(trigger: Trigger): Promise<() => ReloadResult> {
    const load = await this.read();
    return () => this.take(load, trigger);
  }

  take({ number, loaded }: NumberedLoad, trigger: Trigger): ReloadResult {
    const { first, clock, onResult } = this.#options;
    const common = { trigger, at: clock.now(), file: first.source.shown };
    // A newer load was taken already.
    if (number < this.#taken && this.#state.last) return this.#state.last;
    this.#taken = number;
    this.#inputs = loaded.inputs;
    const result = loaded.ok ? this.#apply(loaded.config, common) : rejected(common, loaded.problems);
    this.#state = { ...this.#state, last: result };
    onResult(result);
    return result;
  }

  #apply(wanted: Config, common: Common): ReloadResult {
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

const rejected = (common: Common, problems: readonly Problem[]): ReloadResult => ({
  ...common,
  status: 'rejected',
  problems,
});
