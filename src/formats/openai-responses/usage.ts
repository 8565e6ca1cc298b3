/** Usage as the Responses API reports it: the input includes what was read from and written to the prompt cache. */
import { isObject, type Json } from '../../lib/json.js';
import { count, counted, inputOf, noUsage, serviceTier, type Usage } from '../usage.js';
import { listOf } from './items.js';

/** The usage that a response tells of; undefined where it tells of none. */
export function responsesUsageIn(response: Json): Usage | undefined {
  const { usage } = response;
  if (!isObject(usage)) return undefined;
  const input = counted(usage['input_tokens']);
  const output = counted(usage['output_tokens']);
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = isObject(usage['input_tokens_details']) ? usage['input_tokens_details'] : {};
  const outputDetails = isObject(usage['output_tokens_details']) ? usage['output_tokens_details'] : {};
  const read = count(inputDetails['cached_tokens']);
  const written = count(inputDetails['cache_write_tokens']);
  // A part that is larger than its whole stands beside it.
  const apart = read + written > (input ?? 0);
  const service = serviceTier(response['service_tier']);
  const tools = toolsUsed(response['output']);
  const imageInput = count(inputDetails['image_tokens']);
  return {
    ...noUsage(),
    input: input === undefined ? 0 : apart ? input : input - read - written,
    ...(input !== undefined && { cache_read: read, cache_write_5m: written }),
    output: output ?? 0,
    reasoning: Math.min(output ?? 0, count(outputDetails['reasoning_tokens'])),
    audio_input: count(inputDetails['audio_tokens']),
    audio_output: count(outputDetails['audio_tokens']),
    ...(imageInput > 0 && { image_input: imageInput }),
    ...(service !== undefined && { service_tier: service }),
    ...(tools && { tools }),
    ...(input === undefined && { lacks: 'input' }),
    ...(output === undefined && { lacks: 'output' }),
  };
}

/** Tools of the provider that are charged for by the call. */
function toolsUsed(output: unknown): Usage['tools'] | undefined {
  const calls = (type: string): number =>
    listOf(output).filter((item) => isObject(item) && item['type'] === type).length;
  const webSearch = calls('web_search_call');
  const fileSearch = calls('file_search_call');
  if (webSearch + fileSearch === 0) return undefined;
  return { ...(webSearch > 0 && { web_search: webSearch }), ...(fileSearch > 0 && { file_search: fileSearch }) };
}

export function responsesUsage(usage: Usage) {
  const input = inputOf(usage);
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cache_read,
      cache_write_tokens: usage.cache_write_5m + usage.cache_write_1h,
    },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + usage.output,
  };
}
