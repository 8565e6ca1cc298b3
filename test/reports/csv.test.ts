/** CSV both ways: what is written is read, nothing is a formula, and the guard can be taken off again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvLine, parseCsv, textCell } from '../../src/reports/csv.js';

const written = (value: string): string => parseCsv(csvLine([textCell(value), 'end']))[0]![0]!;
/** What docs/reports.md tells a reader to do. */
const unguarded = (cell: string): string => (cell.startsWith("'") ? cell.slice(1) : cell);

test('any text comes back whole, once one apostrophe is taken off where there is one', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^['=+@\t"-]{1,3}[a-z,"\r\n]{0,4}$/)),
      (text) => {
        assert.equal(unguarded(written(text)), text);
      },
    ),
  );
});

test('a formula and a text that looks like a guarded formula are told apart', () => {
  assert.equal(written('=1+1'), "'=1+1");
  assert.equal(written("'=1+1"), "''=1+1");
  assert.notEqual(written('=1+1'), written("'=1+1"));
});

test('no cell begins as a formula does, in any of the forms that spreadsheets know', () => {
  for (const first of ['=', '+', '-', '@', '\t', '\r', '\n', '\uff1d', '\uff0b', '\uff0d', '\uff20'])
    assert.ok(written(`${first}cmd`).startsWith("'"), JSON.stringify(first));
  for (const text of ['key_1', '1=1', 'a@b', '']) assert.equal(written(text), text);
});
