/** An answer of the messages dialect to be told again: judged, given a new identity each time, and what it answers. */

import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Replay } from '../format.js';
import { withValues } from '../json-fields.js';
import { isServerTool, listOf } from './blocks.js';
import { promptOf } from './prompt.js';
import type { MessagesRequest } from './request.js';
import { wholeMessage } from './whole.js';

/** Fields that change how an answer is delivered or recorded, and not what it says. */
const apart: ReadonlySet<string> = new Set(['model', 'stream', 'metadata']);

export const messagesReplay: Replay<MessagesRequest> = {
  unfit({ json }) {
    if (json['container'] || json['mcp_servers'] || json['thread']) return 'kept upstream';
    return listOf(json['tools']).some(isServerTool) ? 'tools of the provider' : null;
  },
  identity: ({ json }) => Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name))),
  prompt: (request, maxTurns) => promptOf(messagesReplay.identity(request), maxTurns),
  isRepeatable: (answer) => isRepeatable(JSON.parse(answer.toString('utf8'))),
  *whole(pieces, usage) {
    const message = yield* wholeMessage(pieces, usage);
    return message && Buffer.from(JSON.stringify(message));
  },
  retold: (answer, nowMs) => withValues(answer, { id: newId('msg', nowMs) }),
  words(answer) {
    const { content } = JSON.parse(answer.toString('utf8')) as Json;
    return listOf(content)
      .map((block) => (isObject(block) && typeof block['text'] === 'string' ? block['text'] : ''))
      .join('');
  },
};

/** Ended by itself (not cut at a length, not refused), in words, without a call. */
function isRepeatable(message: unknown): boolean {
  if (!isObject(message) || !Array.isArray(message['content'])) return false;
  const { stop_reason: stop, content } = message;
  if (stop !== 'end_turn' && stop !== 'stop_sequence') return false;
  const blocks = content as unknown[];
  if (!blocks.every((block) => isObject(block) && repeatable.has(block['type']))) return false;
  return blocks.some((block) => isObject(block) && block['type'] === 'text' && block['text'] !== '');
}

const repeatable: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking']);
