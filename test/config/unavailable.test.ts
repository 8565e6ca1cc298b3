// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUnavailable, unavailablePaths } from '../../src/config/unavailable.js';
import { bad, good } from './support.js';

test('what this version does not do is refused at its place, not ignored', (t) => {
  assert.deepEqual(bad(t, 'server: { workers: 4 }'), [
    '1:20 server.workers: more than one worker is not available in this version',
  ]);
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

test('one worker is what there is', (t) => {
  assert.equal(good(t, 'server: { workers: 1 }').server.workers, 1);
  assert.equal(good(t, 'server: { workers: "${W}" }', { W: '1' }).server.workers, 1);
});

test('a worker count from the environment is no way round', (t) => {
  assert.match(bad(t, 'server: { workers: "${W}" }', { W: '2' })[0]!, /more than one worker/);
});

test('a value of any shape can be looked through', () => {
  for (const value of [null, undefined, 1, 'x', [], { models: null }, { models: [1, null] }, { models: { m: 'x' } }]) {
    assert.deepEqual(findUnavailable(value), []);
  }
});
