/** AWS's event stream: whole frames in whatever pieces they come, and nothing that is not one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EventFrame, EventFrames } from '../../src/formats/event-stream.js';
import { errorFrame, event, exception } from '../support/event-frames.js';

const all = Buffer.concat([
  event('messageStart', { role: 'assistant' }),
  exception('throttlingException', 'slow down'),
  errorFrame('internal', 'oops'),
]);

function read(pieces: readonly Buffer[]) {
  const frames = new EventFrames();
  const seen: EventFrame[] = [];
  for (const piece of pieces) frames.feed(piece, (frame) => seen.push(frame) > 0);
  return { frames, seen: seen.map(({ kind, name, message, payload }) => [kind, name, message, payload.toString()]) };
}

const expected = [
  ['event', 'messageStart', '', '{"role":"assistant","p":"abcdef"}'],
  ['exception', 'throttlingException', '', '{"message":"slow down"}'],
  ['error', 'internal', 'oops', ''],
];

test('frames are the same wherever they are cut', () => {
  for (let at = 0; at <= all.length; at++)
    assert.deepEqual(read([all.subarray(0, at), all.subarray(at)]).seen, expected, `at ${at}`);
  const bytes = [...all].map((_, at) => all.subarray(at, at + 1));
  assert.deepEqual(read(bytes).seen, expected);
});

test('the first twelve bytes have the checksum that AWS publishes for them', () => {
  const frame = event('messageStart', { role: 'assistant' });
  assert.equal(frame.readUInt32BE(0), frame.length);
  const { frames } = read([Buffer.from('0000008e0000006151418055', 'hex'), Buffer.alloc(0x8e - 12)]);
  assert.equal(frames.broken, 'a frame whose checksum is wrong');
});

test('a bit that fell over anywhere is seen', () => {
  const frame = event('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hi' } });
  for (let at = 4; at < frame.length; at++) {
    const broken = Buffer.from(frame);
    broken[at] = broken[at]! ^ 1;
    const { frames, seen } = read([broken]);
    assert.deepEqual([seen, frames.broken], [[], 'a frame whose checksum is wrong'], `at ${at}`);
  }
});

test('a length that no frame has is refused before anything is kept', () => {
  for (const length of [0, 15, 16 * 1024 * 1024 + 1, 0xffffffff]) {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32BE(length, 0);
    assert.equal(read([bytes]).frames.broken, 'a frame of an impossible length', String(length));
  }
});

test('what is left over is told, and nothing is read after the reader said no', () => {
  assert.equal(read([all.subarray(0, all.length - 1)]).frames.cut, true);
  assert.equal(read([all]).frames.cut, false);
  let seen = 0;
  new EventFrames().feed(all, () => ++seen < 1);
  assert.equal(seen, 1);
});
