/** The guards of the configuration, and what they have done in this process: `/admin/v1/guardrails`. */
import { z } from 'zod';
import { type Refusal, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { route } from './route.js';

interface GuardTold {
  readonly name: string;
  readonly kind: string;
  readonly on: readonly string[];
  readonly action: string;
  readonly everywhere: boolean;
  readonly models: readonly string[];
  readonly spoke: Readonly<Record<string, number>>;
}

export interface GuardsReading {
  readonly guardrails: () => readonly GuardTold[];
  readonly knowsGuard: (name: string) => boolean;
}

const answer = z.object({
  data: z.array(
    z
      .object({
        name: z.string(),
        kind: z.string(),
        on: z.array(z.string()),
        action: z.string(),
        everywhere: z.boolean().describe('It is in `defaults` and reads every request.'),
        models: z.array(z.string()).describe('Models that name it.'),
        spoke: z
          .record(z.string(), z.number())
          .describe('Requests in which it did something since this process began, such as input_block.'),
      })
      .meta({ id: 'Guard' }),
  ),
});

export function guardrailsRoutes(app: AdminApp, deps: GuardsReading): void {
  route(app, 'listGuardrails', {
    schema: { response: { 200: answer } },
    handler: () =>
      Promise.resolve({
        data: deps.guardrails().map((guard) => ({
          ...guard,
          on: [...guard.on],
          models: [...guard.models],
          spoke: { ...guard.spoke },
        })),
      }),
  });
}

/** Why a key or a team cannot have these guards; undefined: it can. */
export function unknownGuard(
  names: readonly string[] | null | undefined,
  { knowsGuard }: Pick<GuardsReading, 'knowsGuard'>,
): Refusal | undefined {
  const unknown = names?.find((name) => !knowsGuard(name));
  return unknown === undefined
    ? undefined
    : refuse('invalid_value', `There is no guard named '${unknown}' in the configuration.`, { param: 'guards' });
}
