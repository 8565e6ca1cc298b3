/** The guards of a configuration, and which of them are in force for whom. */
import { createHash } from 'node:crypto';
import type { AskedGuardConfig, GuardConfig, GuardSide, SizeGuardConfig } from '../lib/guard-spec.js';
import { type TextGuard, textGuardOf } from './text-guard.js';

/** Those of one request and one side, by what they do. They speak in this order. */
export interface SideGuards {
  readonly sizes: readonly SizeGuardConfig[];
  readonly texts: readonly TextGuard[];
  readonly asked: readonly AskedGuardConfig[];
}

/** The guards of one request. */
export interface GuardSet {
  readonly input: SideGuards;
  readonly output: SideGuards;
  /** Which guards these are and what they do: answers that other guards let through are others. */
  readonly digest: string;
}

export type GuardsFound =
  | { readonly ok: true; readonly set: GuardSet | null }
  | { readonly ok: false; readonly unknown: string };

const NOTHING_FOUND: GuardsFound = { ok: true, set: null };
const MOST_SETS = 10_000;

export class Guards {
  readonly #configs: ReadonlyMap<string, GuardConfig>;
  readonly #texts: ReadonlyMap<string, TextGuard>;
  readonly #defaults: readonly string[];
  readonly #sets = new Map<string, GuardsFound>();
  /** There is none, so that nobody needs to ask. */
  readonly none: boolean;

  /** `defaults`: those that are in force for every request. */
  constructor(configs: readonly GuardConfig[], defaults: readonly string[]) {
    this.#configs = new Map(configs.map((config) => [config.name, config]));
    this.#texts = new Map(
      configs.flatMap((config) =>
        config.kind === 'pattern' || config.kind === 'pii' ? [[config.name, textGuardOf(config)]] : [],
      ),
    );
    this.#defaults = defaults;
    this.none = configs.length === 0;
  }

  config(name: string): GuardConfig | undefined {
    return this.#configs.get(name);
  }

  /** In the order in which they speak: those of the defaults, then of each list in turn; none is there twice. */
  namesInForce(...lists: readonly (readonly string[])[]): readonly string[] {
    return [...new Set([...this.#defaults, ...lists.flat()])];
  }

  inForce(...lists: readonly (readonly string[])[]): GuardsFound {
    const names = this.namesInForce(...lists);
    if (names.length === 0) return NOTHING_FOUND;
    const key = names.join('\0');
    let found = this.#sets.get(key);
    if (!found) {
      if (this.#sets.size >= MOST_SETS) this.#sets.clear();
      this.#sets.set(key, (found = this.#found(names)));
    }
    return found;
  }

  #found(names: readonly string[]): GuardsFound {
    const unknown = names.find((name) => !this.#configs.has(name));
    if (unknown !== undefined) return { ok: false, unknown };
    const configs = names.map((name) => this.#configs.get(name)!);
    const digest = createHash('sha256').update(JSON.stringify(configs)).digest('base64url');
    return { ok: true, set: { input: this.#side(configs, 'input'), output: this.#side(configs, 'output'), digest } };
  }

  #side(configs: readonly GuardConfig[], side: GuardSide): SideGuards {
    const here = configs.filter(({ on }) => on.includes(side));
    return {
      sizes: here.filter((config): config is SizeGuardConfig => config.kind === 'size'),
      texts: here.flatMap(({ name }) => this.#texts.get(name) ?? []),
      asked: here.filter(
        (config): config is AskedGuardConfig => config.kind === 'webhook' || config.kind === 'moderation',
      ),
    };
  }
}
