/**
 * The queries of a report: what its period is read from, joined and summed up in one pass. Of a report of the dearest keys, two: which
 * ones they are, by their cost alone, and then all figures of those few, which indexes find. Values are parameters, always.
 */
import { cubeSource, rollupTable, type Sum, sumNames, sums } from '../lib/spend-sums.js';
import type { Grouping, ReportRequest } from './request.js';
import { columns, inLedger, type Period, type Segment, sourcesOf } from './sources.js';
import { isTime } from './time-column.js';

export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

type Asked = Period & Pick<ReportRequest, 'top'>;

/** Of these there may be many, and an index leads to each. */
const many = ['key', 'user'] as const;
type Many = (typeof many)[number];
/** Rows of these alone; null is one of them. */
export type Narrowed = Readonly<Partial<Record<Many, readonly (string | null)[]>>>;

/** Rows `g0, g1, ...` (what they are of), the sums, and the name of the key where they are of keys. In the order of what they are of, or the dearest first. */
export function spendQuery(asked: Asked, narrowed: Narrowed = {}): Query {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const pieces = piecesOf(asked, sumNames, narrowed, parameter);
  const groups = asked.groupBy.map((_, i) => `g${i}`);
  const totals = sumNames.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', ');
  // Where all that was entered was taken back again, nothing is left to tell.
  const some = sumNames.map((name) => `sum(${name}) <> 0`).join(' or ');
  const group = groups.length === 0 ? '' : `group by ${groups.join(', ')} having ${some}`;
  const order = inOrder(asked.groupBy);
  const top = asked.top === undefined || groups.length === 0 ? '' : `limit ${parameter(asked.top)}::int`;
  const ordered = [...(top === '' ? [] : [`sum(total_nusd) desc`]), ...order];
  const grouped = `select ${[...groups, totals].join(', ')} from (${pieces}) as pieces ${group}
      ${ordered.length === 0 ? '' : `order by ${ordered.join(', ')}`} ${top}`;
  const key = asked.groupBy.indexOf('key');
  return {
    text: key === -1 ? grouped : `select *, (select name from keys where id = g${key}) from (${grouped}) as grouped`,
    values,
  };
}

const inOrder = (groupBy: readonly Grouping[]): string[] =>
  groupBy.map((name, i) => `g${i}${isText(name) ? ' collate "C"' : ''} nulls last`);

/** What the dearest rows are of, and nothing else of them; null where all figures are as well read at once. Rows that cost nothing are left out. */
export function dearestQuery(asked: Asked): Query | null {
  if (asked.top === undefined || !asked.groupBy.some(isMany)) return null;
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const pieces = piecesOf(asked, ['total_nusd'], {}, parameter);
  const groups = asked.groupBy.map((_, i) => `g${i}`).join(', ');
  return {
    text: `select ${groups} from (${pieces}) as pieces group by ${groups} having sum(total_nusd) > 0
      order by ${['sum(total_nusd) desc', ...inOrder(asked.groupBy)].join(', ')} limit ${parameter(asked.top)}::int`,
    values,
  };
}

/** Where there are as many of the dearest rows as are asked for: by what the others are left out. */
export function narrowedBy({ groupBy, top }: Asked, dearest: readonly (readonly unknown[])[]): Narrowed {
  if (dearest.length !== top) return {};
  const columnsOf = groupBy.flatMap((name, i) => (isMany(name) ? [[name, i] as const] : []));
  return Object.fromEntries(columnsOf.map(([name, i]) => [name, [...new Set(dearest.map((row) => row[i]))]]));
}

const isMany = (name: Grouping): name is Many => (many as readonly string[]).includes(name);

