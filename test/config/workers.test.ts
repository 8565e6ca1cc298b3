// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processors } from '../../src/lib/processors.js';
import { bad, good } from './support.js';

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
