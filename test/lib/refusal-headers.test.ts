import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, errorTable, refusalHeaders } from '../../src/lib/errors.js';

describe('the headers of a refusal', () => {
  const table: readonly (readonly [headers: Record<string, string>, after: string, ms: string | undefined])[] = [
    [{}, '1', '1000'],
    [{ 'retry-after': '7' }, '7', '7000'],
    [{ 'retry-after-ms': '250' }, '1', '250'],
    [{ 'retry-after': '2', 'retry-after-ms': '1500' }, '2', '1500'],
    [{ 'x-should-retry': 'false' }, '60', '60000'],
    [{ 'retry-after': 'Tue, 24 Nov 2026 08:00:00 GMT' }, 'Tue, 24 Nov 2026 08:00:00 GMT', undefined],
    [{ 'retry-after': '-5' }, '-5', '0'],
  ];
  for (const [headers, after, ms] of table) {
    test(`with ${JSON.stringify(headers)}`, () => {
      for (const status of [429, 503]) {
        const told = refusalHeaders({ ...headers, 'x-other': 'kept' }, status);
        assert.deepEqual([told['retry-after'], told['retry-after-ms'], told['x-other']], [after, ms, 'kept']);
      }
      assert.deepEqual(refusalHeaders(headers, 400), headers);
    });
  }

  test('no row of the table that is 429 or 503 is told without the time', () => {
    const codes = (Object.keys(errorTable) as ErrorCode[]).filter((code) =>
      [429, 503].includes(errorTable[code].status),
    );
    assert.ok(codes.length >= 5);
    for (const code of codes) assert.ok(refusalHeaders(undefined, errorTable[code].status)['retry-after'], code);
  });
});
