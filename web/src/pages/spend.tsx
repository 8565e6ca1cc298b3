/** What was spent over time, and by whom and on what. Where nothing was, how to begin. */
import { Card, Flex, Heading } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { type Entry, get, type Page, type PerformanceReport, query, type SpendReport } from '../api';
import { Choice } from '../parts/fields';
import { Figures } from '../parts/figures';
import { Answer, PageFrame } from '../parts/page';
import { usePeriod } from '../parts/period';
import { type Column, DataTable } from '../parts/table';
import { compact, count, dateAfter, dateIn, dollars, milliseconds, time, tokensOf } from '../words';
import { FirstSteps } from './first-steps';

const groups = [
  ['model', 'model'],
  ['team', 'team'],
  ['key', 'key'],
  ['provider', 'provider'],
  ['user', 'end user'],
  ['tag', 'tag'],
] as const;

/** Days that a curve has at most. */
const MOST_DAYS = 800;

export function SpendPage() {
  const { period, zone, fields } = usePeriod('30');
  const [by, setBy] = useState('model');
  const days = useQuery({
    queryKey: ['spend', 'day', period],
    queryFn: () => get<SpendReport>(`/reports/spend${query({ ...period, group_by: 'day' })}`),
  });
  const top = useQuery({
    queryKey: ['spend', by, period],
    queryFn: () => get<SpendReport>(`/reports/spend${query({ ...period, group_by: by, top: 100 })}`),
  });
  const targets = useQuery({
    queryKey: ['performance', period],
    queryFn: () => get<PerformanceReport>(`/reports/performance${query({ ...period, group_by: 'target' })}`),
  });
  return (
    <PageFrame
      title="Spend"
      actions={
        <>
          {fields}
          <Choice label="By" value={by} onChange={setBy} options={groups} />
        </>
      }
    >
      <Answer of={days}>
        {(report) =>
          report.total.attempts === 0 && report.total.requests === 0 ? (
            <Nothing />
          ) : (
            <>
              <Totals report={report} performance={targets.data} />
              <OverTime report={report} zone={zone} />
            </>
          )
        }
      </Answer>
      <Answer of={top}>
        {(report) =>
          report.data.length > 0 && (
            <DataTable
              caption={`Spend by ${by}`}
              rows={report.data}
              id={(row) => String(row[by] ?? '')}
              empty="Nothing was spent in this period."
              columns={[
                {
                  name: groups.find(([name]) => name === by)?.[1] ?? by,
                  cell: (row) => nameOf(row, by),
                  by: (row) => nameOf(row, by),
                },
                { name: 'Spend', end: true, by: (row) => Number(row.cost_usd), cell: (row) => dollars(row.cost_usd) },
                {
                  name: 'Requests',
                  end: true,
                  by: (row) => Number(row.requests),
                  cell: (row) => count(Number(row.requests)),
                },
                {
                  name: 'Errors',
                  end: true,
                  by: (row) => Number(row.errors),
                  cell: (row) => count(Number(row.errors)),
                },
                {
                  name: 'From cache',
                  end: true,
                  by: (row) => Number(row.cache_hits),
                  cell: (row) => count(Number(row.cache_hits)),
                },
                {
                  name: 'Tokens',
                  end: true,
                  by: (row) => tokensOf(row.tokens),
                  cell: (row) => compact(tokensOf(row.tokens)),
                },
              ]}
            />
          )
        }
      </Answer>
      <Answer of={targets}>
        {({ data }) =>
          data.length > 0 && (
            <DataTable
              caption="Targets: errors and latency"
              rows={data}
              id={(row) => String(row['target'])}
              empty=""
              columns={[
                { name: 'Target', by: (row) => String(row['target']), cell: (row) => String(row['target']) },
                { name: 'Attempts', end: true, by: (row) => row.attempts, cell: (row) => count(row.attempts) },
                {
                  name: 'Errors',
                  end: true,
                  by: (row) => row.errors / Math.max(1, row.attempts),
                  cell: (row) => `${((100 * row.errors) / Math.max(1, row.attempts)).toFixed(1)} %`,
                },
                latency('First byte p50', (row) => row.first_byte_ms.p50),
                latency('First byte p95', (row) => row.first_byte_ms.p95),
                latency('Duration p50', (row) => row.duration_ms.p50),
                latency('Duration p95', (row) => row.duration_ms.p95),
                latency('Duration p99', (row) => row.duration_ms.p99),
              ]}
            />
          )
        }
      </Answer>
    </PageFrame>
  );
}

