/**
 * The most that an attempt can have used, whatever its provider says, and its usage within that. A text has at least a byte for
 * every token, and no answer is longer than the maximum that was sent, or the model's own. What lies beyond is entered at the
 * bound: budgets and entries stay within what was held for the request, and within what the ledger can hold. Pure functions.
 */
import type { ModelRequest } from '../formats/request.js';
import { MOST_TOOL_USES } from '../formats/tool-uses.js';
import { inputOf, type Usage } from '../formats/usage.js';
import type { Reach } from './stages.js';

export interface MostUsage {
  /** Input tokens of all kinds. Asked for only where a report is longer than any text of the request. */
  readonly input: () => number;
  /** Bytes that were sent: more tokens than that its texts cannot have. */
  readonly sentBytes: number;
  /** Of all choices. */
  readonly output: number;
}

/** What a provider puts around the texts of a request: its own instructions, the frame of tools. Tokens. */
const FRAME_TOKENS = 4096;
/** No model answers with more where nobody knows its maximum. Tokens of a choice. */
const LONGEST_ANSWER = 1_000_000;

/**
 * `cap`: the maximum of each choice that was sent instead of the caller's own; null: the caller's own. `granted`: output tokens
 * that are held for all choices; infinite where no budget bounds them.
 */
export function mostUsage(
  request: ModelRequest,
  reach: Reach,
  sentBytes: number,
  cap: number | null,
  granted: number,
): MostUsage {
  const { facts, format } = request;
  const { model, target } = reach;
  const own = target.maxOutput ?? LONGEST_ANSWER;
  const unasked = Math.min(model.maxOutput ?? LONGEST_ANSWER, own);
  // Where a maximum must be named, none beyond the model's own is.
  const asked = target.carriers[format]?.namesMaximum ? Math.min(facts.maxOutput ?? own, own) : facts.maxOutput;
  const choice = cap ?? asked ?? unasked;
  return {
    sentBytes,
    input: () => Math.max(sentBytes, reach.input.most) + FRAME_TOKENS + facts.mediaTokensMost(),
    output: Math.min(granted, choice * facts.choices),
  };
}

interface Entered {
  readonly tokens: Usage;
  readonly service: string | undefined;
  readonly implausible: boolean;
}

/** Counts alone, and within the most: parts of a whole are at most the whole. */
export function entered(used: Usage, most: MostUsage): Entered {
  const read = inputOf(used);
  const input = read > most.sentBytes ? Math.min(read, Math.floor(most.input())) : read;
  const output = Math.min(used.output, Math.floor(most.output));
  const kinds = input < read ? shrunk(used, input / read) : used;
  const tokens: Usage = {
    input: kinds.input + Math.max(0, input - inputOf(kinds)),
    cache_read: kinds.cache_read,
    cache_write_5m: kinds.cache_write_5m,
    cache_write_1h: kinds.cache_write_1h,
    output,
    reasoning: Math.min(used.reasoning, output),
    audio_input: Math.min(used.audio_input, input),
    audio_output: Math.min(used.audio_output, output),
  };
  if (used.image_input !== undefined) tokens.image_input = Math.min(used.image_input, input);
  if (used.image_output !== undefined) tokens.image_output = Math.min(used.image_output, output);
  const tools = used.tools && usesOf(used.tools);
  if (tools) tokens.tools = tools.uses;
  const implausible = input < read || output < used.output || (tools?.cut ?? false);
  return { tokens, service: used.service_tier, implausible };
}

function usesOf(told: NonNullable<Usage['tools']>): { uses: NonNullable<Usage['tools']>; cut: boolean } {
  const uses = { ...told };
  let cut = false;
  for (const name of Object.keys(uses) as (keyof typeof uses)[]) {
    if ((uses[name] ?? 0) <= MOST_TOOL_USES) continue;
    uses[name] = MOST_TOOL_USES;
    cut = true;
  }
  return { uses, cut };
}

/** All kinds of the input in proportion: which of them is wrong is not known. */
const shrunk = (told: Usage, by: number) => ({
  input: Math.floor(told.input * by),
  cache_read: Math.floor(told.cache_read * by),
  cache_write_5m: Math.floor(told.cache_write_5m * by),
  cache_write_1h: Math.floor(told.cache_write_1h * by),
});
