/** An entry's line holds all of the entry, whatever its texts are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/ledger/entry.js';
import {
  entryOfLine,
  entryText,
  headText,
  idText,
  progressText,
  readLine,
  tailText,
  withProgress,
} from '../../src/ledger/entry-text.js';
import { oddEntries as entries } from '../support/odd-entries.js';

const read = (line: string): Entry => entryOfLine(readLine(line));
const plain = (one: Entry): unknown => JSON.parse(JSON.stringify(one));

test('what is read back is what was written', () => {
  fc.assert(
    fc.property(entries, (one) => {
      assert.deepEqual(plain(read(entryText(one))), plain(one));
    }),
    { numRuns: 500 },
  );
});

test('lines of earlier versions are read: without the decision, without the id at the provider, and without what tells an estimate', () => {
  fc.assert(
    fc.property(entries, ({ provider_request_id, decision: _, ...one }) => {
      const line = readLine(entryText({ ...one, provider_request_id }));
      const withId = provider_request_id === undefined ? one : { ...one, provider_request_id };
      assert.deepEqual(plain(entryOfLine(line.slice(0, 50))), plain(withId));
      assert.deepEqual(plain(entryOfLine(line.slice(0, 49))), plain(one));
      const { estimate: _e, flags: _f, correction: _c, ...older } = one;
      assert.deepEqual(plain(entryOfLine(line.slice(0, 46))), plain(older));
      for (const many of [45, 47, 48, 52]) assert.throws(() => entryOfLine([...line, null].slice(0, many)));
    }),
    { numRuns: 100 },
  );
});

test('a result is the beginning of its intent and an end of its own; its progress lies over the intent', () => {
  fc.assert(
    fc.property(entries, entries, (intent, other) => {
      const { served_model, status, error, tokens, usage_source, cost_nusd } = other;
      const came = { served_model, status, error, tokens, usage_source, cost_nusd };
      const result: Entry = { ...intent, ...came };
      assert.deepEqual(plain(read(headText(intent) + tailText(result))), plain(result));
      const known = withProgress(readLine(entryText(intent)), readLine(progressText(result)));
      assert.deepEqual(plain(entryOfLine(known)), plain(result));
    }),
    { numRuns: 200 },
  );
});

test('what is no line is told from one', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (one, cut) => {
      const line = entryText(one);
      assert.equal(readLine(idText(one.id))[0], one.id);
      assert.throws(() => readLine(line.slice(0, cut % line.length)), /no line of an entry/);
    }),
    { numRuns: 200 },
  );
  for (const text of ['', '()x"', '("a', '(a"b)', '{"id":"ent_1"}']) assert.throws(() => readLine(text));
});
