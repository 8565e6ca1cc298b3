/** Who was refused by the gateways and why: from the database, so of all of them. */
import { Flex } from '@radix-ui/themes';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, query, type RefusalReport } from '../api';
import { Choice, Field } from '../parts/fields';
import { Figures } from '../parts/figures';
import { Answer, PageFrame } from '../parts/page';
import { useSettled } from '../parts/settled';
import { DataTable } from '../parts/table';
import { count, time } from '../words';

const HOUR_MS = 3_600_000;
const periods = [
  ['1', 'the last hour'],
  ['24', 'the last day'],
  ['168', 'the last week'],
  ['720', 'the last 30 days'],
] as const;

const whatToDo: Readonly<Record<string, string>> = {
  rate_limit_exceeded:
    'A rate limit. Explain shows which one is tightest; raise it, or have the client wait for retry-after.',
  budget_exceeded: 'A budget is used up. Raise it, or wait for the end of its window.',
  invalid_api_key: 'Nobody has this key. A client sends an old or a wrong one.',
  expired_api_key: 'The key has ended. Make a new one, or move its end.',
  model_not_allowed: 'The key may not use this model. Add the model to the key.',
  model_not_found: 'There is no such model. Look at Models for the names.',
};

/** Read together, so that figures and table tell of the same time. */
async function refusalsOf(hours: number, team: string) {
  const from = new Date(Math.floor((Date.now() - hours * HOUR_MS) / 60_000) * 60_000).toISOString();
  const [why, who] = await Promise.all(
    ['reason', 'reason,team,key,model'].map((group_by) =>
      get<RefusalReport>(`/reports/refusals${query({ from, team, group_by })}`),
    ),
  );
  return { why: why!.data, who: who!.data };
}

export function RefusedPage() {
  const [hours, setHours] = useState('24');
  const [team, setTeam] = useState('');
  const asked = useSettled(team);
  const refused = useQuery({
    queryKey: ['refused', hours, asked],
    queryFn: () => refusalsOf(Number(hours), asked),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
  return (
    <PageFrame
      title="Refused"
      hint="Requests that the gateways themselves refused. What an upstream failed at is under Requests."
    >
      <Flex gap="3" wrap="wrap">
        <Choice label="Period" value={hours} onChange={setHours} options={periods} />
        <Field label="Team" value={team} onChange={setTeam} placeholder="all" />
      </Flex>
      <Answer of={refused}>
        {({ why, who }) => (
          <>
            {why.length > 0 && (
              <Figures of={why.slice(0, 6).map((row) => [String(row['reason']), count(row.refused)] as const)} />
            )}
            <DataTable
              caption="Refused requests"
              rows={who}
              id={(row) => ['reason', 'team', 'key', 'model'].map((name) => String(row[name])).join(' ')}
              empty="Nobody was refused in this period."
              columns={[
                { name: 'Reason', by: (row) => String(row['reason']), cell: (row) => String(row['reason']) },
                { name: 'Team', by: (row) => String(row['team'] ?? ''), cell: (row) => String(row['team'] ?? '–') },
                { name: 'Key', cell: (row) => String(row['key_name'] ?? row['key'] ?? 'nobody known') },
                { name: 'Model', cell: (row) => String(row['model'] ?? '–') },
                { name: 'Requests', end: true, by: (row) => row.refused, cell: (row) => count(row.refused) },
                { name: 'Last', by: (row) => Date.parse(row.last_at), cell: (row) => time(row.last_at) },
                { name: 'What to do', cell: (row) => whatToDo[String(row['reason'])] ?? '–' },
              ]}
            />
          </>
        )}
      </Answer>
    </PageFrame>
  );
}
