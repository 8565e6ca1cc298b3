/** A request to the target as bytes. A large one is printed in turns of the event loop. */
import type { MessageCreateParamsBase } from '@anthropic-ai/sdk/resources/messages';
import { GatheredBytes } from '../../lib/gathered-bytes.js';
import { jsonText } from '../../lib/json-text.js';
import { finishInTurns, steps } from '../../lib/turns.js';
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

export async function printInTurns(
  request: MessagesBody,
  conversation: Conversation,
  expectedBytes: number,
): Promise<Buffer> {
  // More often than not it is as long as what it is made of.
  const printed = new GatheredBytes(expectedBytes + SLACK_BYTES);
  function* walk(): Generator<number, void> {
    let text = '';
    for (const piece of pieces(request, conversation)) {
      text += piece;
      if (text.length < PART_CHARS) {
        yield piece.length;
        continue;
      }
      for (const part of parts(text)) {
        printed.push(Buffer.from(part));
        yield part.length + 1;
      }
      text = '';
    }
    printed.push(Buffer.from(text));
  }
  await finishInTurns(steps(walk()));
  return printed.take();
}

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

const SLACK_BYTES = 64 * 1024;
const PART_CHARS = 16 * 1024;

/** No pair of surrogates is parted. */
function* parts(text: string): Generator<string, void> {
  for (let from = 0; from < text.length || from === 0; ) {
    let to = Math.min(text.length, from + PART_CHARS);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last < 0xdc00) to--;
    yield text.slice(from, to);
    from = Math.max(to, 1);
  }
}
