/** What was spent over time, and by whom and on what. Where nothing was, how to begin. */
import { Card, Flex, Heading } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { get, query, type SpendReport } from '../api';
import { Choice, Field } from '../parts/fields';
import { Figures } from '../parts/figures';
import { Answer, PageFrame } from '../parts/page';
import { DataTable } from '../parts/table';
import { compact, count, dollars, tokensOf } from '../words';
import { FirstSteps } from './first-steps';

const groups = [
  ['model', 'model'],
  ['team', 'team'],
  ['key', 'key'],
  ['provider', 'provider'],
  ['user', 'end user'],
  ['tag', 'tag'],
] as const;

const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function SpendPage() {
  const [from, setFrom] = useState(daysAgo(29));
  const [to, setTo] = useState('');
  const [by, setBy] = useState('model');
  const until = to === '' ? undefined : new Date(Date.parse(to) + DAY_MS).toISOString().slice(0, 10);
  const over = (group_by: string) => `/reports/spend${query({ from, to: until, group_by, timezone: zone })}`;
  const days = useQuery({ queryKey: ['spend', 'day', from, to], queryFn: () => get<SpendReport>(over('day')) });
  const top = useQuery({ queryKey: ['spend', by, from, to], queryFn: () => get<SpendReport>(over(by)) });
  return (
    <PageFrame
      title="Spend"
      hint={`Days in ${zone}.`}
      actions={
        <>
          <Field label="From" type="date" value={from} onChange={setFrom} />
          <Field label="To" type="date" value={to} onChange={setTo} />
          <Choice label="By" value={by} onChange={setBy} options={groups} />
        </>
      }
    >
      <Answer of={days}>
        {(report) =>
          report.total.attempts === 0 && report.total.requests === 0 ? (
            <FirstSteps />
          ) : (
            <>
              <Totals report={report} />
              <SpendOverTime report={report} />
            </>
          )
        }
      </Answer>
      <Answer of={top}>
        {(report) =>
          report.data.length > 0 && (
            <DataTable
              caption={`Spend by ${by}`}
              rows={[...report.data].sort((a, b) => Number(b.cost_usd) - Number(a.cost_usd)).slice(0, 100)}
              id={(row) => String(row[by] ?? '')}
              empty="Nothing was spent in this period."
              columns={[
                { name: by, cell: (row) => String(row[by] ?? 'none') },
                { name: 'Spend', end: true, cell: (row) => dollars(row.cost_usd) },
                { name: 'Requests', end: true, cell: (row) => count(Number(row.requests)) },
                { name: 'Errors', end: true, cell: (row) => count(Number(row.errors)) },
                { name: 'From cache', end: true, cell: (row) => count(Number(row.cache_hits)) },
                { name: 'Tokens', end: true, cell: (row) => compact(tokensOf(row.tokens)) },
              ]}
            />
          )
        }
      </Answer>
    </PageFrame>
  );
}

function Totals({ report: { total } }: { report: SpendReport }) {
  const share = (part: number): string =>
    Number(total.requests) === 0 ? '' : ` (${((100 * part) / Number(total.requests)).toFixed(1)} %)`;
  const figures = [
    ['Spend', dollars(total.cost_usd)],
    ['Requests', count(Number(total.requests))],
    ['Tokens', compact(tokensOf(total.tokens))],
    ['Errors', `${count(Number(total.errors))}${share(Number(total.errors))}`],
    ['From cache', `${count(Number(total.cache_hits))}${share(Number(total.cache_hits))}`],
  ] as const;
  return <Figures of={figures} />;
}

function SpendOverTime({ report }: { report: SpendReport }) {
  const points = useMemo(() => filled(report), [report]);
  return (
    <Card>
      <Flex direction="column" gap="2">
        <Heading as="h2" size="3">
          Spend a day
        </Heading>
        <div className="chart" role="img" aria-label={`Spend a day from ${report.from} to ${report.to}`}>
          <ResponsiveContainer width="100%" height="100%">
            <AreaChart data={points} margin={{ top: 8, right: 8, bottom: 0, left: 8 }}>
              <CartesianGrid strokeDasharray="3 3" stroke="var(--gray-a5)" />
              <XAxis dataKey="day" tick={{ fill: 'var(--gray-11)', fontSize: 11 }} minTickGap={24} />
              <YAxis tickFormatter={dollars} tick={{ fill: 'var(--gray-11)', fontSize: 11 }} width={80} />
              <Tooltip
                formatter={(value) => dollars(Number(value))}
                contentStyle={{ background: 'var(--color-panel-solid)', border: '1px solid var(--gray-a6)' }}
              />
              <Area
                dataKey="spend"
                name="Spend"
                stroke="var(--accent-9)"
                fill="var(--accent-a5)"
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
function filled({ from, to, data }: SpendReport): { day: string; spend: number }[] {
  const spent = new Map(data.map((row) => [String(row['day']), Number(row.cost_usd)]));
  const points: { day: string; spend: number }[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to) && points.length < 800; at += DAY_MS) {
    const day = new Date(at).toLocaleDateString('sv-SE', { timeZone: zone });
    points.push({ day, spend: spent.get(day) ?? 0 });
  }
  return points;
}