function piecesOf(
  asked: Asked,
  summed: readonly Sum[],
  narrowed: Narrowed,
  parameter: (value: unknown) => string,
): string {
  const segments = sourcesOf(
    asked,
    summed.every((name) => name === 'total_nusd'),
  );
  const timezone = asked.groupBy.some(isTime) ? `${parameter(asked.timezone)}::text` : '';
  const read = segments.length > 0 ? segments : [{ sums: null, fromMs: 0, toMs: 0, sign: 1 } as const];
  const pieces = read
    .map((segment) => piece(asked, segment, { summed, narrowed, timezone, parameter }))
    .join(' union all ');
  if (timezone === '') return pieces;
  // Times are put into words once for each beginning of an hour or a day, and not once for each row.
  const groups = asked.groupBy.map((_, i) => `g${i}`);
  const told = asked.groupBy.map((name, i) => (isTime(name) ? `${words[name](`g${i}`, timezone)} as g${i}` : `g${i}`));
  const sum = summed.map((name) => `sum(${name}) as ${name}`);
  return `select ${[...told, ...summed].join(', ')} from (
    select ${[...groups, ...sum].join(', ')} from (${pieces}) as pieces group by ${groups.join(', ')}) as starts`;
}

const words = {
  hour: (at: string, zone: string) => `date_trunc('hour', ${at}, ${zone})`,
  day: (at: string, zone: string) => `to_char(${at} at time zone ${zone}, 'YYYY-MM-DD')`,
  month: (at: string, zone: string) => `to_char(${at} at time zone ${zone}, 'YYYY-MM')`,
} as const;

const isText = (name: Grouping): boolean => !['hour', 'status', 'stream'].includes(name);

interface Pieces {
  readonly summed: readonly Sum[];
  readonly narrowed: Narrowed;
  /** In SQL. */
  readonly timezone: string;
  readonly parameter: (value: unknown) => string;
}

function piece(
  { groupBy, filters }: Asked,
  { sums: read, fromMs, toMs, sign, costs }: Segment,
  { summed, narrowed, timezone, parameter }: Pieces,
): string {
  const ledger = read === null;
  const at = ledger ? 'at' : 'start';
  const byTag = groupBy.includes('tag');
  const beginning = (name: string): string => (ledger ? `date_trunc('${name}', at, ${timezone})` : 'start');
  const column = (name: string): string => (ledger ? inLedger(name) : name);
  const groups = groupBy.map((name, i) => `${isTime(name) ? beginning(name) : column(columns[name])} as g${i}`);
  const where = [`${at} >= ${parameter(iso(fromMs))}::timestamptz`, `${at} < ${parameter(iso(toMs))}::timestamptz`];
  where.push(...conditions(filters, ledger && !byTag, parameter, column));
  for (const [name, some] of Object.entries(narrowed)) where.push(isOneOf(columns[name as Many], some, parameter));
  // Of sums by month their cost alone is asked.
  const added = summed.map(
    (name) => `${sign === 1 ? '' : '-'}(${costs?.join(' + ') ?? (ledger ? sums[name] : name)})::bigint as ${name}`,
  );
  const from = read === null ? cubeSource(byTag ? 'tag' : 'main', 'entries') : rollupTable(read.grain, read.cube);
  return `select ${[...groups, ...added].join(', ')} from ${from} as counted where ${where.join(' and ')}`;
}

function isOneOf(column: string, some: readonly (string | null)[], parameter: (value: unknown) => string): string {
  const given = `${column} = any(${parameter(some.filter((one) => one !== null))}::text[])`;
  return some.includes(null) ? `(${given} or ${column} is null)` : given;
}

/** `tagged`: the tags of an entry are a list in its row. */
function conditions(
  filters: Asked['filters'],
  tagged: boolean,
  parameter: (value: unknown) => string,
  column: (name: string) => string = inLedger,
): string[] {
  return Object.entries(filters).flatMap(([name, wanted]) => {
    if (wanted === undefined) return [];
    if (name === 'tag' && tagged) return [`tags && ${parameter(wanted)}::text[] and tags <> '{}'`];
    const type = name === 'status' ? 'int' : name === 'stream' ? 'boolean' : 'text';
    return [`${column(columns[name as keyof typeof filters])} = any(${parameter(wanted)}::${type}[])`];
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
export function usageQuery({ fromMs, toMs, filters }: Pick<Asked, 'fromMs' | 'toMs' | 'filters'>): Query {
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
