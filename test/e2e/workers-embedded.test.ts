/** Two workers over the embedded database, which only one process can have, behind HTTPS. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, ledgerOf, levelIs, sandboxConfig, words } from '../support/limits-http.js';

const fixture = (name: string): string => join(packageRoot, 'test/fixtures/tls', name);

let gateway: Gateway;
before(async () => {
  gateway = await startGateway({
    database: 'embedded',
    https: { ca: readFileSync(fixture('ca.pem'), 'utf8') },
    config: {
      ...sandboxConfig,
      server: { workers: 2, tls: { cert: fixture('valid.pem'), key: fixture('valid.key') } },
    },
  });
});
after(() => gateway.close());

test('a budget is exact over both, every answer has its entry, and counter and ledger agree', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'usd', max: 0.005, per: 'total' }] });
  const answers = await Promise.all(Array.from({ length: 150 }, () => ask(gateway, key, words(20))));
  assert.ok(answers.every(({ status }) => status === 200 || status === 429));
  const { spent, max } = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  assert.ok(spent <= max && spent > max * 0.9, `${spent}`);
  const { usdNano, entries } = await ledgerOf(gateway, id);
  assert.equal(usdNano, spent);
  assert.equal(entries, answers.filter(({ status }) => status === 200).length);
});
