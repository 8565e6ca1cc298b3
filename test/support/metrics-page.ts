/** `docs/metrics.md`, printed from the table of metrics and from what the registry has beside it. */
import { labels, type MetricRow } from '../../src/telemetry/metric-table.js';

interface Registered {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

const HEAD = `# Metrics

<!-- Printed from src/telemetry/metric-table.ts: UPDATE_DOCS=1 npm test -- telemetry/metrics -->

\`GET /metrics\` is Prometheus' text format; \`telemetry.metrics: false\` switches it off. It needs no key: bind the gateway to an
address that only your own network reaches, or let the proxy in front refuse the path.

No caller can make a series. Names in labels come from the configuration: all names behind a wildcard share one. What is a counter
counts from the start of the process. Where a metric is **watched**, an operator acts on it: it is in the dashboard
(\`deploy/grafana/dashboards/tollgate.json\`) and in an alert (\`deploy/prometheus/alerts.yml\`, [what to do](operations.md#alerts)).

Which team is refused, and for what: \`sum by (team, reason) (rate(tollgate_refused_requests_total[5m]))\`. What a model costs:
\`sum by (model) (increase(tollgate_cost_usd_total[1d]))\`. Whether the database answers: \`tollgate_database_up\`.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, 3, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((text, at) => text.padEnd(widths[at]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

export function metricsPage(table: Readonly<Record<string, MetricRow>>, registered: readonly Registered[]): string {
  const own = Object.entries(table).map(([name, { type, help, labels: of = [], watched }]) => [
    `\`${name}\``,
    type,
    of.map((label) => `\`${label}\``).join(', '),
    watched ? 'yes' : '',
    cell(help),
  ]);
  const used = new Set(Object.values(table).flatMap(({ labels: of = [] }) => of));
  const values = Object.entries(labels)
    .filter(([label]) => used.has(label as keyof typeof labels))
    .map(([label, told]) => [`\`${label}\``, cell(told)]);
  const bounds = Object.entries(table)
    .filter(([, row]) => row.bounds)
    .map(([name, row]) => [`\`${name}\``, row.bounds!.join(', ')]);
  const node = registered.map(({ name, type, help }) => [`\`${name}\``, type, cell(help)]);
  return `${HEAD}
## The gateway's own

${tableOf(['metric', 'type', 'labels', 'watched', 'what it tells'], own)}

## Labels

${tableOf(['label', 'its values'], values)}

## Bounds of histograms

${tableOf(['histogram', 'upper bounds, seconds'], bounds)}

## The process

${tableOf(['metric', 'type', 'what it tells'], node)}
`;
}
