/**
 * What an attempt used and cost. The provider's own usage is the truth; where it told none, tokens are counted: the input
 * before it was sent, the output from what was received.
 */

import type { Target } from '../catalog/model.js';
import { noUsage, type Usage } from '../formats/usage.js';
import type { UsageSource } from '../ledger/entry.js';
import { type CostNano, markedUp } from '../lib/money.js';
import { cost, type Price } from '../pricing/price.js';
import { countText } from '../tokens/estimate.js';
import type { Carried } from './meter.js';
import { mayHaveCost, wasAnswered } from './sent.js';

export interface Bill {
  readonly tokens: Usage;
  readonly source: UsageSource;
  /** The service tier, where the provider told one that is not its standard. */
  readonly service: string | undefined;
  readonly cost: CostNano;
}

/**
 * Counts, where it has to, in turns of the event loop. `mostOutput`: the maximum that was sent upstream for all choices; what
 * is counted here is no more.
 */
export function bill(
  carried: Carried,
  target: Target,
  price: Price,
  countedInput: number,
  mostOutput: number,
): Bill | Promise<Bill> {
  const { reported, text } = received(carried);
  if (reported && text === '') return billOf(reported, 'provider', carried, price);
  return billCounted(carried, target, price, countedInput, mostOutput, reported, text);
}

async function billCounted(
  carried: Carried,
  { counting: rule }: Target,
  price: Price,
  countedInput: number,
  mostOutput: number,
  reported: Usage | undefined,
  text: string,
): Promise<Bill> {
  const counted = text === '' ? 0 : Math.ceil((await countText(text, rule.encoding)) * rule.factor);
  const output = Math.min(counted, mostOutput);
  const source = rule.exact ? 'counted' : 'estimated';
  if (!reported) {
    const tokens = { ...noUsage(), input: mayHaveCost(carried) ? countedInput : 0, output };
    return billOf(tokens, source, carried, price);
  }
  // A stream that told its usage early and was then cut: what was received since is counted.
  if (output <= reported.output) return billOf(reported, 'provider', carried, price);
  return billOf({ ...reported, output }, source, carried, price);
}

function billOf(used: Usage, source: UsageSource, carried: Carried, price: Price): Bill {
  const service = used.service_tier;
  let tokens = used;
  if (service !== undefined) {
    tokens = { ...used };
    delete tokens.service_tier;
  }
  if (service === undefined && price.requestNano === undefined)
    return { tokens, source, service, cost: cost(tokens, price) };
  return { tokens, source, service, cost: cost(tokens, price, { service, answered: wasAnswered(carried) }) };
}

function received(carried: Carried): { reported: Usage | undefined; text: string } {
  if (carried.kind === 'whole') {
    const { answer } = carried;
    return { reported: answer.usage, text: answer.usage ? '' : answer.text() };
  }
  const { reading } = carried;
  return { reported: reading?.usage, text: reading && (cutShort(carried) || !reading.usage) ? reading.text() : '' };
}

const cutShort = (carried: Carried): boolean =>
  carried.kind === 'failed' || carried.kind === 'gone' || carried.kind === 'fault';

/** What an attempt is entered at where its usage cannot be settled: the most that it may have come to. */
export function worstBill(countedInput: number, mostOutput: number, price: Price): Bill {
  const output = Number.isFinite(mostOutput) ? Math.floor(mostOutput) : 0;
  const tokens = { ...noUsage(), input: countedInput, output };
  return { tokens, source: 'estimated', service: undefined, cost: cost(tokens, price) };
}

/** What few entries have: a service tier, and a price of their own for the team. */
export function rareFields({ service, cost }: Pick<Bill, 'service' | 'cost'>, markupPpm: number | null | undefined) {
  if (service === undefined && markupPpm == null) return undefined;
  return {
    ...(service !== undefined && { service_tier: service }),
    ...(markupPpm != null && { billed_nusd: markedUp(cost.total, markupPpm) }),
  };
}
