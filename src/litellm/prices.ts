/** Prices: LiteLLM states dollars per token, we state dollars per million tokens. */
import type { Json } from '../lib/json.js';
import type { Findings } from './findings.js';
import { at, numberOf } from './values.js';

const rates: Readonly<Record<string, string>> = {
  input_cost_per_token: 'input',
  cache_read_input_token_cost: 'cached_input',
  cache_creation_input_token_cost: 'cache_write',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h',
  output_cost_per_token: 'output',
  output_cost_per_reasoning_token: 'reasoning',
  input_cost_per_audio_token: 'audio_input',
  output_cost_per_audio_token: 'audio_output',
  input_cost_per_image_token: 'image_input',
  output_cost_per_image_token: 'image_output',
};
const perRequest = ['input_cost_per_request', 'input_cost_per_query'];
const LONG =
  /^(input_cost_per_token|output_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost)_above_(\d{1,6})k_tokens$/;

export const isPrice = (name: string): boolean =>
  Object.hasOwn(rates, name) || perRequest.includes(name) || LONG.test(name) || /_cost_per_|_cost(_above|$)/.test(name);

type Written = Record<string, unknown>;

/** The price that parameters state, if they state one that can be written. */
export function priceOf(params: Json, path: string, findings: Findings): Written | undefined {
  const price: Written = {};
  const long = new Map<number, Written>();
  for (const [name, value] of Object.entries(params)) {
    if (!isPrice(name) || value === null) continue;
    const dollars = numberOf(value);
    const threshold = LONG.exec(name);
    if (dollars === undefined || dollars < 0) findings.lacks(at(path, name), 'is no amount of dollars');
    else if (threshold) {
      const above = Number(threshold[2]) * 1000;
      long.set(above, { ...long.get(above), [rates[threshold[1]!]!]: perMillion(dollars) });
    } else if (perRequest.includes(name)) price['request'] = plain(dollars);
    else if (Object.hasOwn(rates, name)) price[rates[name]!] = perMillion(dollars);
    else findings.lacks(at(path, name), 'prices are per token or per request');
  }
  if (Object.keys(price).length === 0) return undefined;
  const { input = 0, output = 0 } = price;
  for (const [above, own] of long) {
    const tiers = (price['long_context'] ??= []) as Written[];
    tiers.push({ above, ...own, input: own['input'] ?? input, output: own['output'] ?? output });
  }
  return { ...price, input, output };
}

/** Without the last digits, which are the error of a binary fraction. */
const plain = (dollars: number): number => Number(dollars.toPrecision(12));
const perMillion = (dollars: number): number => plain(dollars * 1e6);
