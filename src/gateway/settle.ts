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

/** `mostOutput`: the maximum that was sent upstream for all choices, which what is counted here cannot be more than. */
export async function bill(
  carried: Carried,
  target: Target,
  price: Price,
  countedInput: number,
  mostOutput: number,
): Promise<Bill> {
  const { reported, text } = received(carried);
  const rule = target.counting;
  let tokens = reported;
  let source: UsageSource = 'provider';
  if (!tokens) {
    source = rule.exact ? 'counted' : 'estimated';
    tokens = noUsage();
    if (mayHaveCost(carried)) tokens.input = countedInput;
    if (text !== '') tokens.output = await countedOutput(text, target, mostOutput);
  } else if (cutShort(carried) && text !== '') {
    // A stream that told its usage early and was then cut: what was received since is counted.
    const counted = await countedOutput(text, target, mostOutput);
    if (counted > tokens.output) {
      tokens = { ...tokens, output: counted };
      source = rule.exact ? 'counted' : 'estimated';
    }
  }
  return { tokens, source, cost: cost(tokens, price) };
}

async function countedOutput(text: string, { counting }: Target, most: number): Promise<number> {
  return Math.min(most, Math.ceil((await countText(text, counting.encoding)) * counting.factor));
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
