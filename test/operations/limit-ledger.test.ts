/** What the ledger says of an attempt, in the names under which limits count it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model, Models } from '../../src/catalog/model.js';
import { usedBy } from '../../src/limits/attempt-use.js';
import { inScopes } from '../../src/operations/limit-ledger.js';

const model = (label: string, target: string, targetLabel: string) =>
  ({ label, targets: [{ id: target, label: targetLabel }] }) as unknown as Model;
const models: Pick<Models, 'get'> = {
  get: (name) => {
    if (name === 'open/special') return model('open/special', 'up/special', 'up/special');
    return name.startsWith('open/') ? model('open/*', `up/${name.slice(5)}`, 'up/*') : undefined;
  },
};
const attempt = (name: string, target: string) => ({
  ...{ model: name, target, inputTokens: 10, outputTokens: 5, usdNano: 7 },
});

test('a model that has a name of its own is not counted under a wildcard that is like it', () => {
  const attempts = inScopes([attempt('open/special', 'up/special'), attempt('open/llama', 'up/llama')], models);
  assert.equal(usedBy({ model: 'open/*' }, attempts).inputTokens, 10);
  assert.equal(usedBy({ model: 'open/special' }, attempts).inputTokens, 10);
  assert.equal(usedBy({ target: 'up/*' }, attempts).outputTokens, 5);
  assert.equal(usedBy({}, attempts).usdNano, 14);
});

test('what the configuration has no more is counted where its name is like', () => {
  const attempts = inScopes([attempt('gone/llama', 'up/llama')], models);
  assert.equal(usedBy({ model: 'gone/*' }, attempts).inputTokens, 10);
});
