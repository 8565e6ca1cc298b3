/**
 * A whole chat completion told as a stream, for upstreams that answer a stream request with JSON. The shape is the one
 * that OpenAI streams: a first chunk with the role, one with the content, one with each finish reason, usage, `[DONE]`.
 */

import { sseEvent } from '../sse.js';
import type { UsageExtra } from '../translation.js';

type Wire = Record<string, unknown>;

export function completionAsStream(body: Buffer, askedUsage: boolean, extra: UsageExtra): Buffer {
  const completion = JSON.parse(body.toString('utf8')) as Wire;
  const { choices, usage, ...rest } = completion;
  const base: Wire = { ...rest, object: 'chat.completion.chunk' };
  const events: Buffer[] = [];
  const chunk = (choice: Wire): void => {
    events.push(sseEvent(JSON.stringify({ ...base, choices: [choice], ...(askedUsage ? { usage: null } : {}) })));
  };
  for (const choice of (choices as Wire[]).filter((one) => typeof one === 'object' && one !== null)) {
    const { message, finish_reason, index = 0, logprobs = null } = choice;
    const { role = 'assistant', content = '', tool_calls, ...other } = (message ?? {}) as Wire;
    chunk({ index, delta: { role, content: '', refusal: null }, logprobs: null, finish_reason: null });
    const delta: Wire = { ...other };
    if (typeof content === 'string') delta['content'] = content;
    if (Array.isArray(tool_calls)) delta['tool_calls'] = tool_calls.map((call: Wire, at) => ({ index: at, ...call }));
    chunk({ index, delta, logprobs, finish_reason: null });
    chunk({ index, delta: {}, logprobs: null, finish_reason: finish_reason ?? 'stop' });
  }
  if (askedUsage)
    events.push(sseEvent(JSON.stringify({ ...base, choices: [], usage: usage ?? null, x_tollgate: extra })));
  events.push(sseEvent('[DONE]'));
  return Buffer.concat(events);
}
