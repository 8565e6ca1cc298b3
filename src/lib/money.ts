/**
 * Money is an integer of nano-dollars (1e-9 USD), prices are integers of pico-dollars (1e-12 USD) per token: a price of
 * 0.15 USD per million tokens is 150,000 pico-dollars per token. Here, and nowhere else, one becomes the other.
 */

/** USD per million tokens, as written (`0.15`, `"0.0375"`), in pico-dollars per token. Null when it is not a price. */
export function picoPerToken(usdPerMillion: number | string): number | null {
  const written = typeof usdPerMillion === 'number' ? decimal(usdPerMillion) : usdPerMillion.trim();
  const match = /^(\d{1,9})(?:\.(\d+))?$/.exec(written);
  if (!match) return null;
  const fraction = (match[2] ?? '').padEnd(7, '0');
  return Number(match[1]) * 1_000_000 + Number(fraction.slice(0, 6)) + (Number(fraction[6]) >= 5 ? 1 : 0);
}

const decimal = (value: number): string => (Math.abs(value) < 1e-6 ? value.toFixed(12) : String(value));

/**
 * What up to three counts of tokens cost together, each with its price in pico-dollars: summed exactly, rounded once, a half
 * up. Positions and not a list, since every request is priced and a list is garbage.
 */
export function costNanoOf(tokens: number, pico: number, tokens2 = 0, pico2 = 0, tokens3 = 0, pico3 = 0): number {
  const total = tokens * pico + tokens2 * pico2 + tokens3 * pico3;
  if (total < Number.MAX_SAFE_INTEGER) return Math.round(total / 1000);
  const exact = BigInt(tokens) * BigInt(pico) + BigInt(tokens2) * BigInt(pico2) + BigInt(tokens3) * BigInt(pico3);
  return Number((exact + 500n) / 1000n);
}

/** Nano-dollars as a decimal string of dollars with nine places: `6900` is `"0.000006900"`. */
export function usd(nano: number): string {
  const digits = String(Math.abs(nano)).padStart(10, '0');
  return `${nano < 0 ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** What an attempt cost, in integer nano-dollars by kind. `total` is the sum of the kinds, each rounded on its own. */
export interface CostNano {
  readonly input: number;
  readonly cache_read: number;
  readonly cache_write: number;
  readonly output: number;
  readonly total: number;
}
