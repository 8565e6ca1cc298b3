/** Long events, in whatever pieces they come; the streams of the formats show all else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SseEvent, SseReader } from '../../src/formats/sse.js';

function read(bytes: Buffer, size: number, limit?: number): { events: SseEvent[]; reader: SseReader } {
  const reader = new SseReader(limit);
  const events: SseEvent[] = [];
  for (let at = 0; at < bytes.length; at += size)
    reader.feed(Buffer.from(bytes.subarray(at, at + size)), (event) => {
      events.push(event);
      return true;
    });
  return { events, reader };
}

const long = 'é'.repeat(150_000);

describe('a long event', () => {
  for (const [end, name] of [
    ['\n', 'LF'],
    ['\r\n', 'CR LF'],
    ['\r', 'CR'],
  ] as const)
    it(`ends with its blank line of ${name}, wherever pieces are cut`, () => {
      const text = `data: first${end}${end}data: ${long}${end}${end}event: x${end}data: ${long}${end}data: more${end}${end}data: last${end}${end}`;
      for (const size of [1021, 65_536, 65_537, 299_999, 300_024, 1_000_000]) {
        const { events, reader } = read(Buffer.from(`${text}: end\n\n`), size);
        assert.deepEqual(
          events.map((event) => [event.name, event.data?.length, event.data?.slice(-4)]),
          [
            ['', 5, 'irst'],
            ['', 150_000, 'éééé'],
            ['x', 150_005, 'more'],
            ['', 4, 'last'],
            ['', undefined, undefined],
          ],
          `pieces of ${size}`,
        );
        assert.equal(Buffer.concat(events.map(({ raw }) => raw)).toString(), `${text}: end\n\n`);
        assert.equal(reader.pending, false);
      }
    });

  it('without an end is what is left', () => {
    const { events, reader } = read(Buffer.from(`data: ${long}`), 70_000);
    assert.equal(events.length, 0);
    assert.equal(reader.rest()?.data, long);
  });

  it('that is too long is dropped, whole or in pieces', () => {
    for (const size of [1000, 70_000, 1_000_000]) {
      const { reader } = read(Buffer.from(`data: ${long}`), size, 200_000);
      assert.equal(reader.overflow, true, `pieces of ${size}`);
      assert.equal(reader.pending, false);
    }
  });
});
