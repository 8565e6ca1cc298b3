/** `/admin/v1/reports/spend`, `/pricing`, and what is done to the whole ledger: checked against its sums, and billed anew. */

import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Keys } from '../../identity/keys.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Verified } from '../../ledger/verify-pg.js';
import type { Clock } from '../../lib/clock.js';
import { ok } from '../../lib/errors.js';
import { after } from '../../lib/within.js';
import type { Catalogue } from '../../operations/catalogue.js';
import type { EnteredOpenings, Opening } from '../../operations/openings.js';
import type { Prices } from '../../operations/prices.js';
import type { Repriced, RepriceRequest } from '../../operations/reprice.js';
import { exact } from '../../reports/figures.js';
import type { Reports } from '../../reports/reports.js';
import { filterNames, formats, groupings, type ReportRequest, readRequest } from '../../reports/request.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';
import { instant, sha256, text } from './schemas.js';
import { pricing } from './state-schemas.js';

export interface Reporting {
  readonly ledger: Pick<Ledger, 'query' | 'flush'>;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly reports: Reports;
  /** Prices in force, overrides, and from which date. */
  readonly prices: () => Prices;
  /** List prices: another catalogue for all gateways, or the one of this version again. */
  readonly catalogue: Pick<Catalogue, 'update' | 'reset'>;
  readonly verify: (repair: boolean) => Promise<Verified>;
  readonly reprice: (request: RepriceRequest) => Promise<Repriced>;
  readonly enterOpenings: (source: string, openings: readonly Opening[], actor: string) => Promise<EnteredOpenings>;
}

const oneOrMore = z
  .union([text(500), z.array(text(500)).max(100)])
  .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value));

const when = z.string().max(40).describe('A date (which begins at midnight of `timezone`), or a time with a zone.');

const spendQuery = z.strictObject({
  from: when.optional(),
  to: when.optional(),
  group_by: z
    .string()
    .max(400)
    .optional()
    .describe(`Comma-separated, of ${groupings.join(', ')}.`),
  timezone: z.string().max(64).optional(),
  format: z.enum(formats).optional(),
  top: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'a number from 1 to 9999')
    .transform(Number)
    .optional()
    .describe('Only so many rows, the dearest first.'),
  ...(Object.fromEntries(filterNames.map((name) => [name, oneOrMore.optional()])) as Record<
    (typeof filterNames)[number],
    z.ZodOptional<typeof oneOrMore>
  >),
});

/** Of the teams that are asked for, those that somebody has to do with. */
const ownTeams = (teams: ReadonlySet<string>, asked: readonly string[] | undefined): readonly string[] =>
  [...teams].filter((team) => asked === undefined || asked.includes(team));

const MOST_OPENING_USD = 9_000_000;

const openings = z
  .strictObject({
    source: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a word in lower-case letters, such as litellm')
      .describe(
        'Where they come from. For a source the sum of a key is entered once, and so is what a team spent beside its keys.',
      ),
    data: z
      .array(
        z
          .strictObject({
            sha256: sha256.optional(),
            team: text(100).optional().describe('The name of a team.'),
            usd: z
              .string()
              .regex(/^\d{1,7}(\.\d{1,9})?$/, 'US dollars as a decimal string, such as "12.50"')
              .refine((usd) => Number(usd) <= MOST_OPENING_USD, `at most ${MOST_OPENING_USD} dollars`)
              .describe('US dollars as a decimal string.'),
          })
          .refine(
            ({ sha256, team }) => (sha256 ?? team) !== undefined,
            'names a key by its `sha256`, a `team`, or both',
          ),
      )
      .max(1_000, 'at most 1000 at once')
      .describe('What keys and teams spent. The pieces of one key, with its team and without, come in one call.'),
  })
  .meta({ id: 'Openings' });
const enteredOpenings = z
  .object({
    entered: z.number().describe('Sums that are new.'),
    already_there: z.number().describe('Sums that were entered before.'),
  })
  .meta({ id: 'EnteredOpenings' });

const RECORDED_MS = 2_000;

/** What was answered before the question is in the report, unless the database takes its entries too slowly. */
async function recorded(ledger: Pick<Ledger, 'flush'>): Promise<void> {
  await Promise.race([ledger.flush(), after(RECORDED_MS)]);
}

const whole = z.union([z.number(), z.string()]).describe('A number; beyond 2^53 its digits as a text.');
const figures = {
  requests: whole,
  attempts: whole,
  errors: whole,
  cache_hits: whole,
  tokens: z.record(z.string(), whole),
  cost_nusd: whole,
  cost_usd: z.string(),
  billed_nusd: whole,
  billed_usd: z.string(),
};
const reportAnswer = z
  .object({
    from: z.string(),
    to: z.string(),
    timezone: z.string(),
    group_by: z.array(z.string()),
    data: z
      .array(z.looseObject(figures))
      .describe('What the row is of, under the names of `group_by`, and its figures.'),
    total: z.object(figures).meta({ id: 'Figures' }),
  })
  .meta({ id: 'SpendReport' });

const verifiedAnswer = z
  .object({
    from: z.string().nullable(),
    to: z.string().nullable(),
    entries: z.number(),
    cost_nusd: z.string(),
    differences: z.array(z.object({ month: z.string(), table: z.string(), rows: z.number(), cost_nusd: z.string() })),
    repaired: z.boolean(),
  })
  .meta({ id: 'Verified' });

