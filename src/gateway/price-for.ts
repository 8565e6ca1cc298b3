/** The price of a request at a target, and how it is told that there is none. */
import type { Model, Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import { type Refusal, refuse } from '../lib/errors.js';
import { isPricedFor } from '../pricing/audio.js';
import type { Price } from '../pricing/price.js';

/** Undefined where it is not known, or not for the sound that the request has or asks for. */
export function priceFor(target: Target, { facts }: ModelRequest, nowMs: number): Price | undefined {
  const price = target.priceAt(nowMs);
  return !price?.unpriced || isPricedFor(price, facts.billable) ? price : undefined;
}

export function unpriced({ name }: Model, target: Target, nowMs: number): Refusal {
  const sound = target.priceAt(nowMs) !== undefined;
  return refuse(
    'no_target_available',
    `The model '${name}' is not served${sound ? ' with audio' : ''}, since its price ${sound ? 'of audio ' : ''}is not known. Set models.${name}.price or defaults.price.`,
    { headers: { 'x-should-retry': 'false' } },
  );
}
