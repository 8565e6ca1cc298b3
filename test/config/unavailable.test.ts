// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUnavailable, unavailablePaths } from '../../src/config/unavailable.js';
import { processors } from '../../src/lib/processors.js';
import { bad, good } from './support.js';

test('what this version does not do is refused at its place, not ignored', (t) => {
  assert.deepEqual(bad(t, 'capture: { content: off }'), ['1:1 capture: `capture` is not available in this version']);
});

test('every row of the table refuses a configuration that has it', () => {
  for (const path of unavailablePaths()) {
    const steps = path.split('.');
    const build = ([step, ...rest]: string[]): unknown => {
      if (step === undefined) return 2;
      return { [step === '*' ? 'any' : step]: build(rest) };
    };
    const found = findUnavailable(build(steps));
    assert.equal(found.length, 1, path);
    assert.match(found[0]!.message, /is not available in this version$/);
  }
});

test('a number of workers, or one for each processor', (t) => {
  assert.equal(good(t, 'server: { workers: 4 }').server.workers, 4);
  assert.equal(good(t, 'server: { workers: "${W}" }', { W: '2' }).server.workers, 2);
  assert.equal(good(t, 'server: { workers: auto }').server.workers, processors());
  assert.equal(good(t, 'server: { workers: "${W}" }', { W: 'auto' }).server.workers, processors());
  for (const wrong of ['0', '65', '1.5', 'many', '-1'])
    assert.deepEqual(bad(t, `server: { workers: ${wrong} }`), [
      '1:20 server.workers: expected a whole number from 1 to 64, or auto',
    ]);
});

test('a value of any shape can be looked through', () => {
  for (const value of [null, undefined, 1, 'x', [], { models: null }, { models: [1, null] }, { models: { m: 'x' } }]) {
    assert.deepEqual(findUnavailable(value), []);
  }
});
