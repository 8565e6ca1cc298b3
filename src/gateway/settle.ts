/**
 * What an attempt used and cost. The provider's own usage is the truth; where it told none, tokens are counted: the input
 * before it was sent, the output from what was received.
 */
import type { UsageSource } from '../ledger/entry.js';
import type { CostNano } from '../lib/money.js';
import { cost, type Price } from '../pricing/price.js';
import { noUsage, type Usage } from '../protocol/usage.js';
import { countText } from '../tokens/estimate.js';
import type { Carried } from './meter.js';
import type { Target } from './model.js';

export interface Bill {
  readonly tokens: Usage;
  readonly source: UsageSource;
  readonly cost: CostNano;
}

/** Counts, where it has to, in turns of the event loop. */
export function bill(carried: Carried, target: Target, price: Price, countedInput: number): Bill | Promise<Bill> {
  const { reported, text } = received(carried);
  if (reported && text === '') return { tokens: reported, source: 'provider', cost: cost(reported, price) };
  return billCounted(carried, target, price, countedInput, reported, text);
}

async function billCounted(
  carried: Carried,
  { counting: rule }: Target,
  price: Price,
  countedInput: number,
  reported: Usage | undefined,
  text: string,
): Promise<Bill> {
  const output = text === '' ? 0 : Math.ceil((await countText(text, rule.encoding)) * rule.factor);
  const source = rule.exact ? 'counted' : 'estimated';
  if (!reported) {
    const tokens = { ...noUsage(), input: mayHaveCost(carried) ? countedInput : 0, output };
    return { tokens, source, cost: cost(tokens, price) };
  }
  // A stream that told its usage early and was then cut: what was received since is counted.
  if (output <= reported.output) return { tokens: reported, source: 'provider', cost: cost(reported, price) };
  const tokens = { ...reported, output };
  return { tokens, source, cost: cost(tokens, price) };
}

function received(carried: Carried): { reported: Usage | undefined; text: string } {
  if (carried.kind === 'whole') {
    const { answer } = carried;
    return { reported: answer.usage, text: answer.usage ? '' : answer.text() };
  }
  const { reading } = carried;
  return { reported: reading?.usage, text: reading && (cutShort(carried) || !reading.usage) ? reading.text() : '' };
}

const cutShort = (carried: Carried): boolean => carried.kind === 'failed' || carried.kind === 'gone';

/**
 * An upstream that refused, or that was lost before it said anything, is not billed; one that was left working or that
 * answered what cannot be read is.
 */
function mayHaveCost(carried: Carried): boolean {
  if (carried.kind !== 'failed' || carried.reading?.text()) return true;
  const { kind } = carried.failure;
  return kind === 'timeout' || (kind === 'garbage' && carried.reading === undefined);
}
