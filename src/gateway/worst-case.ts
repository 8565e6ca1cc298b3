/**
 * What a request can come to before it is sent: the estimate that its limits are taken by, and the maximum of the answer
 * that is sent upstream so that it stays true. Pure functions of the request's facts.
 */
import type { Model, Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import type { Estimate } from '../limits/amount.js';
import { holdsOutput, type Limit } from '../limits/limit.js';
import { dearest, inputNanoMost, type Kinds } from '../pricing/dearest.js';
import type { Price } from '../pricing/price.js';
import { priceFor } from './price-for.js';
import type { Reach } from './stages.js';

/**
 * The maximum that is sent where a budget depends on the output, the request names no maximum, and nobody knows what the
 * model's own is. `max_output` of the configuration says otherwise.
 */
const UNKNOWN_MAX_OUTPUT = 4096;
/** No request is taken to produce more. */
const MOST_OUTPUT = 100_000_000;
/** Chat templates of models whose tokens are not known exactly add a few of their own. */
const TEMPLATE_TOKENS = 16;

/** Whether the output has to be bounded: a budget holds what it may come to. */
export const boundsOutput = (limits: readonly Limit[]): boolean => limits.some(holdsOutput);

/** `expected`: what such requests usually produce, given the most that this one can. */
export function worstCase(
  request: ModelRequest,
  reach: readonly Reach[],
  bounded: boolean,
  nowMs: number,
  expected: (most: number) => number,
): Estimate {
  const { choices, maxOutput } = request.facts;
  let perChoice = maxOutput === 0 ? 0 : 1;
  let inputMost = 0;
  let inputNano = 0;
  let outputPico = 0;
  for (const { model, target, input } of reach) {
    perChoice = Math.max(perChoice, outputMost(request, model, target, bounded));
    const most = input.most + (target.counting.exact ? 0 : TEMPLATE_TOKENS);
    inputMost = Math.max(inputMost, most);
    const price = priceFor(target, request, nowMs);
    if (!price) continue;
    const pico = dearest(price, most, kindsOf(request, target));
    inputNano = Math.max(inputNano, inputNanoMost(most, pico.input) + feesNanoMost(request, price));
    outputPico = Math.max(outputPico, pico.output);
  }
  const want = Math.min(MOST_OUTPUT, perChoice * choices);
  return {
    inputTokens: reach[0]!.input.expected,
    inputTokensMost: inputMost,
    inputNanoMost: inputNano,
    outputPicoMost: outputPico,
    output: { want, min: Math.min(want, choices), expected: expected(want) },
  };
}

/** Fees beside the tokens: for the request, and for each use of the dearest of the provider's tools. */
function feesNanoMost({ facts }: ModelRequest, { requestNano = 0, toolNano }: Price): number {
  if (!toolNano) return requestNano;
  return requestNano + facts.toolUsesMost() * Math.max(0, ...Object.values(toolNano));
}

/** The most that one choice can have at a target. */
function outputMost({ facts, format }: ModelRequest, model: Model, target: Target, bounded: boolean): number {
  const cap = model.maxOutput ?? Number.POSITIVE_INFINITY;
  const asked = facts.maxOutput;
  if (asked === null) return Math.min(cap, target.maxOutput ?? (bounded ? UNKNOWN_MAX_OUTPUT : MOST_OUTPUT));
  const own = target.carriers[format]?.namesMaximum ? target.maxOutput : null;
  return Math.min(cap, asked, own ?? MOST_OUTPUT);
}

/**
 * The maximum of each choice to send instead of the caller's own; null where that stays as it is. `granted`: the output
 * tokens that are held for all choices; infinite where the output is not bounded by a budget.
 */
export function outputCap({ facts }: ModelRequest, model: Model, target: Target, granted: number): number | null {
  if (facts.maxOutput === 0) return null;
  const held = Math.max(1, Math.floor(granted / facts.choices));
  const most = Math.min(model.maxOutput ?? Number.POSITIVE_INFINITY, held);
  const anyway = facts.maxOutput ?? target.maxOutput ?? Number.POSITIVE_INFINITY;
  return most < anyway ? most : null;
}

function kindsOf({ facts, format }: ModelRequest, target: Target): Kinds {
  const { audioInput, audioOutput, images, cacheWrite, serviceTier } = facts.billable;
  const writes = target.carriers[format]?.cacheWrites ?? 'at will';
  return {
    cacheWrites: writes === 'at will' || (writes === 'where asked' && cacheWrite),
    audioInput,
    audioOutput,
    images,
    anyService: serviceTier,
  };
}
