/**
 * How requests of each format reach a target: found once, when the snapshot is made. A format without a carrier is refused in
 * words that name both sides.
 */
import type { FormatId } from '../formats/format-id.js';
import { apiFormat, apiFormats, type UpstreamFormat, upstreamFormats } from '../formats/registry.js';
import type { ModelRequest } from '../formats/request.js';
import type { TargetContext, Translation } from '../formats/translation.js';
import { type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { ProviderType } from '../provider/provider-type.js';
import { translatorFor } from '../translate/registry.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Model, Target } from './model.js';

export interface Carrier extends UpstreamFormat {
  /** The format that the target is spoken to in. */
  readonly speaks: FormatId;
  readonly to: UpstreamCall['to'];
  /** `maxOutput`: the maximum of each choice to send instead of the caller's own; null: the caller's own. */
  translate(request: ModelRequest, maxOutput: number | null, nowMs: number): Result<Translation>;
}

export type Carriers = Readonly<Partial<Record<FormatId, Carrier>>>;

/** `context`: what of the target does not change from request to request. */
export function carriersOf(
  { speaks }: ProviderType,
  toPath: (path: string) => UpstreamCall['to'],
  context: Omit<TargetContext, 'maxOutput' | 'nowMs'>,
): Carriers {
  const spoken = new Set(Object.keys(speaks) as FormatId[]);
  const carriers: Partial<Record<FormatId, Carrier>> = {};
  for (const { id } of apiFormats) {
    const translator = translatorFor(id, spoken);
    if (!translator) continue;
    carriers[id] = {
      ...upstreamFormats[translator.to],
      speaks: translator.to,
      to: toPath(speaks[translator.to]!),
      translate: (request, maxOutput, nowMs) => translator.translate(request, { ...context, maxOutput, nowMs }),
    };
  }
  return carriers;
}

/** The request as the target's format has it, or why it cannot be carried there. */
export function carry(
  request: ModelRequest,
  model: Model,
  target: Target,
  maxOutput: number | null,
  nowMs: number,
): Result<Translation> {
  const carrier = target.carriers[request.format];
  return carrier ? carrier.translate(request, maxOutput, nowMs) : refused(cannotServe(request.format, model, target));
}

function cannotServe(format: FormatId, { name }: Model, { id, carriers }: Target): Refusal {
  const served = (Object.keys(carriers) as FormatId[]).map((one) => apiFormat(one).name).join(' and ');
  const words = `The model '${name}' cannot serve ${apiFormat(format).name}: its target ${id} has ${served} only. Ask for another model.`;
  return refuse('unsupported_endpoint', words, { param: 'model' });
}
