/** What the admin API only shows: usage, the audit log, models and providers. */
import { z } from 'zod';
import { readsWithin } from '../../identity/reads-within.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Adding } from './added-routes.js';
import type { AdminApp } from './admin-api.js';
import { auditAnswer, listOf, showAudit, showPage } from './answers.js';
import { sendRefusal } from './errors.js';
import type { Writing } from './once.js';
import { route } from './route.js';
import { auditQuery, pageOf } from './schemas.js';
import { modelState, providerState } from './state-schemas.js';
import { type KeysNamed, ledgerFilter, listedEntry, showEntry, usageQuery } from './usage.js';

export interface Reading {
  readonly ledger: Pick<Ledger, 'query' | 'flush'>;
  readonly keysNamed: KeysNamed;
  readonly keyNames: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Models and providers as plain data. */
  readonly models: () => readonly { readonly id: string }[];
  readonly providers: () => readonly { readonly id: string }[];
}

/** A list of what is in force, with what is not. */
const withLeftOut = <T extends ReturnType<typeof listOf>>(list: T) =>
  list
    .extend({
      left_out: z
        .array(z.object({ id: z.string().describe('The name.'), problem: z.string().describe('Why.') }))
        .describe('What the API made and is not in force.'),
    })
    .meta({ id: list.meta()!.id as string });

export function readRoutes(app: AdminApp, deps: Reading & Writing & Pick<Adding, 'added'>): void {
  route(app, 'listUsage', {
    schema: { querystring: usageQuery, response: { 200: listOf(listedEntry) } },
    handler: async ({ query: { limit = 50, cursor = null, ...asked }, principal: { teams } }, reply) => {
      const filter = await ledgerFilter(asked, teams, deps.keysNamed);
      if (!filter.ok) return sendRefusal(reply, filter.refusal);
      const found = await deps.ledger.query(filter.value, { limit, cursor });
      if (!found.ok) return sendRefusal(reply, found.refusal);
      const { entries, next_cursor } = found.value;
      const names = await deps.keyNames([...new Set(entries.map(({ key }) => key))]);
      return {
        data: entries.map((entry) => ({ ...showEntry(entry, teams !== null), key_name: names.get(entry.key) ?? null })),
        next_cursor,
      };
    },
  });

  route(app, 'listAudit', {
    schema: { querystring: auditQuery, response: { 200: listOf(auditAnswer) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const lines = await readsWithin(deps.keys.read, principal.teams).audit(query, { limit: limit + 1, after });
      return showPage(lines, limit, (line) => showAudit(line, principal));
    },
  });

  const told = <T extends z.ZodType>(kind: 'model' | 'provider', states: readonly { readonly id: string }[]) =>
    states.map((state) => ({ ...state, source: deps.added.isAdded(kind, state.id) ? 'api' : 'file' })) as z.output<T>[];
  const leftOut = (kind: 'model' | 'provider') =>
    deps.added.leftOut(kind).map(({ name: id, problem }) => ({ id, problem }));
  route(app, 'listModelStates', {
    schema: { response: { 200: withLeftOut(listOf(modelState)) } },
    handler: () => ({
      data: told<typeof modelState>('model', deps.models()),
      next_cursor: null,
      left_out: leftOut('model'),
    }),
  });
  route(app, 'listProviders', {
    schema: { response: { 200: withLeftOut(listOf(providerState)) } },
    handler: () => ({
      data: told<typeof providerState>('provider', deps.providers()),
      next_cursor: null,
      left_out: leftOut('provider'),
    }),
  });
}
