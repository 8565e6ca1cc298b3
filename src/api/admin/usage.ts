/** Entries of the ledger in the words of contract section 7, and how they are asked for. */
import { z } from 'zod';
import type { Entry } from '../../ledger/entry.js';
import type { LedgerFilter } from '../../ledger/ledger-store.js';
import { entryJson } from '../../ledger/page.js';
import { shownDecision } from '../../ledger/shown-decision.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import { nanoOf } from '../../lib/money.js';
import type { TakenRoute } from '../../lib/taken-route.js';
import { instant, pagedBy, text } from './schemas.js';

const name = z.string();
const orNull = name.nullable();
const count = z.number();

const amount = z.union([name, count]);

const takenLimit = z
  .object({
    scope: z.record(z.string(), name),
    unit: name,
    per: orNull,
    model: orNull,
    max: amount,
    held: amount.describe('What was taken of it before the attempt was sent.'),
    remaining: amount.describe('What was left of it then.'),
    used: amount.describe('What the attempt came to. A request counts once, however many attempts it makes.'),
  })
  .meta({ id: 'TakenLimit', description: 'A limit that was taken for an attempt.' });

const takenRoute = z
  .object({
    way: orNull.describe(
      'How the target came to be tried: `only`, `first`, `next`, `credential`, `again`, `resent`, `fallback`, `context_window_fallback`, `content_policy_fallback`, `hedge`, `unhealthy` or `cache`.',
    ),
    after: orNull.describe('The failure that led to it; null: none did.'),
    model: name.describe('The model whose target it is.'),
    rules: z.array(count).describe('The rules of routes that held, each its place in its list, from 0.'),
    policy: orNull.describe('What put the candidates in order: the balance, or an affinity (`prompt`, `user`).'),
    candidates: z
      .array(
        z.object({
          target: name,
          priority: count.describe('1 is used first.'),
          state: name.describe('`ready`, or why it was skipped.'),
          ready_in_ms: count.optional().describe('After how many milliseconds it might be tried again.'),
          weight: count.optional().describe('Its share.'),
          in_flight: count.optional().describe('Attempts that ran there.'),
          latency_ms: count.optional().describe('How long its first byte took lately, or one has been waited for.'),
          cost_usd: name.optional().describe('What the request was expected to cost there.'),
          used_share: count.optional().describe('What of its limits was used; 1: all.'),
        }),
      )
      .describe(
        'In their order, with what they were ordered by: `weight`; `in_flight` by `weight`; `latency_ms` times one more than `in_flight`; `cost_usd`; or `used_share` by `weight`.',
      ),
    passed_over: z
      .array(z.object({ target: name, why: name.describe('Why.') }))
      .describe('Targets that nothing could be sent to: at a limit of their own, or unfit for the request.'),
    passed_over_more: count.optional().describe('How many more of these there were.'),
    more: count.describe('How many more candidates there were.'),
  })
  .meta({ id: 'TakenRoute', description: 'How the target of an attempt was chosen.' });

export const entryAnswer = z
  .object({
    id: name,
    at: name,
    request_id: name,
    attempt: count,
    key: name,
    team: orNull,
    user: orNull,
    tags: z.array(name),
    metadata: z.record(z.string(), z.unknown()),
    endpoint: name,
    model: name,
    served_model: orNull,
    provider: name,
    target: name,
    status: count,
    error: orNull,
    stream: z.boolean(),
    cache: name,
    tokens: z.object({
      input: count,
      cache_read: count,
      cache_write_5m: count,
      cache_write_1h: count,
      output: count,
      reasoning: count,
      audio_input: count,
      audio_output: count,
      image_input: count.optional(),
      image_output: count.optional(),
    }),
    usage_source: name,
    cost_nusd: z.object({
      input: count,
      cache_read: count,
      cache_write: count,
      output: count,
      request: count.optional(),
      total: count,
    }),
    cost_usd: name,
    saved_nusd: count.optional(),
    price_version: name,
    first_byte_ms: count.nullable(),
    duration_ms: count,
    overhead_ms: count,
    service_tier: name.optional(),
    provider_request_id: name.optional(),
    billed_nusd: count.optional(),
    estimate: z.enum(['intent', 'progress']).optional(),
    flags: z.array(name).optional(),
    corrects: name.optional(),
    correction: z.enum(['reversal', 'replacement']).optional(),
    routing: takenRoute.optional().describe('How its target was chosen.'),
    limits: z.array(takenLimit).optional().describe('The limits that were taken for it.'),
    limits_more: count.optional().describe('How many more limits were taken.'),
  })
  .meta({ id: 'Entry' });

