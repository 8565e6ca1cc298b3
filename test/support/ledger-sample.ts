/** Entries with everything that reports are broken down by: the same for the same seed, spread over a period. */
import type { Entry } from '../../src/ledger/entry.js';
import { entry } from '../contract/ledger.js';

export interface Spread {
  readonly fromMs: number;
  readonly toMs: number;
  readonly seed?: number;
}

export function sampleEntries(count: number, { fromMs, toMs, seed = 1 }: Spread): Entry[] {
  let state = seed;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!;
  return Array.from({ length: count }, (_, i) => {
    const cost = { input: below(1e6), cache_read: below(1e5), cache_write: below(1e4), output: below(1e6) };
    const request = below(4) === 0 ? 5_000 : 0;
    const total = cost.input + cost.cache_read + cost.cache_write + cost.output + request;
    const team = one([null, 'search', 'ads']);
    return entry({
      at: fromMs + below(toMs - fromMs),
      request_id: `req-${seed}-${i}`,
      key: `key_${below(5)}`,
      team,
      user: one([null, 'anna', '=cmd|calc', 'zoë, "z"\nnext']),
      tags: one([[], ['prod'], ['prod', 'batch'], ['prod', 'prod'], ['@x']]),
      model: one(['gpt-4o-mini', 'claude']),
      served_model: one(['gpt-4o-mini-2024-07-18', null]),
      provider: one(['openai', 'backup']),
      status: one([200, 200, 499, 502]),
      cache: one(['miss', 'hit', 'semantic', 'off'] as const),
      stream: below(2) === 0,
      tokens: {
        input: 1 + below(1000),
        cache_read: below(50),
        cache_write_5m: below(9),
        cache_write_1h: below(9),
        output: 1 + below(500),
        reasoning: below(100),
        audio_input: below(3),
        audio_output: below(3),
        ...(below(5) === 0 && { image_input: 1 + below(10) }),
      },
      cost_nusd: { ...cost, ...(request > 0 && { request }), total },
      ...(team === 'ads' && { billed_nusd: Math.round(total * 1.2) }),
      ...(below(6) === 0 && { service_tier: 'flex' }),
    });
  });
}
