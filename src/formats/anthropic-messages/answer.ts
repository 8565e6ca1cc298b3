/** Reads a whole answer of the messages dialect that goes to a caller who speaks it: the bytes stay as they are. */

import { isObject } from '../../lib/json.js';
import type { Answer } from '../translation.js';
import type { Usage } from '../usage.js';
import { isContent, textOfBlocks } from './generated.js';
import { inBandError, readMessagesUsage } from './wire.js';

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});

export function readMessage(body: Buffer): Answer {
  let message: unknown;
  try {
    message = JSON.parse(body.toString('utf8'));
  } catch {
    return garbage('something that is not JSON');
  }
  const usage = readMessagesUsage(isObject(message) ? message['usage'] : undefined);
  const failure = inBandError(message);
  if (failure) return { ok: false, failure, usage };
  if (!isObject(message) || !Array.isArray(message['content'])) return garbage('JSON that is not a message', usage);
  const { content, model, stop_reason: stop } = message;
  const blocks = content as readonly unknown[];
  if (blocks.length === 0 && typeof stop !== 'string') return garbage('a message that says nothing', usage);
  return {
    ok: true,
    body,
    usage,
    servedModel: typeof model === 'string' ? model : undefined,
    filtered: stop === 'refusal',
    empty: !blocks.some(isContent),
    text: () => textOfBlocks(blocks),
  };
}
