/** What guards would say of a request. Nothing is counted, and nobody outside is asked unless that is wanted. */
import type { Model, Models } from '../catalog/model.js';
import type { ApiFormat } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import { type GuardPorts, guardInput } from '../gateway/guard-input.js';
import { guardNamesOf } from '../gateway/guard-names.js';
import type { Guarded } from '../gateway/guarded-request.js';
import type { GuardWords } from '../guardrails/text-guard.js';
import type { Caller } from '../identity/key.js';
import { ok, type Result } from '../lib/errors.js';

export interface ExplainedGuard {
  readonly guard: string;
  readonly kind: string;
  readonly on: string[];
  readonly action: string;
  /** Null: it was not asked. */
  readonly finds: number | null;
}

interface Explained {
  readonly format: ApiFormat;
  readonly requestId: string;
  readonly caller: Caller;
  readonly models: Models;
  readonly request: ModelRequest;
  readonly model: Model;
  readonly user: string | null;
}

interface Passed {
  readonly request: ModelRequest;
  readonly guarded: Guarded | null;
}

export async function explainGuards(
  explained: Explained,
  asks: boolean,
  ports: GuardPorts,
): Promise<{ readonly told: readonly ExplainedGuard[]; readonly passed: Result<Passed> }> {
  const { format, requestId, request } = explained;
  const quiet: GuardPorts = {
    clock: ports.clock,
    ask: asks ? ports.ask : () => Promise.resolve({ kind: 'allow' }),
    guardSpoke: () => {},
    onUnasked: () => {},
  };
  const telling: { guards: GuardWords | null } = { guards: null };
  const passed = await guardInput({ ...explained, call: { format, requestId } }, quiet, telling);
  return { told: toldOf(explained, telling.guards, asks), passed: passed ?? ok({ request, guarded: null }) };
}

function toldOf({ caller, models, model }: Explained, words: GuardWords | null, asks: boolean): ExplainedGuard[] {
  const names = models.guards.namesInForce(caller.team?.guards ?? [], caller.key.guards, guardNamesOf(model, models));
  return names.flatMap((name) => {
    const config = models.guards.config(name);
    if (!config) return [];
    const { kind, on, action } = config;
    const isAsked = asks || (kind !== 'webhook' && kind !== 'moderation');
    const reads = on.includes('input') && isAsked && words !== null;
    const finds = words?.said.filter(({ guard }) => guard === name).reduce((sum, { count }) => sum + count, 0) ?? 0;
    return [{ guard: name, kind, on: [...on], action, finds: reads ? finds : null }];
  });
}
