/** What the admin API only shows: usage, the audit log, models and providers. */
import { z } from 'zod';
import type { Ledger } from '../../ledger/ledger.js';
import type { AdminApp } from './admin-api.js';
import { auditAnswer, listOf, showAudit, showPage } from './answers.js';
import { problem, sendRefusal } from './errors.js';
import type { Writing } from './once.js';
import { auditQuery, pageOf } from './schemas.js';
import { entryAnswer, showEntry, usageQuery } from './usage.js';

export interface Reading {
  readonly ledger: Pick<Ledger, 'query' | 'flush'>;
  /** Models and providers as plain data. */
  readonly models: () => readonly object[];
  readonly providers: () => readonly object[];
}

const config = { access: 'admin' } as const;
const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };
const plain = z.looseObject({});

export function readRoutes(app: AdminApp, deps: Reading & Writing): void {
  app.get(
    '/usage',
    {
      config,
      schema: {
        tags: ['usage'],
        summary: 'Entries of the spend ledger, newest first.',
        querystring: usageQuery,
        response: { 200: listOf(entryAnswer), ...problems },
      },
    },
    async ({ query: { limit = 50, cursor = null, ...filter } }, reply) => {
      const found = await deps.ledger.query(filter, { limit, cursor });
      if (!found.ok) return sendRefusal(reply, found.refusal);
      return { data: found.value.entries.map(showEntry), next_cursor: found.value.next_cursor };
    },
  );

  app.get(
    '/audit',
    {
      config,
      schema: {
        tags: ['audit'],
        summary: 'Every write of the admin API, newest first.',
        querystring: auditQuery,
        response: { 200: listOf(auditAnswer), ...problems },
      },
    },
    async ({ query }) => {
      const { limit, after } = pageOf(query);
      const lines = await deps.keys.read.audit(query, { limit: limit + 1, after });
      return showPage(lines, limit, showAudit);
    },
  );

  for (const [what, summary] of [
    ['models', 'The models that clients can ask for, and how their targets are: breaker, health, latency.'],
    ['providers', 'The upstream accounts, and how their targets and credentials are.'],
  ] as const) {
    app.get(
      `/${what}`,
      { config, schema: { tags: [what], summary, response: { 200: listOf(plain), ...problems } } },
      () => ({ data: [...deps[what]()] as Record<string, unknown>[], next_cursor: null }),
    );
  }
}
