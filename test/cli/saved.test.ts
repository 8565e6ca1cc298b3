/** Answers that go to the output: no faster than they are taken there, and no further than somebody reads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { printed } from '../../src/cli/saved.js';

const PIECE = Buffer.alloc(64 * 1024, 'x');
const PIECES = 400;

/** An answer of 25 MB, and how much of it was asked for. */
function large(): { readonly answer: Response; readonly asked: () => number; readonly left: () => boolean } {
  let asked = 0;
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (asked === PIECES) return controller.close();
      asked += 1;
      controller.enqueue(PIECE);
    },
    cancel() {
      left = true;
    },
  });
  return { answer: new Response(body), asked: () => asked, left: () => left };
}

test('an answer is not read faster than the output takes it, and comes whole', async () => {
  const { answer, asked } = large();
  let take = (): void => {};
  let bytes = 0;
  const output = new Writable({
    write(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      take = done;
      this.emit('taken');
    },
  });
  const first = once(output, 'taken');
  const over = printed(answer, output);
  await first;
  for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(asked() < 40, `${asked()} of ${PIECES} pieces were read`);
  output.on('taken', () => take());
  take();
  await over;
  assert.equal(bytes, PIECES * PIECE.length + 1);
  assert.equal(output.writableEnded, false, 'what others print comes after it');
});

test('whoever has read enough is no fault, and nothing more is asked for', async () => {
  const { answer, asked, left } = large();
  const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  await printed(answer, new Writable({ write: (_piece, _encoding, done) => done(closed) }));
  assert.ok(left() && asked() < 40);
});

test('an answer that breaks off is told, and one without a last line feed gets it', async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('the gateway left')) });
  await assert.rejects(printed(new Response(broken), new PassThrough()), /broke off: the gateway left/);
  for (const text of ['{}', '{}\n', '']) {
    const output = new PassThrough();
    await printed(new Response(text), output);
    output.end();
    assert.equal(String(await new Response(output as never).text()), text && '{}\n');
  }
});
