/** What the cache of this gateway does, and making answers invalid. */
import { Button, Flex, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, write } from '../api';
import { Only } from '../me';
import { Field } from '../parts/fields';
import { Figures } from '../parts/figures';
import { Answer, PageFrame, Problem } from '../parts/page';
import { count } from '../words';

interface CacheStats {
  readonly memory: { readonly entries: number; readonly bytes: number };
  readonly results: Readonly<Record<string, number>>;
  readonly semantic: {
    readonly vectors: number;
    readonly verified: { readonly precision: number | null; readonly labels: number };
  };
  readonly purges: number;
}

export function CachePage() {
  const client = useQueryClient();
  const [model, setModel] = useState('');
  const stats = useQuery({ queryKey: ['cache'], queryFn: () => get<CacheStats>('/cache'), refetchInterval: 5_000 });
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
              'Measured precision',
              precision === null ? `none yet (${count(labels)} checks)` : `${(100 * precision).toFixed(1)} %`,
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
    </PageFrame>
  );
}
