/**
 * Usage as the chat dialect reports it, wherever those who speak it put it. `prompt_tokens` includes what was read from and
 * written to the prompt cache, and `completion_tokens` what was thought; some leave the one or the other out, which
 * `total_tokens` gives away, or that a part is larger than its whole.
 */
import { isObject } from '../../lib/json.js';
import { counted, laterUsage, noUsage, serviceTier, type Usage } from '../usage.js';

type Path = readonly (string | number)[];

/** Where usage stands in an answer or in a chunk of a stream. */
const PLACES: readonly Path[] = [
  ['usage'], // OpenAI and nearly all
  ['x_groq', 'usage'], // Groq, in the finish chunk of a stream
  ['choices', 0, 'usage'], // Moonshot, in the finish chunk of a stream
];

/** Where the counts of each kind stand in usage. Of several that are told the largest counts. */
const COUNTS = {
  prompt: [['prompt_tokens']],
  completion: [['completion_tokens']],
  total: [['total_tokens']],
  cacheRead: [
    ['prompt_tokens_details', 'cached_tokens'], // OpenAI
    ['prompt_token_details', 'cached_tokens'], // Mistral
    ['num_cached_tokens'], // Mistral
    ['cached_tokens'], // Moonshot
    ['prompt_cache_hit_tokens'], // DeepSeek
    ['cache_read_input_tokens'], // proxies in front of Anthropic
  ],
  cacheWrite: [
    ['prompt_tokens_details', 'cache_write_tokens'], // OpenAI
    ['prompt_tokens_details', 'cache_creation_tokens'], // proxies in front of Anthropic
    ['prompt_tokens_details', 'cache_creation_input_tokens'], // Qwen
    ['cache_creation_input_tokens'], // proxies in front of Anthropic
  ],
  cacheWriteHour: [
    ['cache_creation', 'ephemeral_1h_input_tokens'],
    ['prompt_tokens_details', 'cache_creation_token_details', 'ephemeral_1h_input_tokens'],
  ],
  audioInput: [['prompt_tokens_details', 'audio_tokens']],
  imageInput: [['prompt_tokens_details', 'image_tokens']],
  reasoning: [['completion_tokens_details', 'reasoning_tokens'], ['reasoning_tokens']],
  audioOutput: [['completion_tokens_details', 'audio_tokens']],
  imageOutput: [['completion_tokens_details', 'image_tokens']],
  webSearch: [
    ['server_tool_use', 'web_search_requests'], // OpenRouter, proxies in front of Anthropic
    ['num_search_queries'], // Perplexity
    ['server_side_tool_usage_details', 'web_search_calls'], // xAI
  ],
  fileSearch: [['server_side_tool_usage_details', 'file_search_calls']], // xAI
} as const satisfies Readonly<Record<string, readonly Path[]>>;

/** The usage that an answer or a chunk reports; undefined where it reports none. */
export function usageIn(wire: object): Usage | undefined {
  let usage: Usage | undefined;
  for (const place of PLACES) {
    const found = at(wire, place);
    if (isObject(found)) usage = laterUsage(usage, readChatUsage(found, at(wire, ['service_tier'])));
  }
  return usage;
}

function readChatUsage(wire: object, tier: unknown): Usage | undefined {
  const told = (kind: keyof typeof COUNTS): number | undefined => largest(wire, COUNTS[kind]);
  const completion = told('completion');
  const total = told('total');
  const prompt = told('prompt') ?? beyond(total, completion);
  if (prompt === undefined && completion === undefined) return undefined;
  const reasoning = told('reasoning') ?? 0;
  const cacheRead = told('cacheRead') ?? 0;
  const cacheWrite = told('cacheWrite') ?? 0;
  const { cachedApart, thoughtApart } = apart(
    { prompt: prompt ?? 0, completion: completion ?? 0, total },
    { cached: cacheRead + cacheWrite, reasoning },
  );
  const output = (completion ?? 0) + thoughtApart;
  const writtenForAnHour = Math.min(cacheWrite, told('cacheWriteHour') ?? 0);
  const imageInput = told('imageInput') ?? 0;
  const imageOutput = told('imageOutput') ?? 0;
  const webSearch = told('webSearch') ?? 0;
  const fileSearch = told('fileSearch') ?? 0;
  const service = serviceTier(tier);
  return {
    ...noUsage(),
    input: prompt === undefined ? 0 : cachedApart ? prompt : prompt - cacheRead - cacheWrite,
    ...(prompt !== undefined && {
      cache_read: cacheRead,
      cache_write_5m: cacheWrite - writtenForAnHour,
      cache_write_1h: writtenForAnHour,
    }),
    output,
    reasoning: Math.min(output, reasoning),
    audio_input: told('audioInput') ?? 0,
    audio_output: told('audioOutput') ?? 0,
    ...(imageInput > 0 && { image_input: imageInput }),
    ...(imageOutput > 0 && { image_output: imageOutput }),
    ...(service !== undefined && { service_tier: service }),
    ...(webSearch + fileSearch > 0 && {
      tools: { ...(webSearch > 0 && { web_search: webSearch }), ...(fileSearch > 0 && { file_search: fileSearch }) },
    }),
    ...(prompt === undefined && { lacks: 'input' }),
    ...(completion === undefined && thoughtApart === 0 && { lacks: 'output' }),
  };
}

/** What a total has beyond the one figure that is told beside it; undefined where it has nothing. */
const beyond = (total: number | undefined, figure: number | undefined): number | undefined =>
  total !== undefined && figure !== undefined && total > figure ? total - figure : undefined;

/**
 * What stands beside the two figures that should hold it. A part that is larger than its whole does; else the total tells:
 * what it has beyond the two is the cached input where it is exactly that, and hidden thinking where it is anything else.
 */
function apart(
  { prompt, completion, total }: { prompt: number; completion: number; total: number | undefined },
  { cached, reasoning }: { cached: number; reasoning: number },
): { cachedApart: boolean; thoughtApart: number } {
  const rest = Math.max(0, (total ?? 0) - prompt - completion);
  const thinking = rest === reasoning && rest > 0;
  const tellsCached = cached > 0 && !thinking && (rest === cached || rest === cached + reasoning);
  const untold = total === undefined && reasoning > completion ? reasoning : 0;
  return {
    cachedApart: tellsCached || cached > prompt,
    thoughtApart: Math.max(tellsCached ? rest - cached : rest, untold),
  };
}

function largest(wire: object, paths: readonly Path[]): number | undefined {
  let most: number | undefined;
  for (const path of paths) {
    const value = counted(at(wire, path));
    if (value !== undefined && (most === undefined || value > most)) most = value;
  }
  return most;
}

/** What stands at a path; undefined where nothing does. */
function at(wire: unknown, path: Path): unknown {
  let value = wire;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Usage in the chat dialect, where the prompt includes what was read from and written to the prompt cache. */
export function chatUsage(usage: Usage) {
  const written = usage.cache_write_5m + usage.cache_write_1h;
  const prompt = usage.input + usage.cache_read + written;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    prompt_tokens_details: {
      cached_tokens: usage.cache_read,
      cache_write_tokens: written,
      audio_tokens: usage.audio_input,
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoning, audio_tokens: usage.audio_output },
  };
}
