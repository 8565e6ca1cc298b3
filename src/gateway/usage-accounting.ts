/**
 * What an attempt used and cost. The provider's own usage is the truth, as far as the request can have used so much; what it
 * did not tell is counted: the input before it was sent, the output from what was received.
 */

import type { Target } from '../catalog/model.js';
import { ofAll } from '../formats/generated-text.js';
import { inputOf, noUsage, type Usage } from '../formats/usage.js';
import type { UsageSource } from '../ledger/entry.js';
import { type CostNano, markedUp } from '../lib/money.js';
import { cost, type Price } from '../pricing/price.js';
import { countPieces } from '../tokens/estimate.js';
import type { Carried } from './carried.js';
import { entered, type MostUsage } from './plausible-usage.js';
import { mayHaveCost, wasAnswered } from './sent.js';

export interface Bill {
  readonly tokens: Usage;
  readonly source: UsageSource;
  /** The service tier, where the provider told one that is not its standard. */
  readonly service: string | undefined;
  /** The provider reported more than the request can have used; it is entered at the most. */
  readonly implausible: boolean;
  readonly cost: CostNano;
}

/** Counts, where it has to, in turns of the event loop; what is counted here is no more than `most` either. */
export function bill(
  carried: Carried,
  target: Target,
  price: Price,
  countedInput: number,
  most: MostUsage,
): Bill | Promise<Bill> {
  const { reported, generated } = received(carried);
  if (reported && generated.chars === 0 && tellsInput(reported))
    return billOf(reported, 'provider', { carried, price, most });
  return billCounted(carried, target, price, countedInput, most, reported, generated);
}

async function billCounted(
  carried: Carried,
  { counting: rule }: Target,
  price: Price,
  countedInput: number,
  most: MostUsage,
  reported: Usage | undefined,
  { texts, chars }: Generated,
): Promise<Bill> {
  let known = 0;
  function* walked(): Generator<string> {
    for (const text of texts) {
      known += text.length;
      yield text;
    }
  }
  const kept = chars === 0 ? 0 : Math.ceil((await countPieces(walked(), rule.encoding)) * rule.factor);
  const counted = ofAll(kept, known, chars);
  const output = Math.min(counted, most.output);
  const read = mayHaveCost(carried) ? countedInput : 0;
  const source = rule.exact && chars <= known ? 'counted' : 'estimated';
  if (!reported) return billOf({ ...noUsage(), input: read, output }, source, { carried, price, most });
  // What was not told is counted, and so is what came after a stream told its usage early and was then cut.
  const untold = tellsInput(reported) ? 0 : Math.max(0, read - inputOf(reported));
  if (untold === 0 && output <= reported.output) return billOf(reported, 'provider', { carried, price, most });
  const tokens = { ...reported, input: reported.input + untold, output: Math.max(output, reported.output) };
  return billOf(tokens, source, { carried, price, most });
}

/** No request reads nothing: a provider that says so did not count. */
const tellsInput = (reported: Usage): boolean => reported.lacks !== 'input' && inputOf(reported) > 0;

interface Billing {
  readonly carried: Carried;
  readonly price: Price;
  readonly most: MostUsage;
}

function billOf(used: Usage, source: UsageSource, { carried, price, most }: Billing): Bill {
  const { tokens, service, implausible } = entered(used, most);
  const isPlain = service === undefined && price.requestNano === undefined;
  const billed = isPlain ? cost(tokens, price) : cost(tokens, price, { service, answered: wasAnswered(carried) });
  return { tokens, source, service, implausible, cost: billed };
}

/** What was generated, as far as it is to be counted. */
interface Generated {
  readonly texts: Iterable<string>;
  readonly chars: number;
}

const NONE: Generated = { texts: [], chars: 0 };

function received(carried: Carried): { reported: Usage | undefined; generated: Generated } {
  const answer = carried.kind === 'whole' || carried.kind === 'blocked' ? carried.answer : undefined;
  const reading = carried.kind === 'whole' ? undefined : carried.reading;
  const told = answer ?? reading;
  const reported = told ? told.usage : carried.kind === 'failed' ? carried.usage : undefined;
  if (!told || !counts(carried, reported)) return { reported, generated: NONE };
  return { reported, generated: 'texts' in told ? { texts: told.texts(), chars: told.chars } : whole(told.text()) };
}

const whole = (text: string): Generated => ({ texts: [text], chars: text.length });

const counts = (carried: Carried, reported: Usage | undefined): boolean =>
  cutShort(carried) || !reported || reported.lacks === 'output' || reported.output === 0;

const cutShort = (carried: Carried): boolean =>
  carried.kind === 'failed' ||
  carried.kind === 'gone' ||
  carried.kind === 'fault' ||
  (carried.kind === 'blocked' && carried.reading !== undefined && !carried.reading.done);

/** What an attempt is entered at where its usage cannot be settled: the most that it may have come to. */
export function worstBill(countedInput: number, mostOutput: number, price: Price): Bill {
  const output = Number.isFinite(mostOutput) ? Math.floor(mostOutput) : 0;
  const tokens = { ...noUsage(), input: countedInput, output };
  return { tokens, source: 'estimated', service: undefined, implausible: false, cost: cost(tokens, price) };
}

/** What few entries have: a service tier, and a price of their own for the team. */
export function rareFields({ service, cost }: Pick<Bill, 'service' | 'cost'>, markupPpm: number | null | undefined) {
  if (service === undefined && markupPpm == null) return undefined;
  return {
    ...(service !== undefined && { service_tier: service }),
    ...(markupPpm != null && { billed_nusd: markedUp(cost.total, markupPpm) }),
  };
}
