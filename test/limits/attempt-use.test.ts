/** Which attempts a limit counts, with what is known of their models: their scope, or their name alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usedBy } from '../../src/limits/attempt-use.js';

const used = { target: 't/m', inputTokens: 3, outputTokens: 2, usdNano: 10 };

test('a limit on a wildcard counts names behind it, and no model of its own that is like it where that is known', () => {
  const behind = { ...used, model: 'open/one', modelScope: 'open/*' };
  const own = { ...used, model: 'open/special', modelScope: 'open/special' };
  assert.deepEqual(usedBy({ model: 'open/*' }, [behind, own]), {
    requests: 1,
    inputTokens: 3,
    outputTokens: 2,
    usdNano: 10,
  });
  assert.equal(usedBy({ model: 'open/*' }, [own]).requests, 0);
  const { modelScope: _, ...unknown } = own;
  assert.equal(usedBy({ model: 'open/*' }, [unknown]).requests, 1, 'the ledger keeps names alone');
});

test('a limit for a pattern of models goes by names, and one without by nothing', () => {
  const attempts = [
    { ...used, model: 'a/one' },
    { ...used, model: 'b/one' },
  ];
  assert.equal(usedBy({ models: 'a/*' }, attempts).usdNano, 10);
  assert.equal(usedBy({}, attempts).usdNano, 20);
  assert.equal(usedBy({ models: 'c/*' }, attempts).requests, 0);
});
