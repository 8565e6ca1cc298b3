/** What is spent, held and left of limits, as it changes. */
import { Flex } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type LimitLevel, query } from '../api';
import { useIsFor } from '../me';
import { Choice, Field } from '../parts/fields';
import { Levels } from '../parts/levels';
import { Answer, PageFrame } from '../parts/page';
import { useSettled } from '../parts/settled';
import { DataTable } from '../parts/table';
import { amount, limitWords, time } from '../words';

const scopes = [
  ['key', 'key (its id)'],
  ['team', 'team'],
  ['model', 'model'],
  ['target', 'target'],
] as const;

interface OfTeam {
  readonly scope: Readonly<Record<string, string>>;
}

/** The share of it that is spent or held. */
const usedOf = ({ spent, held, max }: LimitLevel): number =>
  Number(max) === 0 ? 1 : (Number(spent) + Number(held)) / Number(max);

/** The budgets of all teams, where nobody is named. */
function AllTeams() {
  const levels = useQuery({
    queryKey: ['limits', 'teams'],
    queryFn: () => get<{ data: readonly (LimitLevel & OfTeam)[] }>('/limits?of=teams'),
    refetchInterval: 5_000,
  });
  return (
    <Answer of={levels}>
      {({ data }) => (
        <DataTable
          caption="Limits of all teams"
          rows={data}
          id={(level) => JSON.stringify([level.scope, level.unit, level.per, level.model])}
          empty="No team has a limit. Give one a budget on the page of teams, or say whose limits are wanted."
          columns={[
            { name: 'Team', cell: ({ scope }) => scope['team'] ?? '–', by: ({ scope }) => scope['team'] ?? '' },
            {
              name: 'Limit',
              cell: ({ unit, max, per, model }) =>
                limitWords({ unit, max: Number(max), ...(per ? { per } : {}), ...(model ? { model } : {}) }),
            },
            { name: 'Used', end: true, by: usedOf, cell: (level) => `${(100 * usedOf(level)).toFixed(1)} %` },
            {
              name: 'Spent',
              end: true,
              by: ({ spent }) => Number(spent),
              cell: ({ unit, spent }) => amount(unit, spent),
            },
            { name: 'Held', end: true, cell: ({ unit, held }) => amount(unit, held) },
            {
              name: 'Left',
              end: true,
              by: ({ remaining }) => Number(remaining),
              cell: ({ unit, remaining }) => amount(unit, remaining),
            },
            { name: 'Until', cell: ({ window_ends_at }) => time(window_ends_at) },
          ]}
        />
      )}
    </Answer>
  );
}

export function LimitsPage() {
  const [scope, setScope] = useState('team');
  const [name, setName] = useState('');
  const asked = useSettled(name);
  // Those of models and targets are of all teams.
  const readsAll = useIsFor('readAll');
  const levels = useQuery({
    queryKey: ['limits', scope, asked],
    queryFn: () => get<{ data: readonly LimitLevel[] }>(`/limits${query({ [scope]: asked })}`),
    enabled: asked !== '',
    refetchInterval: 2_000,
  });
  return (
    <PageFrame title="Limits" hint="Looked at again every two seconds.">
      <Flex gap="3" wrap="wrap">
        <Choice label="Of a" value={scope} onChange={setScope} options={readsAll ? scopes : scopes.slice(0, 2)} />
        <Field label="Name" value={name} onChange={setName} />
      </Flex>
      {name === '' || asked === '' ? (
        <AllTeams />
      ) : (
        <Answer of={levels}>{({ data }) => <Levels levels={data} empty="It has no limits of its own." />}</Answer>
      )}
    </PageFrame>
  );
}
