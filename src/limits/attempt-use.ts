/**
 * Which attempts of a request a limit counts, in words that are kept with a hold: so that whoever closes the hold of a gateway
 * that is gone counts what that gateway would have counted. A limit on a model or a target counts the attempts there, and one
 * with a pattern of models those of such models.
 */
import type { Actuals } from './amount.js';
import { isLike, type Limit } from './limit.js';

/** What one attempt used. */
export interface AttemptUse {
  /** The model whose limits count it. */
  readonly model: string;
  readonly target: string;
  /** As the configuration names them, such as `open/*`; left out where that is not known: a name is like its pattern. */
  readonly modelScope?: string;
  readonly targetScope?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usdNano: number;
}

/** A name, or a pattern with `*`, of each that matters; none: every attempt counts. */
export interface CountedAttempts {
  readonly model?: string;
  readonly models?: string;
  readonly target?: string;
}

/** Every attempt counts. */
export const ALL_ATTEMPTS: CountedAttempts = {};

export function countedBy({ scope, spec }: Limit): CountedAttempts {
  const hangs = scope.kind === 'model' || scope.kind === 'target';
  if (!hangs && spec.model === null) return ALL_ATTEMPTS;
  return { ...(hangs && { [scope.kind]: scope.id }), ...(spec.model !== null && { models: spec.model }) };
}

/** Used by the attempts that are counted; no request where there are none. */
export function usedBy({ model, models, target }: CountedAttempts, attempts: readonly AttemptUse[]): Actuals {
  const used = { requests: 0, inputTokens: 0, outputTokens: 0, usdNano: 0 };
  for (const attempt of attempts) {
    if (model !== undefined && !isOf(model, attempt.modelScope, attempt.model)) continue;
    if (models !== undefined && !isLike(models, attempt.model)) continue;
    if (target !== undefined && !isOf(target, attempt.targetScope, attempt.target)) continue;
    used.requests = 1;
    used.inputTokens += attempt.inputTokens;
    used.outputTokens += attempt.outputTokens;
    used.usdNano += attempt.usdNano;
  }
  return used;
}

const isOf = (scope: string, known: string | undefined, name: string): boolean =>
  known === undefined ? isLike(scope, name) : known === scope;
