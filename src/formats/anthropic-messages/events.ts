/** A whole message told as a stream: for upstreams that answer a stream request whole, and for answers that are kept. */
import { isObject, type Json } from '../../lib/json.js';

export const event = (told: Json & { readonly type: string }): string =>
  `event: ${told.type}\ndata: ${JSON.stringify(told)}\n\n`;

export const PING = event({ type: 'ping' });

export function messageAsStream(body: Buffer): Buffer {
  const message = JSON.parse(body.toString('utf8')) as Json;
  const { content, stop_reason, stop_sequence = null, stop_details, usage, ...base } = message;
  const read = isObject(usage) ? usage : {};
  const start = { ...base, content: [], stop_reason: null, stop_sequence: null, usage: { ...read, output_tokens: 0 } };
  let out = event({ type: 'message_start', message: start });
  const blocks = (Array.isArray(content) ? (content as unknown[]) : []).filter(isObject);
  for (const [index, block] of blocks.entries()) out += blockEvents(block, index);
  const end = { stop_reason, stop_sequence, ...(stop_details === undefined ? {} : { stop_details }) };
  out += event({ type: 'message_delta', delta: end, usage: read });
  return Buffer.from(out + event({ type: 'message_stop' }));
}

function blockEvents(block: Json, index: number): string {
  const { opening, deltas } = pieces(block);
  const all = deltas.map((delta) => event({ type: 'content_block_delta', index, delta }));
  const start = event({ type: 'content_block_start', index, content_block: opening });
  return `${start}${all.join('')}${event({ type: 'content_block_stop', index })}`;
}

function pieces(block: Json): { readonly opening: Json; readonly deltas: readonly Json[] } {
  switch (block['type']) {
    case 'text': {
      const { text, citations, ...rest } = block;
      const cited = Array.isArray(citations) ? (citations as unknown[]) : [];
      return {
        opening: {
          ...rest,
          text: '',
          ...(citations === undefined ? {} : { citations: cited.length > 0 ? [] : citations }),
        },
        deltas: [{ type: 'text_delta', text }, ...cited.map((citation) => ({ type: 'citations_delta', citation }))],
      };
    }
    case 'thinking': {
      const { thinking, signature, ...rest } = block;
      const thought = thinking === '' ? [] : [{ type: 'thinking_delta', thinking }];
      return {
        opening: { ...rest, thinking: '', signature: '' },
        deltas: [...thought, { type: 'signature_delta', signature }],
      };
    }
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return {
        opening: { ...block, input: {} },
        deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(block['input'] ?? {}) }],
      };
    default:
      return { opening: block, deltas: [] };
  }
}
