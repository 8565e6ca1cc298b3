/** What the admin API only shows: usage, the audit log, the running configuration, models and providers. */
import { z } from 'zod';
import type { Entry } from '../../ledger/entry.js';
import type { AdminApp } from './admin-api.js';
import { auditAnswer, listOf, showAudit, showPage } from './answers.js';
import { problem } from './errors.js';
import type { Writing } from './once.js';
import { auditQuery, pageOf } from './schemas.js';
import { entryAnswer, showEntry, usageQuery } from './usage.js';

/** Which entries are asked for; times in milliseconds since the Unix epoch, `from` included, `to` not. */
export interface UsageFilter {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly request_id?: string | undefined;
  readonly key?: string | undefined;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly status?: number | undefined;
  readonly tag?: string | undefined;
}

export interface Reading {
  readonly ledger: {
    /** Resolves when every entry appended so far is in the database. */
    flush(): Promise<void>;
    /** Newest first. */
    entries(
      filter: UsageFilter,
      page: { readonly limit: number; readonly cursor: string | null },
    ): Promise<{ readonly data: readonly Entry[]; readonly next_cursor: string | null }>;
  };
  /** The running configuration, as plain data with secrets hidden. */
  readonly describeConfig: () => unknown;
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
    async ({ query }) => {
      await deps.ledger.flush(); // what was answered before this question is in its answer
      const { limit, cursor, ...filter } = query;
      const found = await deps.ledger.entries(filter, { limit: limit ?? 50, cursor: cursor ?? null });
      return { data: found.data.map(showEntry), next_cursor: found.next_cursor };
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

  app.get(
    '/config',
    {
      config,
      schema: {
        tags: ['config'],
        summary: 'The running configuration, secrets hidden.',
        response: { 200: z.unknown(), ...problems },
      },
    },
    () => deps.describeConfig(),
  );

  for (const [what, summary] of [
    ['models', 'The models that clients can ask for.'],
    ['providers', 'The upstream accounts.'],
  ] as const) {
    app.get(
      `/${what}`,
      { config, schema: { tags: [what], summary, response: { 200: listOf(plain), ...problems } } },
      () => ({ data: [...deps[what]()] as Record<string, unknown>[], next_cursor: null }),
    );
  }
}
