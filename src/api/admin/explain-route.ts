/** What would happen to a request with a key: `/admin/v1/explain`. Nothing is sent and nothing is taken. */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { ApiFormat } from '../../formats/format.js';
import { apiFormat } from '../../formats/registry.js';
import type { Authenticator } from '../../identity/authenticate.js';
import { standing } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import type { Keys } from '../../identity/keys.js';
import { readsWithin } from '../../identity/reads-within.js';
import { type Teams, within } from '../../identity/roles.js';
import { newSecret } from '../../identity/secret.js';
import { captureModes } from '../../lib/capture-spec.js';
import type { Clock } from '../../lib/clock.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import type { Explainer } from '../../operations/explain.js';
import { readCallHeaders } from '../call-headers.js';
import { dataRows } from '../table.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';

export interface Explaining {
  readonly explain: Explainer;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly keys: Keys;
  readonly clock: Clock;
}

/**
 * Where a model can be asked: by the names of the endpoints and by the paths -> the format. Of formats that share an endpoint,
 * its name means the one that stands first in the table.
 */
const formatsByName: ReadonlyMap<string, ApiFormat> = (() => {
  const found = new Map<string, ApiFormat>();
  for (const { format: id, path } of dataRows) {
    if (id === undefined) continue;
    const format = apiFormat(id);
    if (!found.has(format.endpoint)) found.set(format.endpoint, format);
    found.set(path, format);
  }
  return found;
})();

const question = z
  .strictObject({
    key: z.string().min(1).max(16_384).describe("A key's id, its secret, or a token."),
    endpoint: z
      .enum([...formatsByName.keys()])
      .default('chat')
      .describe('Where the request goes, as keys name endpoints or as a path.'),
    headers: z
      .record(z.string().max(200), z.string().max(10_000))
      .default({})
      .describe('What the request says in headers, such as x-tollgate-tags.'),
    ip: z
      .string()
      .refine((address) => isIP(address) !== 0, 'not an IP address')
      .optional()
      .describe('Where it comes from. Left out: from an address that the key allows.'),
    ask_guards: z
      .boolean()
      .default(false)
      .describe('Ask the guards that answer elsewhere too: they are sent the texts of the request.'),
    request: z.record(z.string(), z.unknown()).describe('The body of the request.'),
  })
  .meta({ id: 'Question' });

const text = z.string();
const orNull = text.nullable();
const count = z.number();

const amount = z.union([text, count]);

