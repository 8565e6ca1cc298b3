/** What is spent, held and left of limits, as it changes. */
import { Flex } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type LimitLevel, query } from '../api';
import { Choice, Field } from '../parts/fields';
import { Levels } from '../parts/levels';
import { Answer, PageFrame } from '../parts/page';

const scopes = [
  ['key', 'key (its id)'],
  ['team', 'team'],
  ['model', 'model'],
  ['target', 'target'],
] as const;

export function LimitsPage() {
  const [scope, setScope] = useState('team');
  const [name, setName] = useState('');
  const levels = useQuery({
    queryKey: ['limits', scope, name],
    queryFn: () => get<{ data: readonly LimitLevel[] }>(`/limits${query({ [scope]: name })}`),
    enabled: name !== '',
    refetchInterval: 2_000,
  });
  return (
    <PageFrame title="Limits" hint="Looked at again every two seconds.">
      <Flex gap="3" wrap="wrap">
        <Choice label="Of a" value={scope} onChange={setScope} options={scopes} />
        <Field label="Name" value={name} onChange={setName} />
      </Flex>
      {name === '' ? (
        <div className="empty">Say whose limits are wanted.</div>
      ) : (
        <Answer of={levels}>{({ data }) => <Levels levels={data} empty="It has no limits." />}</Answer>
      )}
    </PageFrame>
  );
}
