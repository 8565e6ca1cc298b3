/** What is shipped for those who watch gateways: a dashboard and alerts of metrics that exist, and what to do at each alert. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { type LabelName, metricTable } from '../../src/telemetry/metric-table.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { alertCases } from '../support/alert-cases.js';
import { promtool, withoutPromtool } from '../support/promtool.js';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const { panels } = JSON.parse(read('deploy/grafana/dashboards/tollgate.json')) as { panels: readonly Panel[] };
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ of: title, expr, legendFormat })),
);
const alertsFile = join(packageRoot, 'deploy/prometheus/alerts.yml');
const rules = (parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  ({ rules: some }) => some,
);

/** Names of metrics in a query, and for each label that it names, where. */
const namesIn = (expr: string): string[] => expr.match(/\b(?:tollgate|nodejs|process)_\w+/g) ?? [];
const labelsIn = (expr: string): string[] => [
  ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((label) => label.trim())),
  ...[...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!),
];
const familyOf = (name: string): string => (name in metricTable ? name : name.replace(/_(bucket|sum|count)$/, ''));
/** Of Prometheus itself, of histograms, and of what the process tells. */
const given = new Set(['instance', 'job', 'le']);

async function wrongIn(expr: string): Promise<string[]> {
  const own = namesIn(expr).map(familyOf);
  const registered = new Set((await new Metrics().registry.getMetricsAsJSON()).map(({ name }) => name));
  const unknown = own.filter((name) => !(name in metricTable || registered.has(name)));
  const allowed = new Set<string>(
    own.flatMap((name): readonly LabelName[] => metricTable[name as keyof typeof metricTable]?.labels ?? []),
  );
  if (own.some((name) => name.startsWith('nodejs_gc_'))) allowed.add('kind');
  return [...unknown, ...labelsIn(expr).filter((label) => !allowed.has(label) && !given.has(label))];
}

const shown = new Set(queries.flatMap(({ expr }) => namesIn(expr).map(familyOf)));
const alarmed = new Set(rules.flatMap(({ expr }) => namesIn(expr).map(familyOf)));
const dir = mkdtempSync(join(tmpdir(), 'tollgate-watching-'));
after(() => rmSync(dir, { recursive: true }));

describe('the dashboard', () => {
  it('asks for metrics and labels that exist, and names labels that its queries keep', async () => {
    for (const { of, expr, legendFormat } of queries) {
      assert.deepEqual(await wrongIn(expr), [], `${of}: ${expr}`);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        const kept = /\bby \(/.test(expr) ? labelsIn(expr).includes(label!) : label === 'instance';
        assert.ok(kept, `${of}: ${label} is not in what ${expr} answers`);
      }
    }
  });

  it('shows every metric that an operator acts on, and nearly all others', () => {
    const watched = Object.entries(metricTable).flatMap(([name, { watched: is }]) => (is ? [name] : []));
    assert.ok(watched.length > 20);
    assert.deepEqual(
      watched.filter((name) => !shown.has(name)),
      [],
    );
    const others = Object.keys(metricTable).filter((name) => !shown.has(name));
    assert.deepEqual(others, ['tollgate_health_probes_total', 'tollgate_config_since_timestamp_seconds']);
  });

  it('has queries that Prometheus can read', { skip: withoutPromtool }, () => {
    const file = join(dir, 'dashboard.yml');
    const rows = queries.map(({ expr }, at) => ({
      record: `query:${at}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }));
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: rows }] }));
    const { ok, told } = promtool(['check', 'rules', file]);
    assert.ok(ok, told);
  });
});

describe('the alerts', () => {
  it('are of metrics and labels that exist, and cover every metric that an operator acts on', async () => {
    for (const { alert, expr } of rules) assert.deepEqual(await wrongIn(expr), [], alert);
    const watched = Object.entries(metricTable).filter(([, { watched: is }]) => is);
    assert.deepEqual(
      watched.map(([name]) => name).filter((name) => !alarmed.has(name)),
      [],
    );
    assert.deepEqual(
      [...alarmed].filter((name) => name.startsWith('tollgate_') && !watched.some(([one]) => one === name)),
      [],
    );
  });

  it('each say how severe they are, and where docs/operations.md says what to do', () => {
    const chapters = new Set([...read('docs/operations.md').matchAll(/^#+ (\w+)$/gm)].map(([, title]) => title!));
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels['severity']!, /^(critical|warning|info)$/, alert);
      assert.ok(annotations.summary.length > 10, alert);
      assert.equal(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`);
      assert.ok(chapters.has(alert), `docs/operations.md has no chapter ${alert}`);
    }
  });

  it('are read by Prometheus', { skip: withoutPromtool }, () => {
    const { ok, told } = promtool(['check', 'config', join(packageRoot, 'deploy/prometheus/prometheus.yml')]);
    assert.ok(ok, told);
  });

  it('each fire once, and for the right ones', { skip: withoutPromtool }, () => {
    assert.deepEqual(Object.keys(alertCases).sort(), rules.map(({ alert }) => alert).sort());
    const filled = (text: string, labels: Readonly<Record<string, string>>) =>
      text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '');
    const tests = rules.map(({ alert, labels: own, annotations }) => {
      const { series, at, labels = {} } = alertCases[alert]!;
      return {
        name: alert,
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          { eval_time: '0m', alertname: alert, exp_alerts: [] },
          {
            eval_time: at,
            alertname: alert,
            exp_alerts: [
              {
                exp_labels: { ...labels, ...own },
                exp_annotations: { ...annotations, summary: filled(annotations.summary, labels) },
              },
            ],
          },
        ],
      };
    });
    const file = join(dir, 'alerts.test.yml');
    writeFileSync(file, stringify({ rule_files: [alertsFile], evaluation_interval: '1m', tests }));
    const { ok, told } = promtool(['test', 'rules', file]);
    assert.ok(ok, told);
  });
});
