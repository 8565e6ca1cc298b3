/**
 * A file of list prices that an operator brings: the data of `@pydantic/genai-prices` (its `data.json`), or the same under
 * `providers` beside a `date`. Everything in it is bounded here, since every request is priced by it: amounts, sizes, and patterns,
 * which run over names that callers send and therefore have to be linear.
 */
import { createHash } from 'node:crypto';
import type { ModelInfo, Provider } from '@pydantic/genai-prices';
import { z } from 'zod';
import { ok, type Result, refuse, refused } from '../lib/errors.js';

export interface CatalogueFile {
  readonly providers: Provider[];
  /** From when its prices are, `2026-11-30`. */
  readonly date: string;
  /** Of the file's bytes. */
  readonly sha256: string;
  readonly models: number;
}

const LONGEST_PATTERN = 500;
const MOST_RUNS = 3;

/** Whether a pattern takes time in proportion to the text: no repeated group, no reference back, few runs without an end. */
export function isLinear(pattern: string): boolean {
  if (pattern.length > LONGEST_PATTERN || /\\[1-9]|\\k/.test(pattern)) return false;
  try {
    new RegExp(pattern);
  } catch {
    return false;
  }
  const plain = pattern.replace(/\\./g, 'x').replace(/\[[^\]]*(?:\]|$)/g, 'x');
  if (/\)(?:[*+]|\{)/.test(plain)) return false;
  return (plain.match(/[*+]|\{\d+,\}/g) ?? []).length <= MOST_RUNS;
}

const name = z.string().min(1).max(200);
const text = z.string().max(LONGEST_PATTERN);
const pattern = text.refine(isLinear, 'a pattern that does not compile, or that may take long');

type Match = ModelInfo['match'];
const match: z.ZodType<Match> = z.lazy(() =>
  z.union([
    z.strictObject({ equals: text }),
    z.strictObject({ starts_with: text }),
    z.strictObject({ ends_with: text }),
    z.strictObject({ contains: text }),
    z.strictObject({ regex: pattern }),
    z.strictObject({ or: z.array(match).min(1).max(200) }),
    z.strictObject({ and: z.array(match).min(1).max(200) }),
  ]),
);

/** US dollars per million tokens, per thousand uses, per hour: nothing that is sold costs more. */
const amount = z.number().min(0).max(1_000_000);
const prices = z.record(
  z.string().max(60),
  z.union([
    amount,
    z.looseObject({
      base: amount,
      tiers: z
        .array(z.looseObject({ start: z.number().int().min(0).max(1_000_000_000), price: amount }))
        .min(1)
        .max(20),
    }),
  ]),
);
const model = z.looseObject({
  id: name,
  match,
  prices: z.union([
    z
      .array(z.looseObject({ prices, constraint: z.looseObject({}).optional() }))
      .min(1)
      .max(100),
    prices,
  ]),
});
const provider = z.looseObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/),
  name,
  api_pattern: pattern,
  provider_match: match.optional(),
  model_match: match.optional(),
  fallback_model_providers: z.array(name).max(50).optional(),
  models: z.array(model).max(20_000),
});
const providers = z.array(provider).min(1).max(500);
const date = z.iso.date();
const dated = z.looseObject({ date, providers });

/** Levels of what is read; deeper is refused before it is walked. */
const DEEPEST = 30;

/** `stated`: the date that whoever brings it says it is from. */
export function readCatalogue(file: string, stated?: string): Result<CatalogueFile> {
  let written: unknown;
  try {
    written = JSON.parse(file);
  } catch {
    return wrong('it is not JSON');
  }
  if (isDeep(written, DEEPEST)) return wrong('it is nested too deeply');
  const read = Array.isArray(written) ? providers.safeParse(written) : dated.safeParse(written);
  if (!read.success) return wrong(firstOf(read.error));
  const of = (Array.isArray(read.data) ? read.data : read.data.providers) as unknown as Provider[];
  const own = Array.isArray(read.data) ? undefined : read.data.date;
  const when = stated ?? own ?? newestCheck(written as readonly object[]);
  if (when === undefined) return wrong('nothing in it tells its date: state the date from which its prices are');
  if (!date.safeParse(when).success) return wrong(`${when} is no date, such as 2026-11-30`);
  const ids = of.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) return wrong(`it has the provider ${twice} twice`);
  const models = of.reduce((sum, one) => sum + one.models.length, 0);
  if (models === 0) return wrong('it has no models');
  return ok({ providers: of, date: when, sha256: createHash('sha256').update(file).digest('hex'), models });
}

/** The latest day on which a price of it was looked up, as the data notes it. */
function newestCheck(written: readonly object[]): string | undefined {
  let newest: string | undefined;
  for (const { models } of written as readonly { models: readonly { prices_checked?: unknown }[] }[]) {
    for (const { prices_checked: checked } of models) {
      if (typeof checked !== 'string' || !date.safeParse(checked).success) continue;
      if (newest === undefined || checked > newest) newest = checked;
    }
  }
  return newest;
}

function isDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => isDeep(inner, left - 1));
}

function firstOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  return issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : 'it has another shape';
}

const wrong = (why: string): Result<never> =>
  refused(
    refuse('invalid_value', `This is no catalogue of prices: ${why}. Nothing was changed.`, { param: 'catalogue' }),
  );
