/** Spend reports: looked at here, or taken along as CSV, Parquet or FOCUS. */
import { Button, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, getBlob, query, type SpendReport } from '../api';
import { Only } from '../me';
import { Choice, Field } from '../parts/fields';
import { Answer, PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { count, dateIn, dollars, ownZone, periodOf, zones } from '../words';

const formats = [
  ['csv', 'CSV'],
  ['parquet', 'Parquet'],
  ['focus', 'FOCUS 1.2'],
  ['json', 'JSON'],
] as const;

const monthBegin = (): string => `${dateIn(ownZone, Date.now()).slice(0, 7)}-01`;

export function ReportsPage() {
  const [from, setFrom] = useState(monthBegin);
  const [to, setTo] = useState('');
  const [by, setBy] = useState('team,model');
  const [format, setFormat] = useState('csv');
  const [zone, setZone] = useState(ownZone);
  const asked = { ...periodOf(from, to, zone), group_by: by };
  const report = useQuery({
    queryKey: ['report', asked],
    queryFn: () => get<SpendReport>(`/reports/spend${query({ ...asked, top: 500 })}`),
  });
  const download = useMutation({
    mutationFn: async () => {
      const blob = await getBlob(`/reports/spend${query({ ...asked, format })}`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = `spend-${from}.${format === 'focus' ? 'csv' : format}`;
      link.click();
      URL.revokeObjectURL(link.href);
    },
  });
  const columns = by.split(',').map((name) => name.trim());
  return (
    <PageFrame
      title="Reports"
      hint="The 500 dearest rows are shown here; a download has all. The totals of every format agree."
    >
      <Flex gap="3" wrap="wrap" align="end">
        <Field label="From" type="date" value={from} onChange={setFrom} />
        <Field label="To" type="date" value={to} onChange={setTo} />
        <Choice label="Time zone" value={zone} onChange={setZone} options={zones} />
        <Field label="Group by" value={by} onChange={setBy} />
        <Choice label="Format" value={format} onChange={setFormat} options={formats} />
        <Button onClick={() => download.mutate()} disabled={download.isPending}>
          Download
        </Button>
      </Flex>
      {download.error && <Problem error={download.error} />}
      <Answer of={report}>
        {({ data, total }) => (
          <DataTable
            caption="Spend"
            rows={data}
            id={(row) => columns.map((name) => String(row[name])).join(' ')}
            empty="Nothing was spent in this period."
            columns={[
              ...columns.map((name) => ({
                name,
                cell: (row: (typeof data)[number]) =>
                  String((name === 'key' ? row['key_name'] : null) ?? row[name] ?? 'none'),
              })),
              { name: 'Requests', end: true, cell: (row) => count(Number(row.requests)) },
              { name: `Spend (${dollars(total.cost_usd)} in all)`, end: true, cell: (row) => dollars(row.cost_usd) },
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
