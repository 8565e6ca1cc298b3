/** What the cache of this gateway does, and making answers invalid. */
import { Button, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type PerformanceReport, query, write } from '../api';
import { Only } from '../me';
import { Field } from '../parts/fields';
import { Figures } from '../parts/figures';
import { Answer, PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { count, dollars } from '../words';

interface CacheStats {
  readonly memory: { readonly entries: number; readonly bytes: number };
  readonly results: Readonly<Record<string, number>>;
  readonly semantic: {
    readonly vectors: number;
    readonly verified: { readonly precision: number | null; readonly labels: number };
  };
  readonly purges: number;
}

const monthAgo = (): string => new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 10);

export function CachePage() {
  const client = useQueryClient();
  const [model, setModel] = useState('');
  const stats = useQuery({ queryKey: ['cache'], queryFn: () => get<CacheStats>('/cache'), refetchInterval: 5_000 });
  const saved = useQuery({
    queryKey: ['performance', 'cache'],
    queryFn: () => get<PerformanceReport>(`/reports/performance${query({ from: monthAgo(), group_by: 'model' })}`),
  });
  const purge = useMutation({
    mutationFn: () => write('POST', '/cache/purge', model === '' ? { all: true } : { model }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['cache'] }),
  });
  return (
    <PageFrame title="Cache" hint="Of this gateway process.">
      <Answer of={stats}>
        {({ memory, results, semantic }) => {
          const { precision, labels } = semantic.verified;
          const figures = [
            ['Exact hits', count(results['hit'] ?? 0)],
            ['Hits by meaning', count(results['semantic'] ?? 0)],
            ['Misses', count(results['miss'] ?? 0)],
            ['Not asked', count(results['off'] ?? 0)],
            ['Entries in memory', count(memory.entries)],
            ['Prompts known by meaning', count(semantic.vectors)],
            [
              'Measured error by meaning',
              precision === null ? `none yet (${count(labels)} checks)` : `${(100 * (1 - precision)).toFixed(1)} %`,
            ],
          ] as const;
          return <Figures of={figures} />;
        }}
      </Answer>
      <Only to="administer">
        <Flex gap="2" align="end" wrap="wrap">
          <Field label="Model; empty: all answers" value={model} onChange={setModel} />
          <Button highContrast color="orange" variant="soft" onClick={() => purge.mutate()} disabled={purge.isPending}>
            Purge
          </Button>
          {purge.isSuccess && (
            <Text size="2" role="status">
              They are invalid now.
            </Text>
          )}
        </Flex>
      </Only>
      {purge.error && <Problem error={purge.error} />}
      <Heading as="h2" size="4">
        Saved in the last 30 days, by all gateways
      </Heading>
      <Answer of={saved}>
        {({ data, total }) => (
          <>
            <Figures
              of={[
                ['Hits', count(total.cache_hits)],
                ['Saved', dollars(total.saved_usd)],
                ['Of all answers', `${((100 * total.cache_hits) / Math.max(1, total.attempts)).toFixed(1)} %`],
              ]}
            />
            <DataTable
              caption="Saved by model"
              rows={data.filter((row) => row.cache_hits > 0)}
              id={(row) => String(row['model'])}
              empty="Nothing came from the cache yet. `cache: { exact: true }` of a model begins it."
              columns={[
                { name: 'Model', cell: (row) => String(row['model']) },
                { name: 'Hits', end: true, cell: (row) => count(row.cache_hits) },
                { name: 'Saved', end: true, cell: (row) => dollars(row.saved_usd) },
              ]}
            />
          </>
        )}
      </Answer>
    </PageFrame>
  );
}
