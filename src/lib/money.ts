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

/** US dollars as written (`0.005`, `"12"`, `1e-7`) in nano-dollars, a half up. Null when it is no amount of at most 9 million dollars. */
export function nanoOf(dollars: number | string): number | null {
  const written = typeof dollars === 'number' ? decimal(dollars) : dollars.trim();
  const match = /^(\d{1,7})(?:\.(\d+))?$/.exec(written);
  if (!match) return null;
  const fraction = (match[2] ?? '').padEnd(10, '0');
  return Number(match[1]) * 1_000_000_000 + Number(fraction.slice(0, 9)) + (Number(fraction[9]) >= 5 ? 1 : 0);
}

const decimal = (value: number): string => (Math.abs(value) < 1e-6 ? value.toFixed(12) : String(value));

/**
 * What up to four counts of tokens cost together, each with its price in pico-dollars: summed exactly, rounded once, a half
 * up. Positions and not a list, since every request is priced and a list is garbage.
 */
export function costNanoOf(
  tokens: number,
  pico: number,
  tokens2 = 0,
  pico2 = 0,
  tokens3 = 0,
  pico3 = 0,
  tokens4 = 0,
  pico4 = 0,
): number {
  const total = tokens * pico + tokens2 * pico2 + tokens3 * pico3 + tokens4 * pico4;
  if (total < Number.MAX_SAFE_INTEGER) return Math.round(total / 1000);
  const product = (count: number, each: number) => BigInt(count) * BigInt(each);
  const exact = product(tokens, pico) + product(tokens2, pico2) + product(tokens3, pico3) + product(tokens4, pico4);
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
  /** The fee for the request itself; left out where there is none. */
  readonly request?: number;
  readonly total: number;
}

/** A cost with a markup in parts per million: exact, rounded to the nano-dollar, a half away from zero. */
export function markedUp(nano: number, markupPpm: number): number {
  const product = BigInt(Math.abs(nano)) * BigInt(markupPpm);
  const billed = Number((product + 500_000n) / 1_000_000n);
  return nano < 0 && billed > 0 ? -billed : billed;
}
