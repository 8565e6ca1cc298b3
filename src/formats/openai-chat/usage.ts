/**
 * Usage as the chat dialect reports it. `prompt_tokens` includes what was read from and written to the prompt cache;
 * some compatible servers leave reasoning out of `completion_tokens`, which `total_tokens` gives away.
 */
import { count, noUsage, serviceTier, type Usage } from '../usage.js';

interface WireUsage {
  prompt_tokens?: unknown;
  completion_tokens?: unknown;
  total_tokens?: unknown;
  prompt_tokens_details?: Record<string, unknown> | null;
  completion_tokens_details?: Record<string, unknown> | null;
}

/** Undefined where `wire` does not report usage. `tier`: the `service_tier` that stands beside it. */
export function readChatUsage(wire: unknown, tier?: unknown): Usage | undefined {
  if (typeof wire !== 'object' || wire === null) return undefined;
  const usage = wire as WireUsage;
  if (typeof usage.prompt_tokens !== 'number' && typeof usage.completion_tokens !== 'number') return undefined;
  const prompt = count(usage.prompt_tokens);
  const completion = count(usage.completion_tokens);
  const promptDetails = usage.prompt_tokens_details ?? {};
  const completionDetails = usage.completion_tokens_details ?? {};
  const reasoning = count(completionDetails['reasoning_tokens']);
  const cacheRead = Math.min(prompt, count(promptDetails['cached_tokens']));
  const cacheWrite = Math.min(prompt - cacheRead, count(promptDetails['cache_write_tokens']));
  const reasoningApart = reasoning > 0 && count(usage.total_tokens) === prompt + completion + reasoning;
  const imageInput = count(promptDetails['image_tokens']);
  const imageOutput = count(completionDetails['image_tokens']);
  const service = serviceTier(tier);
  return {
    ...noUsage(),
    input: prompt - cacheRead - cacheWrite,
    cache_read: cacheRead,
    cache_write_5m: cacheWrite,
    output: completion + (reasoningApart ? reasoning : 0),
    reasoning,
    audio_input: count(promptDetails['audio_tokens']),
    audio_output: count(completionDetails['audio_tokens']),
    ...(imageInput > 0 && { image_input: imageInput }),
    ...(imageOutput > 0 && { image_output: imageOutput }),
    ...(service !== undefined && { service_tier: service }),
  };
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