export const listedEntry = entryAnswer
  .extend({ key_name: orNull.describe('The name of the key; null: there is none of this id.') })
  .meta({ id: 'ListedEntry' });

/**
 * The entry as `entryAnswer` has it, whose lists may be written to: what webhooks tell of it, and what was decided about it. To people
 * of teams neither the limits of models and targets, which are of all teams, nor how much these use are told.
 */
export function showEntry(entry: Entry, ofTeams: boolean) {
  const { flags, ...shown } = entryJson(entry);
  const lists = { tags: [...shown.tags], metadata: { ...shown.metadata }, ...(flags && { flags: [...flags] }) };
  const decision = shownDecision(entry);
  if (!decision) return { ...shown, ...lists };
  const { routing, taken } = decision;
  const told = { ...shown, ...lists, routing: ofTeams ? withoutLoad(routing) : routing };
  if (!taken) return told;
  const { limits, more } = taken;
  const own = ofTeams ? limits.filter(({ scope }) => !('model' in scope || 'target' in scope)) : limits;
  return { ...told, limits: own, ...(more > 0 && { limits_more: more }) };
}

const withoutLoad = (routing: TakenRoute): TakenRoute => ({
  ...routing,
  candidates: routing.candidates.map(({ in_flight: _running, used_share: _used, ...others }) => others),
});

const status = z
  .string()
  .regex(/^[1-5]\d\d$/, 'an HTTP status, such as 200')
  .transform(Number);

/** Dollars as they are written; nano-dollars here. */
const dollars = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,9})?$/, 'dollars as a decimal, such as 0.05, of at most nine places')
  .transform((written) => nanoOf(written) ?? 0);

export const usageQuery = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  request_id: text(400).optional(),
  key: text(400).optional(),
  key_name: text(400).optional().describe('What occurs in the name of the key, in capitals or not.'),
  team: text(400).optional(),
  user: text(400).optional(),
  model: text(400).optional(),
  provider: text(400).optional(),
  target: text(400).optional(),
  status: status.optional(),
  error: text(100).optional(),
  cache: z.enum(['hit', 'semantic', 'miss', 'off']).optional(),
  tag: text(400).optional(),
  min_cost_usd: dollars.optional().describe('Only what cost at least so many dollars.'),
  max_cost_usd: dollars.optional().describe('Only what cost at most so many dollars.'),
  ...pagedBy(text(1_000), 1_000),
});

/** Ids of keys by what occurs in their names, of these teams alone where they are told; at most so many. */
export type KeysNamed = (name: string, teams: readonly string[] | null, most: number) => Promise<readonly string[]>;

/** More keys than this are not looked through for one list. */
const MOST_KEYS = 500;

type Asked = Omit<z.output<typeof usageQuery>, 'limit' | 'cursor'>;

/** The filter of whoever asks: a name as the keys that have it now, and where teams are told what is of these alone. */
export async function ledgerFilter(
  { key_name, min_cost_usd, max_cost_usd, ...asked }: Asked,
  teams: ReadonlySet<string> | null,
  keysNamed: KeysNamed,
): Promise<Result<LedgerFilter>> {
  const of = teams && [...teams];
  const keys = key_name === undefined ? undefined : await keysNamed(key_name, of, MOST_KEYS + 1);
  if (keys && keys.length > MOST_KEYS) {
    const words = `More than ${MOST_KEYS} keys have this in their names. Give more of the name.`;
    return refused(refuse('invalid_value', words, { param: 'key_name' }));
  }
  return ok({ ...asked, least_nusd: min_cost_usd, most_nusd: max_cost_usd, keys, ...(of && { teams: of }) });
}
