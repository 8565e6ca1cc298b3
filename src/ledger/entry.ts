/** One immutable line of the spend ledger: one upstream attempt that cost or could cost something. Contract section 7. */

import type { Usage } from '../formats/usage.js';
import type { CostNano } from '../lib/money.js';

export type UsageSource = 'provider' | 'counted' | 'estimated';

/** What an entry was written from where the end of its attempt was not known: what was planned, or what had arrived. */
export type Estimate = 'intent' | 'progress';

/** What may be said of an entry beside its figures. */
export type EntryFlag =
  /** Another target was asked beside this one, since its first byte took so long. */
  | 'hedged'
  | 'sent_unknown'
  | 'implausible_usage'
  | 'guard_blocked'
  | 'guard_redacted'
  | 'guard_logged'
  /** A guard could not be asked, and the request went on. */
  | 'guard_unasked';

export interface Entry {
  readonly id: string;
  /** When the attempt began, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly request_id: string;
  readonly attempt: number;
  readonly key: string;
  readonly team: string | null;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly endpoint: string;
  readonly model: string;
  readonly served_model: string | null;
  readonly provider: string;
  readonly target: string;
  readonly status: number;
  readonly error: string | null;
  readonly stream: boolean;
  readonly cache: 'hit' | 'semantic' | 'miss' | 'off';
  readonly tokens: Usage;
  readonly usage_source: UsageSource;
  readonly cost_nusd: CostNano;
  /** What an answer from the cache would have cost; absent: nothing was saved. */
  readonly saved_nusd?: number;
  readonly price_version: string;
  readonly first_byte_ms: number | null;
  readonly duration_ms: number;
  readonly overhead_ms: number;
  /** The service tier that the provider says it served in, where that is not its standard one. */
  readonly service_tier?: string;
  /** What the provider calls the request, where it says so and it is not our own id. */
  readonly provider_request_id?: string | undefined;
  /** The cost with the team's markup, in nano-dollars. Left out where the team has none: then it is the cost. */
  readonly billed_nusd?: number;
  /** Left out of facts. */
  readonly estimate?: Estimate | undefined;
  readonly flags?: readonly EntryFlag[] | undefined;
  /** The id of the entry that this one corrects. Its figures are to be added to that one's. */
  readonly corrects?: string;
  /**
   * How an estimate is superseded: a `reversal` takes back all that was entered of the attempt, and a `replacement` enters it
   * anew. Left out of a correction of prices, which has no tokens and whose costs are differences.
   */
  readonly correction?: 'reversal' | 'replacement';
  /** The hold of limits under which the attempt was made; left out where no limit applied. Internal. */
  readonly hold?: string | undefined;
  /** When that hold was taken, milliseconds since the Unix epoch by the clock that budgets go by. */
  readonly held_at?: number | undefined;
  /** The model whose limits counted it, where not the one that was asked for: a fallback, or what a route chose. Internal. */
  readonly limit_model?: string | undefined;
  /** How its target was chosen, and the limits that were taken, as one text (`lib/taken-route.ts`, `lib/taken-limits.ts`). Left out by earlier versions. */
  readonly decision?: string | undefined;
}

/** Tokens by kind, in the order in which lines of entries have them. */
export function tokensWritten({ tokens }: Entry): string {
  const { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output } = tokens;
  const { image_input = 0, image_output = 0 } = tokens;
  const cached =
    cache_read || cache_write_5m || cache_write_1h ? `${cache_read},${cache_write_5m},${cache_write_1h}` : '0,0,0';
  const others =
    reasoning || audio_input || audio_output || image_input || image_output
      ? `${reasoning},${audio_input},${audio_output},${image_input},${image_output}`
      : '0,0,0,0,0';
  return `${input},${cached},${output},${others}`;
}

export const tokensRead = (written: readonly number[]): Usage => ({
  input: written[0] ?? 0,
  cache_read: written[1] ?? 0,
  cache_write_5m: written[2] ?? 0,
  cache_write_1h: written[3] ?? 0,
  output: written[4] ?? 0,
  reasoning: written[5] ?? 0,
  audio_input: written[6] ?? 0,
  audio_output: written[7] ?? 0,
  ...(written[8] && { image_input: written[8] }),
  ...(written[9] && { image_output: written[9] }),
});

/** Nano-dollars by kind, in the order in which lines of entries have them. */
export function costWritten({ cost_nusd: cost }: Entry): string {
  const { input, cache_read, cache_write, output, request = 0, total } = cost;
  const cached = cache_read || cache_write ? `${cache_read},${cache_write}` : '0,0';
  return `${input},${cached},${output},${request},${total}`;
}

export const costRead = (written: readonly number[]): CostNano => ({
  input: written[0] ?? 0,
  cache_read: written[1] ?? 0,
  cache_write: written[2] ?? 0,
  output: written[3] ?? 0,
  ...(written[4] && { request: written[4] }),
  total: written[5] ?? 0,
});