const repricedAnswer = z
  .object({
    from: z.string(),
    to: z.string(),
    dry_run: z.boolean(),
    entries: z.number(),
    corrected: z.number(),
    unpriced: z.number(),
    cost_before_nusd: whole,
    cost_after_nusd: whole,
    difference_nusd: whole,
    by_model: z.array(
      z.object({ model: z.string(), target: z.string(), corrected: z.number(), difference_nusd: whole }),
    ),
  })
  .meta({ id: 'Repriced' });

const verification = z.strictObject({ repair: z.boolean().optional() }).meta({ id: 'Verification' }).nullish();
const repricing = z
  .strictObject({
    from: instant,
    to: instant.optional(),
    model: text(400).optional(),
    provider: text(400).optional(),
    dry_run: z.boolean().optional(),
  })
  .meta({ id: 'Repricing' });

/** Several times what the whole catalogue has today. */
const LARGEST_CATALOGUE_BYTES = 32 * 1024 * 1024;

const newCatalogue = z
  .strictObject({
    catalogue: z
      .string()
      .min(2)
      .describe('The file: data.json of @pydantic/genai-prices, or an object with `date` and `providers`.'),
    date: z.iso.date().optional().describe('From when its prices are, where the file does not tell.'),
    force: z.boolean().optional().describe('Also where it is not newer, or where models lose their price.'),
  })
  .meta({ id: 'NewCatalogue' });

const catalogueAnswer = z
  .object({
    catalogue: z.string().describe('Its version, as entries name it.'),
    date: z.string(),
    sha256: z.string().nullable(),
  })
  .meta({ id: 'CatalogueState' });

const takenCatalogue = catalogueAnswer.extend({ models: z.number() }).meta({ id: 'TakenCatalogue' });

export function reportsRoutes(app: AdminApp, deps: Reporting): void {
  const told = (actor: string, action: string, detail: Readonly<Record<string, unknown>>) =>
    deps.keys.write(actor, async ({ tx }) => {
      await tx.audit({ at: deps.clock.now(), actor, action, subject: 'ledger', detail });
      return ok(null);
    });

  route(app, 'getSpendReport', {
    schema: { querystring: spendQuery, response: { 200: reportAnswer } },
    handler: async ({ query, principal: { teams } }, reply) => {
      const { from, to, group_by, timezone, format, top, ...given } = query;
      const asked = teams === null ? given : { ...given, team: ownTeams(teams, given.team) };
      const filters = Object.fromEntries(
        Object.entries(asked).filter(([, values]) => values !== undefined),
      ) as ReportRequest['filters'];
      const request = readRequest({ from, to, group_by, timezone, format, top, filters }, deps.clock.now());
      if (!request.ok) return sendRefusal(reply, request.refusal);
      await recorded(deps.ledger);
      const report = await deps.reports.run(request.value);
      if (!report.ok) return sendRefusal(reply, report.refusal);
      const { mediaType, fileName, bytes } = report.value;
      reply.header('content-type', mediaType);
      if (request.value.format !== 'json') reply.header('content-disposition', `attachment; filename="${fileName}"`);
      // A stream is sent as it is: no schema looks at it.
      return reply.send(Readable.from(bytes, { objectMode: false }) as never);
    },
  });

  route(app, 'enterOpenings', {
    schema: { body: openings, response: { 200: enteredOpenings } },
    handler: ({ body, adminActor }) => deps.enterOpenings(body.source, body.data, adminActor),
  });

  route(app, 'getPricing', { schema: { response: { 200: pricing } }, handler: () => deps.prices() });

  route(app, 'updateCatalogue', {
    bodyLimit: LARGEST_CATALOGUE_BYTES,
    schema: { body: newCatalogue, response: { 200: takenCatalogue } },
    handler: async ({ body, adminActor }, reply) => {
      const { catalogue, date, force = false } = body;
      const taken = await deps.catalogue.update({ file: catalogue, date, force, actor: adminActor });
      if (!taken.ok) return sendRefusal(reply, taken.refusal);
      const { version, models, ...of } = taken.value;
      return { catalogue: version, ...of, models };
    },
  });

  route(app, 'resetCatalogue', {
    schema: { response: { 200: catalogueAnswer } },
    handler: async ({ adminActor }) => {
      const { version, ...of } = await deps.catalogue.reset(adminActor);
      return { catalogue: version, ...of };
    },
  });

  route(app, 'verifyLedger', {
    schema: { body: verification, response: { 200: verifiedAnswer } },
    handler: async (request) => {
      const verified = await deps.verify(request.body?.repair ?? false);
      if (verified.repaired) await told(request.adminActor, 'ledger.repair', { rows: verified.differences.length });
      return { ...verified, differences: [...verified.differences] };
    },
  });

  route(app, 'repriceLedger', {
    schema: { body: repricing, response: { 200: repricedAnswer } },
    handler: async ({ body, adminActor }) => {
      const { from, to = deps.clock.now(), model, provider, dry_run = false } = body;
      const done = await deps.reprice({ fromMs: from, toMs: to, model, provider, dryRun: dry_run });
      if (done.corrected > 0 && !dry_run) {
        await told(adminActor, 'ledger.reprice', { from: new Date(from).toISOString(), corrected: done.corrected });
      }
      return {
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        dry_run,
        entries: done.entries,
        corrected: done.corrected,
        unpriced: done.unpriced,
        cost_before_nusd: exact(done.beforeNano),
        cost_after_nusd: exact(done.afterNano),
        difference_nusd: exact(done.afterNano - done.beforeNano),
        by_model: done.byModel.map(({ nano, ...rest }) => ({ ...rest, difference_nusd: exact(nano) })),
      };
    },
  });
}