/** A period without requests: of a gateway that never had one, the way to the first. */
function Nothing() {
  const newest = useQuery({ queryKey: ['spend', 'newest'], queryFn: () => get<Page<Entry>>('/usage?limit=1') });
  return (
    <Answer of={newest}>
      {({ data: [entry] }) =>
        entry ? (
          <div className="empty">
            {`Nothing was asked in this period. The newest request is of ${time(entry.at)}: choose a period that has it.`}
          </div>
        ) : (
          <FirstSteps />
        )
      }
    </Answer>
  );
}

/** What a row is of. */
type Target = PerformanceReport['data'][number];

const latency = (name: string, of: (row: Target) => number | null): Column<Target> => ({
  ...{ name, end: true },
  by: (row) => of(row) ?? 0,
  cell: (row) => milliseconds(of(row)),
});

const nameOf = (row: Readonly<Record<string, unknown>>, by: string): string =>
  String((by === 'key' ? row['key_name'] : null) ?? row[by] ?? 'none');

function Totals({
  report: { total },
  performance,
}: {
  report: SpendReport;
  performance: PerformanceReport | undefined;
}) {
  const share = (part: number): string =>
    Number(total.requests) === 0 ? '' : ` (${((100 * part) / Number(total.requests)).toFixed(1)} %)`;
  const figures = [
    ['Spend', dollars(total.cost_usd)],
    ['Requests', count(Number(total.requests))],
    ['Tokens', compact(tokensOf(total.tokens))],
    ['Errors', `${count(Number(total.errors))}${share(Number(total.errors))}`],
    ['From cache', `${count(Number(total.cache_hits))}${share(Number(total.cache_hits))}`],
    ...(performance
      ? ([
          ['Saved by the cache', dollars(performance.total.saved_usd)],
          ['Duration, p95', milliseconds(performance.total.duration_ms.p95)],
        ] as const)
      : []),
  ] as const;
  return <Figures of={figures} />;
}

function OverTime({ report, zone }: { report: SpendReport; zone: string }) {
  const points = useMemo(() => filled(report, zone), [report, zone]);
  return (
    <>
      <Curve title="Spend a day" of="spend" points={points} shown={dollars} report={report} />
      <div className="cards">
        <Curve title="Requests a day" of="requests" points={points} shown={compact} report={report} />
        <Curve title="Errors a day" of="errors" points={points} shown={compact} report={report} />
      </div>
    </>
  );
}

interface Point {
  readonly day: string;
  readonly spend: number;
  readonly requests: number;
  readonly errors: number;
}

interface CurveProps {
  readonly title: string;
  readonly of: 'spend' | 'requests' | 'errors';
  readonly points: readonly Point[];
  readonly shown: (value: number) => string;
  readonly report: SpendReport;
}

function Curve({ title, of, points, shown, report }: CurveProps) {
  const color = of === 'errors' ? 'red' : 'accent';
  return (
    <Card>
      <Flex direction="column" gap="2">
        <Heading as="h2" size="3">
          {title}
        </Heading>
        <div className="chart" role="img" aria-label={`${title} from ${report.from} to ${report.to}`}>
          <ResponsiveContainer width="100%" height="100%">
            <AreaChart data={[...points]} margin={{ top: 8, right: 8, bottom: 0, left: 8 }}>
              <CartesianGrid strokeDasharray="3 3" stroke="var(--gray-a5)" />
              <XAxis dataKey="day" tick={{ fill: 'var(--gray-11)', fontSize: 11 }} minTickGap={24} />
              <YAxis
                allowDecimals={of === 'spend'}
                tickFormatter={shown}
                tick={{ fill: 'var(--gray-11)', fontSize: 11 }}
                width={80}
              />
              <Tooltip
                formatter={(value) => shown(Number(value))}
                contentStyle={{ background: 'var(--color-panel-solid)', border: '1px solid var(--gray-a6)' }}
              />
              <Area
                dataKey={of}
                name={title}
                stroke={`var(--${color}-9)`}
                fill={`var(--${color}-a5)`}
                isAnimationActive={false}
              />
            </AreaChart>
          </ResponsiveContainer>
        </div>
      </Flex>
    </Card>
  );
}

/** Days on which nothing was spent are there as well. */
function filled({ from, to, data }: SpendReport, zone: string): Point[] {
  const of = new Map(data.map((row) => [String(row['day']), row]));
  const points: Point[] = [];
  // By their dates, since a day may have 23 hours or 25; the period ends before `to`.
  const last = dateIn(zone, Math.max(Date.parse(from), Date.parse(to) - 1));
  let day: string | undefined = dateIn(zone, Date.parse(from));
  for (; day !== undefined && day <= last && points.length < MOST_DAYS; day = dateAfter(day, 1)) {
    const row = of.get(day);
    points.push({
      day,
      spend: Number(row?.cost_usd ?? 0),
      requests: Number(row?.requests ?? 0),
      errors: Number(row?.errors ?? 0),
    });
  }
  return points;
}
