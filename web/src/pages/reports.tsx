/** Spend reports: looked at here, or taken along as CSV, Parquet or FOCUS. */
import { Button, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, getBlob, query, type SpendReport } from '../api';
import { Only } from '../me';
import { Choice } from '../parts/fields';
import { Answer, PageFrame, Problem } from '../parts/page';
import { usePeriod } from '../parts/period';
import { DataTable } from '../parts/table';
import { count, dollars } from '../words';

const formats = [
  ['csv', 'CSV'],
  ['parquet', 'Parquet'],
  ['focus', 'FOCUS 1.2'],
  ['json', 'JSON'],
] as const;

/** What rows may be of, in the order of the columns. */
const groups = [
  ...(['month', 'day', 'team', 'key', 'model', 'provider', 'target', 'user', 'tag'] as const),
  ...(['endpoint', 'cache', 'status'] as const),
] as const;
const shownAs: Readonly<Record<string, string>> = { user: 'end user' };

export function ReportsPage() {
  const { period, fields } = usePeriod('this');
  const [columns, setColumns] = useState<readonly string[]>(['team', 'model']);
  const [format, setFormat] = useState('csv');
  const asked = { ...period, group_by: columns.join(',') };
  const report = useQuery({
    queryKey: ['report', asked],
    queryFn: () => get<SpendReport>(`/reports/spend${query({ ...asked, top: 500 })}`),
  });
  const download = useMutation({
    mutationFn: async () => {
      const blob = await getBlob(`/reports/spend${query({ ...asked, format })}`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = `spend-${period.from}.${format === 'focus' ? 'csv' : format}`;
      link.click();
      URL.revokeObjectURL(link.href);
    },
  });
  return (
    <PageFrame
      title="Reports"
      hint="The 500 dearest rows are shown here; a download has all. The totals of every format agree."
    >
      <Flex gap="3" wrap="wrap" align="end">
        {fields}
        <Choice label="Format" value={format} onChange={setFormat} options={formats} />
        <Button onClick={() => download.mutate()} disabled={download.isPending}>
          Download
        </Button>
      </Flex>
      <fieldset className="checks">
        <legend>Rows are of each</legend>
        {groups.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={columns.includes(name)}
              onChange={({ target }) =>
                setColumns(groups.filter((one) => (one === name ? target.checked : columns.includes(one))))
              }
            />
            {shownAs[name] ?? name}
          </label>
        ))}
      </fieldset>
      {download.error && <Problem error={download.error} />}
      <Answer of={report}>
        {({ data, total }) => (
          <DataTable
            caption="Spend"
            rows={data}
            id={(row) => columns.map((name) => String(row[name])).join(' ')}
            empty="Nothing was spent in this period. Choose another one above."
            columns={[
              ...columns.map((name) => ({
                name: shownAs[name] ?? name,
                cell: (row: Row) => nameOf(row, name),
                by: (row: Row) => nameOf(row, name),
              })),
              {
                name: 'Requests',
                end: true,
                by: (row) => Number(row.requests),
                cell: (row) => count(Number(row.requests)),
              },
              {
                name: `Spend (${dollars(total.cost_usd)} in all)`,
                end: true,
                by: (row) => Number(row.cost_usd),
                cell: (row) => dollars(row.cost_usd),
              },
            ]}
          />
        )}
      </Answer>
      <Only to="readAll">
        <Scheduled />
      </Only>
    </PageFrame>
  );
}

type Row = SpendReport['data'][number];
const nameOf = (row: Row, name: string): string =>
  String((name === 'key' ? row['key_name'] : null) ?? row[name] ?? 'none');

interface ScheduledReport {
  readonly name: string;
  readonly every: string;
  readonly format: string;
  readonly group_by: readonly string[];
  readonly timezone: string;
  readonly to: Readonly<Record<string, unknown>>;
}

/** Reports that are delivered by themselves. */
function Scheduled() {
  const config = useQuery({
    queryKey: ['config'],
    queryFn: () => get<{ reports: readonly ScheduledReport[] }>('/config'),
  });
  return (
    <>
      <Heading as="h2" size="4">
        Delivered by themselves
      </Heading>
      <Answer of={config}>
        {({ reports }) => (
          <DataTable
            caption="Scheduled reports"
            rows={reports}
            id={({ name }) => name}
            empty="None is. Add one to `reports` of the configuration, with `every: day` and a folder or a webhook, and read the file again."
            columns={[
              { name: 'Name', cell: ({ name }) => name },
              { name: 'Every', cell: ({ every }) => every },
              { name: 'Format', cell: ({ format }) => format },
              { name: 'By', cell: ({ group_by }) => group_by.join(', ') || 'all in one' },
              { name: 'Time zone', cell: ({ timezone }) => timezone },
              { name: 'To', cell: ({ to }) => ('folder' in to ? `the folder ${String(to['folder'])}` : 'a webhook') },
            ]}
          />
        )}
      </Answer>
    </>
  );
}
