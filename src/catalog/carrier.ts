/**
 * How requests of each format reach a target: found once, when the snapshot is made. A format without a carrier is refused in
 * words that name both sides.
 */
import type { FormatId } from '../formats/format-id.js';
import { apiFormat, apiFormats, type UpstreamFormat, upstreamFormats } from '../formats/registry.js';
import type { ModelRequest } from '../formats/request.js';
import type { AttemptTerms, TargetFacts, Translation } from '../formats/translation.js';
import { type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Path, ProviderType } from '../provider/provider-type.js';
import { translatorFor } from '../translate/registry.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Model, Target } from './model.js';

export interface Carrier extends UpstreamFormat {
  /** The format that the target is spoken to in. */
  readonly speaks: FormatId;
  /** Where requests go: those for a whole answer, and those for a stream. */
  readonly to: Readonly<Record<'whole' | 'stream', UpstreamCall['to']>>;
  /** Where the target counts the tokens of such requests itself; null: nowhere. */
  readonly countsAt: UpstreamCall['to'] | null;
  /** Headers of the caller that go on to the target, in lower case. */
  readonly passes: readonly string[];
  translate(request: ModelRequest, terms: AttemptTerms): Result<Translation> | Promise<Result<Translation>>;
}

export type Carriers = Readonly<Partial<Record<FormatId, Carrier>>>;

export function carriersOf(
  { speaks, counts, passHeaders }: ProviderType,
  toPath: (path: string) => UpstreamCall['to'],
  facts: TargetFacts,
  configuredHeaders: readonly string[] | null,
): Carriers {
  const spoken = new Set(Object.keys(speaks) as FormatId[]);
  const always = configuredHeaders ?? passHeaders?.always ?? [];
  const carriers: Partial<Record<FormatId, Carrier>> = {};
  for (const { id } of apiFormats) {
    const translator = translatorFor(id, spoken);
    if (!translator) continue;
    const path = speaks[translator.to]!;
    const counting = translator.to === id ? counts?.[id] : undefined;
    carriers[id] = {
      ...upstreamFormats[translator.to],
      ...(translator.boundsMaximum && { namesMaximum: true }),
      speaks: translator.to,
      to: { whole: toPath(pathOf(path, facts, false)), stream: toPath(pathOf(path, facts, true)) },
      countsAt: counting === undefined ? null : toPath(pathOf(counting, facts, false)),
      passes: translator.to === id ? [...always, ...(passHeaders?.native ?? [])] : always,
      translate: (request, terms) => translator.translate(request, facts, terms),
    };
  }
  return carriers;
}

const pathOf = (path: Path, { model }: TargetFacts, stream: boolean): string =>
  typeof path === 'string' ? path : path({ model: encodeURIComponent(model), stream });

/** The request as the target's format has it, or why it cannot be carried there. */
export function carry(
  request: ModelRequest,
  model: Model,
  target: Target,
  terms: AttemptTerms,
): ReturnType<Carrier['translate']> {
  const carrier = target.carriers[request.format];
  return carrier ? carrier.translate(request, terms) : refused(cannotServe(request.format, model, target));
}

function cannotServe(format: FormatId, { name }: Model, { id, carriers }: Target): Refusal {
  const names = (Object.keys(carriers) as FormatId[]).map((one) => apiFormat(one).name);
  const served = names.join(', ').replace(/, (?=[^,]{1,100}$)/, ' and ');
  const words = `The model '${name}' cannot serve ${apiFormat(format).name}: its target ${id} has ${served} only. Ask for another model.`;
  return refuse('unsupported_endpoint', words, { param: 'model' });
}
