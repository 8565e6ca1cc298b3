/** A request to the target as bytes. A large one is printed in turns of the event loop. */
import type { MessageCreateParamsBase } from '@anthropic-ai/sdk/resources/messages';
import { bytesInTurns } from '../../lib/json-bytes.js';
import { jsonText } from '../../lib/json-text.js';
import type { Block, Conversation } from './messages.js';
import { toolInput, toolInputPieces } from './tool-input.js';

/** Everything but the messages. */
export type MessagesBody = Omit<MessageCreateParamsBase, 'messages'>;

export function print(request: MessagesBody, { turns }: Conversation): Buffer {
  const messages = turns.map(
    ({ role, blocks }) => `{"role":"${role}","content":[${blocks.map(printBlock).join(',')}]}`,
  );
  return Buffer.from(`${JSON.stringify(request).slice(0, -1)},"messages":[${messages.join(',')}]}`);
}

function printBlock(block: Block): string {
  if (block.type !== 'tool_use') return JSON.stringify(block);
  const { input, ...rest } = block;
  return `${JSON.stringify(rest).slice(0, -1)},"input":${toolInput(input)}}`;
}

export const printInTurns = (
  request: MessagesBody,
  conversation: Conversation,
  expectedBytes: number,
): Promise<Buffer> => bytesInTurns(pieces(request, conversation), expectedBytes);

function* pieces(request: MessagesBody, { turns }: Conversation): Generator<string, void> {
  yield* open(jsonText(request));
  yield ',"messages":[';
  for (const [i, { role, blocks }] of turns.entries()) {
    yield `${i > 0 ? ',' : ''}{"role":"${role}","content":[`;
    for (const [n, block] of blocks.entries()) {
      if (n > 0) yield ',';
      if (block.type !== 'tool_use') {
        yield* jsonText(block);
        continue;
      }
      const { input, ...rest } = block;
      yield* open(jsonText(rest));
      yield ',"input":';
      yield* toolInputPieces(input);
      yield '}';
    }
    yield ']}';
  }
  yield ']}';
}

/** An object's text without its closing brace. */
function* open(text: Iterable<string>): Generator<string, void> {
  let last = '';
  for (const piece of text) {
    yield last;
    last = piece;
  }
  yield last.slice(0, -1);
}
