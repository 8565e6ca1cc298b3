/** What the admin API only shows: usage, the audit log, models and providers. */
import type { z } from 'zod';
import { readsWithin } from '../../identity/reads-within.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { AdminApp } from './admin-api.js';
import { auditAnswer, listOf, showAudit, showPage } from './answers.js';
import { sendRefusal } from './errors.js';
import type { Writing } from './once.js';
import { route } from './route.js';
import { auditQuery, pageOf } from './schemas.js';
import { modelState, providerState } from './state-schemas.js';
import { entryAnswer, showEntry, usageQuery } from './usage.js';

export interface Reading {
  readonly ledger: Pick<Ledger, 'query' | 'flush'>;
  /** Models and providers as plain data. */
  readonly models: () => readonly object[];
  readonly providers: () => readonly object[];
}

export function readRoutes(app: AdminApp, deps: Reading & Writing): void {
  route(app, 'listUsage', {
    schema: { querystring: usageQuery, response: { 200: listOf(entryAnswer) } },
    handler: async ({ query: { limit = 50, cursor = null, ...filter }, principal: { teams } }, reply) => {
      const found = await deps.ledger.query({ ...filter, ...(teams && { teams: [...teams] }) }, { limit, cursor });
      if (!found.ok) return sendRefusal(reply, found.refusal);
      return { data: found.value.entries.map(showEntry), next_cursor: found.value.next_cursor };
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

  route(app, 'listModelStates', {
    schema: { response: { 200: listOf(modelState) } },
    handler: () => ({ data: [...deps.models()] as z.output<typeof modelState>[], next_cursor: null }),
  });
  route(app, 'listProviders', {
    schema: { response: { 200: listOf(providerState) } },
    handler: () => ({ data: [...deps.providers()] as z.output<typeof providerState>[], next_cursor: null }),
  });
}
