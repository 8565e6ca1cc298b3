/**
 * Model routing as the configuration writes it and as the router uses it: rules that are asked in order, each with what a
 * request must be and the model that then serves it. Contract section 2.
 */
import { z } from 'zod';
import { isTimezone } from './time-zone.js';

export const features = [
  'tools',
  'image',
  'audio',
  'file',
  'json',
  'json_schema',
  'reasoning',
  'stream',
  'system',
] as const;
export type Feature = (typeof features)[number];

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Day = (typeof days)[number];

const MOST_USD = 1_000_000;
const MOST_TOKENS = 1_000_000_000;

/** What is wrong with a part of a value has been told; what is said of the whole would only repeat it. */
const isClean = ({ issues }: { issues: readonly unknown[] }): boolean => issues.length === 0;

const MOST_KEYWORD = 200;

const text = z.string().min(1).max(10_000);
/** One or several of which one has to fit. */
const anyOf = z
  .union([text, z.array(text).min(1, 'an empty list fits nothing').max(1_000)])
  .transform((written): readonly string[] => (typeof written === 'string' ? [written] : written));
const keywords = z
  .union([text.max(MOST_KEYWORD), z.array(text.max(MOST_KEYWORD)).min(1, 'an empty list fits nothing').max(1_000)])
  .transform((written): readonly string[] => (typeof written === 'string' ? [written] : written));
const patterns = anyOf.describe('One or several, of which one has to fit. `*` stands for anything.');

const count = z.number().int().min(0).max(MOST_TOKENS);
const range = z
  .strictObject({ gt: count.optional(), gte: count.optional(), lt: count.optional(), lte: count.optional() })
  .refine((bounds) => Object.values(bounds).some((bound) => bound !== undefined), {
    message: 'needs gt, gte, lt or lte',
    when: isClean,
  });

const CLOCK = 'expected a time of day, such as "08:30"';
/** Minutes since midnight. */
const timeOfDay = z
  .string(CLOCK)
  .regex(/^([01]?\d|2[0-3]):[0-5]\d$|^24:00$/, CLOCK)
  .transform((written) => {
    const [hours, minutes] = written.split(':');
    return Number(hours) * 60 + Number(minutes);
  });

const time = z
  .strictObject({
    from: timeOfDay.default(0).describe('When it begins, such as "22:00". Default: at midnight.'),
    to: timeOfDay.default(1440).describe('When it ends; before `from`: on the next day. Default: at midnight.'),
    days: z.array(z.enum(days)).min(1).optional().describe('The days on which it begins. Default: all.'),
    timezone: z.string().refine(isTimezone, 'not an IANA time zone, such as Europe/Berlin').default('UTC'),
  })
  .refine(({ from, to }) => from !== to, 'begins when it ends');

const SHARE = 'expected a share, such as 0.1 or "10%"';
const share = z
  .union([z.number().min(0).max(1), z.string().regex(/^\d{1,3}(\.\d+)?%$/, SHARE)])
  .transform((written) => (typeof written === 'number' ? written : Number(written.slice(0, -1)) / 100))
  .refine((value) => value <= 1, SHARE);

const metadataValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const when = z
  .strictObject({
    input_tokens: range.optional().describe('The counted input: gt, gte, lt, lte.'),
    has: z
      .array(z.enum(features))
      .min(1)
      .optional()
      .describe('What the request asks for or brings; all of them have to be there.'),
    keywords: keywords.optional().describe("Words or phrases, of which one is in the user's last message."),
    metadata: z
      .record(
        text,
        z.union([metadataValue, z.array(metadataValue).min(1)]).transform((v) => (typeof v === 'string' ? [v] : v)),
      )
      .refine((fields) => Object.keys(fields).length > 0, 'names no field')
      .optional()
      .describe('Metadata of the request, else of the key, by name: a value, or several of which one has to fit.'),
    tags: patterns.optional(),
    key: patterns.optional().describe('Ids or names of keys, with `*`.'),
    team: patterns.optional(),
    user: patterns.optional().describe('End users: `x-tollgate-user`, or `user` of the request.'),
    time: time.optional().describe('A time of day.'),
    share: share.optional().describe('A share of the requests that come this far, the same users each time.'),
    like: anyOf.optional().describe("Examples of what the user's last message means."),
    similarity: z.number().gt(0).max(1).optional().describe('How near to an example is near enough. Default 0.6.'),
    max_cost_usd: z
      .number()
      .positive()
      .max(MOST_USD)
      .transform((dollars) => Math.round(dollars * 1e9))
      .optional()
      .describe('The estimated cost with the model of this rule is at most so much.'),
  })
  .refine((conditions) => Object.values(conditions).some((one) => one !== undefined), {
    message: 'is empty; leave `when` out',
    when: isClean,
  })
  .refine(({ like, similarity }) => like !== undefined || similarity === undefined, {
    path: ['similarity'],
    message: 'has no meaning without `like`',
  });

const weights = z
  .record(z.string(), z.number().min(0).max(1_000_000))
  .refine((shares) => Object.values(shares).some((weight) => weight > 0), 'no model has a weight');

const use = z
  .union([z.string(), weights])
  .transform((written): readonly WeightedUse[] =>
    typeof written === 'string'
      ? [{ model: written, weight: 1 }]
      : Object.entries(written).map(([model, weight]) => ({ model, weight })),
  );

export const routeSpec = z
  .array(
    z.strictObject({
      when: when.optional().describe('What the request has to be: all of it. Left out: any request.'),
      use: use.describe('The model that serves it, or several with weights: {a: 9, b: 1}.'),
    }),
  )
  .min(1, 'a route needs a rule');

export interface WeightedUse {
  /** A public name of a model. */
  readonly model: string;
  readonly weight: number;
}

/** All that is there has to hold. Money is nano-dollars, times of day are minutes since midnight. */
export type When = z.output<typeof when>;

export interface RouteRule {
  readonly when?: When | undefined;
  readonly use: readonly WeightedUse[];
}
