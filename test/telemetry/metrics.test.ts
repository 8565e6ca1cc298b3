/** The page of the metrics is what the table has, and no label grows without a bound. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noUsage } from '../../src/formats/usage.js';
import { packageRoot } from '../../src/lib/root.js';
import { MOST_TEAMS, metricTable } from '../../src/telemetry/metric-table.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { metricsPage } from '../support/metrics-page.js';

test('docs/metrics.md is what the table and the registry have', async () => {
  const all = await new Metrics().registry.getMetricsAsJSON();
  const process = all
    .filter(({ name }) => !name.startsWith('tollgate_'))
    .map(({ name, help, type }) => ({ name, help, type: String(type) }))
    .sort((a, b) => a.name.localeCompare(b.name));
  const page = metricsPage(metricTable, process);
  const file = join(packageRoot, 'docs/metrics.md');
  if (globalThis.process.env['UPDATE_DOCS']) writeFileSync(file, page);
  assert.equal(readFileSync(file, 'utf8'), page);
});

test('teams are told apart up to a bound; those that come later are one', async () => {
  const metrics = new Metrics();
  for (let i = 0; i < MOST_TEAMS + 50; i++) {
    metrics.refused('rate_limit_exceeded', `team-${i}`);
    metrics.usage('m', 'p', `team-${i}`, noUsage(), 1_000_000_000);
  }
  const text = await metrics.registry.metrics();
  const series = (name: string) => text.split('\n').filter((line) => line.startsWith(`${name}{`));
  assert.equal(series('tollgate_refused_requests_total').length, MOST_TEAMS + 1);
  assert.equal(series('tollgate_team_cost_usd_total').length, MOST_TEAMS + 1);
  assert.match(text, /^tollgate_refused_requests_total\{reason="rate_limit_exceeded",team="other"\} 50$/m);
  assert.match(text, /^tollgate_team_cost_usd_total\{team="other"\} 50$/m);
});
