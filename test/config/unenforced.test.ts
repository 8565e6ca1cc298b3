/** A gateway does not start with settings that nothing acts on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tollgate } from '../support/gateway.js';

for (const [where, model] of [
  ['models.m.limits', 'targets: [{ provider: s, model: s }], limits: [{ unit: usd, max: 5, per: month }]'],
  ['models.m.targets.*.limits', 'targets: [{ provider: s, model: s, limits: [{ unit: requests, max: 1, per: day }] }]'],
  ['models.m.max_output', 'targets: [{ provider: s, model: s }], max_output: 10'],
] as const) {
  test(`serve refuses ${where}, by name`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tollgate-unenforced-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'config.yaml');
    writeFileSync(file, `data_dir: ./data\nproviders: { s: { type: sandbox } }\nmodels: { m: { ${model} } }\n`);
    const { status, stderr } = spawnSync(process.execPath, [tollgate, 'serve', '--config', file], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.ok(stderr.includes(`does not act on ${where} yet`), stderr);
  });
}
