/** The one query of a report: its pieces summed from where each is read, then together. Values are parameters, always. */
import { type Cube, cubeSource, rollupTable, sumNames, sums } from '../lib/spend-sums.js';
import type { Grouping, ReportRequest } from './request.js';
import { columns, type Segment, sourcesOf } from './sources.js';
import { isTime } from './time-column.js';

export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

type Asked = Pick<ReportRequest, 'fromMs' | 'toMs' | 'groupBy' | 'filters' | 'timezone' | 'top'>;

/** Rows `g0, g1, ...` (what they are of), the sums, and the name of the key where they are of keys. In the order of what they are of, or the dearest first. */
export function spendQuery(asked: Asked): Query {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const { cube, segments } = sourcesOf(asked);
  const timezone = asked.groupBy.some(isTime) ? `${parameter(asked.timezone)}::text` : '';
  const groups = asked.groupBy.map((_, i) => `g${i}`);
  const pieces = segments.map((segment) => piece(asked, segment, cube ?? 'main', timezone, parameter));
  if (pieces.length === 0)
    pieces.push(piece(asked, { source: 'ledger', fromMs: 0, toMs: 0 }, 'main', timezone, parameter));
  const totals = sumNames.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', ');
  // Where all that was entered was taken back again, nothing is left to tell.
  const some = sumNames.map((name) => `sum(${name}) <> 0`).join(' or ');
  const group = groups.length === 0 ? '' : `group by ${groups.join(', ')} having ${some}`;
  const order = groups.map((name, i) => `${name}${isText(asked.groupBy[i]!) ? ' collate "C"' : ''} nulls last`);
  const top = asked.top === undefined || groups.length === 0 ? '' : `limit ${parameter(asked.top)}::int`;
  const ordered = [...(top === '' ? [] : [`sum(total_nusd) desc`]), ...order];
  const grouped = `select ${[...groups, totals].join(', ')} from (${pieces.join(' union all ')}) as pieces ${group}
      ${ordered.length === 0 ? '' : `order by ${ordered.join(', ')}`} ${top}`;
  const key = asked.groupBy.indexOf('key');
  return {
    text: key === -1 ? grouped : `select *, (select name from keys where id = g${key}) from (${grouped}) as grouped`,
    values,
  };
}

const trunc = {
  hour: (at: string, zone: string) => `date_trunc('hour', ${at}, ${zone})`,
  day: (at: string, zone: string) => `to_char(${at} at time zone ${zone}, 'YYYY-MM-DD')`,
  month: (at: string, zone: string) => `to_char(${at} at time zone ${zone}, 'YYYY-MM')`,
} as const;

const isText = (name: Grouping): boolean => !['hour', 'status', 'stream'].includes(name);

function piece(
  { groupBy, filters }: Asked,
  { source, fromMs, toMs }: Segment,
  cube: Cube,
  timezone: string,
  parameter: (value: unknown) => string,
): string {
  const ledger = source === 'ledger';
  const at = ledger ? 'at' : 'start';
  const byTag = groupBy.includes('tag');
  const groups = groupBy.map((name, i) => `${isTime(name) ? trunc[name](at, timezone) : columns[name]} as g${i}`);
  const where = [`${at} >= ${parameter(iso(fromMs))}::timestamptz`, `${at} < ${parameter(iso(toMs))}::timestamptz`];
  where.push(...conditions(filters, ledger && !byTag, parameter));
  const added = sumNames.map((name) => `sum(${ledger ? sums[name] : name}) as ${name}`);
  const from = ledger ? cubeSource(byTag ? 'tag' : 'main', 'entries') : rollupTable(source, cube);
  const by = groupBy.length === 0 ? '' : `group by ${groupBy.map((_, i) => String(i + 1)).join(', ')}`;
  return `select ${[...groups, ...added].join(', ')} from ${from} as counted where ${where.join(' and ')} ${by}`;
}

/** `tagged`: the tags of an entry are a list in its row. */
function conditions(filters: Asked['filters'], tagged: boolean, parameter: (value: unknown) => string): string[] {
  return Object.entries(filters).flatMap(([name, wanted]) => {
    if (wanted === undefined) return [];
    if (name === 'tag' && tagged) return [`tags && ${parameter(wanted)}::text[] and tags <> '{}'`];
    const type = name === 'status' ? 'int' : name === 'stream' ? 'boolean' : 'text';
    return [`${columns[name as keyof typeof filters]} = any(${parameter(wanted)}::${type}[])`];
  });
}

/** Columns of a row of usage and cost by the hour, each with what makes its price, as the ledger has them. */
export const usageColumns = [
  ...[
    'hour',
    'key_id',
    'key_name',
    'team',
    'end_user',
    'tags',
    'endpoint',
    'model',
    'served_model',
    'provider',
    'target',
  ],
  ...['price_version', 'service_tier', 'correction', 'fees'],
] as const;

/** Entries by hour and by all that a bill tells apart, oldest first, for the FOCUS table. */
export function usageQuery({ fromMs, toMs, filters }: Asked): Query {
  const values: unknown[] = [iso(fromMs), iso(toMs)];
  const where = conditions(filters, true, (value) => `$${values.push(value)}`);
  const groups = `date_trunc('hour', at, 'UTC'), key_id, team, end_user, tags, endpoint, model, served_model, provider, target,
    price_version, service_tier, corrects is not null`;
  const totals = sumNames.map((name) => `sum(${sums[name]})::text as ${name}`).join(', ');
  return {
    text: `select hour, key_id, keys.name as key_name, counted.team, end_user, counted.tags, endpoint, model, served_model,
        provider, target, price_version, service_tier, correction, fees, ${sumNames.join(', ')}
      from (select date_trunc('hour', at, 'UTC') as hour, key_id, team, end_user, tags, endpoint, model, served_model,
          provider, target, price_version, service_tier, corrects is not null as correction,
          sum(case when request_nusd <> 0 then ${sums.attempts} else 0 end)::text as fees, ${totals}
        from entries where at >= $1::timestamptz and at < $2::timestamptz ${where.map((one) => `and ${one}`).join(' ')}
        group by ${groups}) as counted
      left join keys on keys.id = key_id
      order by hour, key_id collate "C", provider collate "C", target collate "C", model collate "C"`,
    values,
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
