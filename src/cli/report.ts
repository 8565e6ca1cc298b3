/** `tollgate report`: a report of spend from a running gateway, as a table, or in any of its formats to a file or the output. */
import type { Command } from 'commander';
import {
  aligned,
  ask,
  asksGateway,
  type Common,
  ownWorld,
  type StreamingWorld,
  tellsUser,
  UserError,
} from './gateway-client.js';
import { printed, saved } from './saved.js';

interface ReportOptions extends Common {
  readonly from?: string;
  readonly to?: string;
  readonly month?: string;
  readonly groupBy?: string;
  readonly timezone?: string;
  readonly format?: string;
  readonly filter?: string[];
  readonly output?: string;
}

interface ReportAnswer {
  readonly from: string;
  readonly to: string;
  readonly group_by: readonly string[];
  readonly data: readonly Row[];
  readonly total: Row;
}

type Row = Readonly<Record<string, unknown>> & {
  readonly requests: number | string;
  readonly tokens: { readonly [kind: string]: number | string };
  readonly cost_usd: string;
  readonly billed_usd: string;
};

/** A million entries take a while to be written. */
const REPORT_MS = 30 * 60_000;

export function registerReport(program: Command, world: StreamingWorld = ownWorld): void {
  const told = tellsUser(world);
  asksGateway(program.command('report').description('what was spent, by anything that entries have'))
    .option('--from <when>', 'a date or a time with a zone; the beginning of this month unless told')
    .option('--to <when>', 'a date or a time with a zone; now unless told')
    .option('--month <month>', 'a whole month, such as 2026-11, in place of --from and --to')
    .option('--group-by <names>', 'such as day,team,model', 'team,model')
    .option('--timezone <zone>', 'where hours, days and months begin; UTC unless told')
    .option('--format <format>', 'json, csv, parquet or focus; a table unless told')
    .option('--filter <name=value>', 'such as team=search; may be repeated', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('-o, --output <file>', 'where to write it; the standard output unless told')
    .action(told((options: ReportOptions) => report(world, options)));
}

async function report(world: StreamingWorld, options: ReportOptions): Promise<void> {
  const query = new URLSearchParams();
  const set = (name: string, value: string | undefined) => value !== undefined && query.append(name, value);
  const { from, to } = periodOf(options);
  set('from', from);
  set('to', to);
  set('group_by', options.groupBy);
  set('timezone', options.timezone);
  for (const filter of options.filter ?? []) {
    const at = filter.indexOf('=');
    if (at < 1) throw new UserError(`--filter ${filter}: expected name=value, such as team=search.`);
    query.append(filter.slice(0, at), filter.slice(at + 1));
  }
  const format = options.format ?? (options.json || options.output ? 'json' : undefined);
  query.set('format', format ?? 'json');
  const { answer } = await ask(world, options, 'GET', `/reports/spend?${query}`, { timeoutMs: REPORT_MS });
  if (options.output !== undefined) {
    await saved(answer, options.output);
    return;
  }
  if (format === 'parquet') throw new UserError('A Parquet file is not for a screen: name a file with --output.');
  if (format !== undefined) await printed(answer, world.output);
  else world.print(table((await answer.json()) as ReportAnswer).join('\n'));
}

/** Dates begin at midnight of the report's time zone; the end of a period is not in it. */
function periodOf({ month, from, to }: ReportOptions): { from: string | undefined; to: string | undefined } {
  if (month === undefined) return { from, to };
  if (from !== undefined || to !== undefined) throw new UserError('--month stands in the place of --from and --to.');
  const [, year, number] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? [];
  if (year === undefined) throw new UserError(`--month ${month}: expected a month, such as 2026-11.`);
  const next =
    number === '12'
      ? `${String(Number(year) + 1).padStart(4, '0')}-01`
      : `${year}-${String(Number(number) + 1).padStart(2, '0')}`;
  return { from: `${month}-01`, to: `${next}-01` };
}

function table({ group_by, data, total, from, to }: ReportAnswer): string[] {
  const shown = (value: unknown): string => (value === null || value === undefined ? '-' : String(value));
  const figures = ({ requests, tokens, cost_usd, billed_usd }: Row): string[] => {
    const input = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h'].map((kind) => BigInt(tokens[kind] ?? 0));
    return [
      String(requests),
      String(input.reduce((a, b) => a + b, 0n)),
      String(tokens['output'] ?? 0),
      cost_usd,
      billed_usd,
    ];
  };
  return [
    `${from} to ${to}`,
    '',
    ...aligned([
      [...group_by.map((name) => name.toUpperCase()), 'REQUESTS', 'INPUT', 'OUTPUT', 'COST USD', 'BILLED USD'],
      ...data.map((row) => [...group_by.map((name) => shown(row[name])), ...figures(row)]),
      [...group_by.map((_, i) => (i === 0 ? 'total' : '')), ...figures(total)],
    ]),
  ];
}