const answer = z
  .object({
    would: z.enum(['send', 'refuse']),
    status: count.describe('Of the refusal; 200 where the request would be sent.'),
    error: z.object({ code: text, message: text, param: orNull }).nullable(),
    caller: z.object({ key: text, name: text, team: orNull }).nullable(),
    model: z
      .object({
        asked: text,
        serves: orNull.describe('The model that a route chooses, or the one that was asked for.'),
        balance: orNull,
        max_attempts: count.nullable(),
        retries_left: count
          .nullable()
          .describe('Further attempts that all its requests may make now where upstreams fail; null: no budget.'),
      })
      .nullable(),
    rules: z
      .array(
        z.object({
          of: text.describe('The model whose rule it is.'),
          rule: count.describe('Its place in the list, from 0.'),
          use: z.array(text),
          matched: z.boolean().nullable().describe('null: not asked, since an earlier one matched.'),
          conditions: z.array(
            z.object({ name: text, wanted: z.unknown(), holds: z.boolean().optional(), found: z.unknown().optional() }),
          ),
        }),
      )
      .describe('The rules of routes, in the order in which they are asked.'),
    guards: z
      .array(
        z.object({
          guard: text,
          kind: text,
          on: z.array(text),
          action: text,
          finds: count.nullable().describe('How often it would speak of the input; null: it was not asked.'),
        }),
      )
      .describe('The guards in force, in the order in which they are named.'),
    capture: z.enum(captureModes).nullable().describe('Whether prompt and answer would be kept; null: not come to.'),
    limits: z
      .array(
        z.object({
          scope: z.record(text, text),
          unit: text,
          per: orNull,
          model: orNull,
          max: amount,
          spent: amount,
          held: amount,
          remaining: amount,
          window_ends_at: orNull,
          takes: amount.describe('Budgets: the worst case that is held. Rates: what such requests usually take.'),
          admits: z.boolean(),
        }),
      )
      .describe('Every limit that applies, with money as decimal strings.'),
    cache: z.object({ state: text, why: text.nullable(), entry: text.nullable() }),
    plan: z
      .array(
        z.object({
          target: text,
          provider: text,
          model: text,
          upstream_model: text,
          as: z.enum(['first', 'fallback', 'context_window_fallback', 'content_policy_fallback']),
          priority: count,
          weight: count,
          ready: z.boolean(),
          why_not: orNull.describe(
            'no_credential, held_open, open, probing, unhealthy, resting, credentials_resting or at_limit.',
          ),
          ready_in_ms: count.nullable(),
          breaker: text,
          probe: z
            .object({ up: z.boolean(), what: text })
            .nullable()
            .describe(
              'What health probes of its provider found last: a status, or what kept one from coming. null: none.',
            ),
          in_flight: count,
          latency_ms: count,
          dropped_params: z.array(text),
          refusal: orNull.describe('Why it cannot carry the request.'),
          input_tokens: count,
          price_version: orNull,
          cost_usd: orNull,
        }),
      )
      .describe(
        'The targets in the order in which they would be tried; those that are passed over after the others of their model.',
      ),
    estimate: z
      .object({
        input_tokens: count,
        output_tokens: count,
        held_output_tokens: count.nullable().describe('The most that budgets afford; null: none bounds the output.'),
        cost_usd: orNull,
        most_cost_usd: orNull,
      })
      .nullable()
      .describe('Before the request is sent; what it really costs is known after.'),
  })
  .meta({ id: 'Explanation' });

export function explainRoute(app: AdminApp, deps: Explaining): void {
  route(app, 'explainRequest', {
    schema: { body: question, response: { 200: answer } },
    handler: async (request, reply) => {
      const { key, endpoint, headers, ip, request: body, ask_guards: asksGuards } = request.body;
      const { teams } = request.principal;
      const caller = await callerOf(key, deps, teams);
      if (caller === undefined) return sendRefusal(reply, refuse('not_found', `There is no key with the id ${key}.`));
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const explained = await deps.explain({
        caller,
        format: formatsByName.get(endpoint)!,
        headers: readCallHeaders(lower, 'explain', undefined, ip ?? ''),
        ip: ip ?? null,
        body: Buffer.from(JSON.stringify(body)),
        asksGuards,
      });
      return teams === null ? explained : { ...explained, limits: explained.limits.filter(isOfCaller) };
    },
  });
}

/** Not of a model or a target, which are for all teams. */
const isOfCaller = ({ scope }: { scope: Readonly<Record<string, string>> }): boolean =>
  !('model' in scope) && !('target' in scope);

/** Undefined: there is no key with this id. A secret that leads nowhere is answered as a request with it would be. */
async function callerOf(
  key: string,
  { authenticator, keys, clock }: Explaining,
  teams: Teams,
): Promise<Result<Caller> | undefined> {
  if (!/^key_[0-9a-z]+$/.test(key)) {
    const found = await authenticator.authenticate(key);
    // The secret of a key of another team leads nowhere.
    return found.ok && !within(teams, found.value.key.team) ? authenticator.authenticate(newSecret().secret) : found;
  }
  const read = readsWithin(keys.read, teams);
  const found = await read.key(key);
  if (!found) return undefined;
  const caller = { key: found, team: found.team === null ? null : await read.team(found.team) };
  const refusal = standing(caller, clock.now());
  return refusal ? refused(refusal) : ok(caller);
}
