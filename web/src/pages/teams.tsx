/** Teams with what is left of their limits. */
import { Badge, Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { query, type Team, write } from '../api';
import { Only } from '../me';
import { Field } from '../parts/fields';
import { Levels } from '../parts/levels';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { count, dollars, time } from '../words';

export function TeamsPage() {
  const [q, setQ] = useState('');
  const teams = usePaged<Team>(['teams', q], (cursor) => `/teams${query({ limit: 50, cursor, q })}`);
  return (
    <PageFrame
      title="Teams"
      hint="Keys of a team share its limits."
      actions={
        <Only to="administer">
          <NewTeam />
        </Only>
      }
    >
      <Field label="Search" value={q} onChange={setQ} placeholder="a part of it" />
      <Answer of={teams}>
        {(data) =>
          data.length === 0 ? (
            <div className="empty">
              There is no {q === '' ? 'team yet' : 'such team'}. Make one, give it a budget, and make keys for it.
            </div>
          ) : (
            <Flex direction="column" gap="3">
              {data.map((team) => (
                <TeamCard key={team.id} team={team} />
              ))}
            </Flex>
          )
        }
      </Answer>
      <More of={teams} />
    </PageFrame>
  );
}

function TeamCard({ team }: { team: Team }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () => write('POST', `/teams/${encodeURIComponent(team.id)}/${team.blocked ? 'unblock' : 'block'}`, {}),
    onSuccess: () => client.invalidateQueries({ queryKey: ['teams'] }),
  });
  return (
    <Card>
      <Flex direction="column" gap="3">
        <Flex justify="between" gap="2">
          <Heading as="h2" size="3">
            {team.name}{' '}
            {team.blocked && (
              <Badge highContrast color="red">
                blocked
              </Badge>
            )}
          </Heading>
          <Only to="administer">
            <Button highContrast size="1" variant="soft" color="orange" onClick={() => act.mutate()}>
              {team.blocked ? 'Unblock' : 'Block'}
            </Button>
          </Only>
        </Flex>
        {act.error && <Problem error={act.error} />}
        <Text as="p" size="2" color="gray">
          {`${dollars(team.month.cost_usd)} and ${count(team.month.requests)} requests this month; last used ${team.last_used_at === null ? 'never' : time(team.last_used_at)}.`}
        </Text>
        {team.limit_states === null ? (
          <div className="empty">What its limits have left is not known just now.</div>
        ) : (
          <Levels levels={team.limit_states} empty="This team has no limits." />
        )}
      </Flex>
    </Card>
  );
}

function NewTeam() {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [budget, setBudget] = useState('');
  const make = useMutation({
    mutationFn: () =>
      write<Team>('POST', '/teams', {
        name,
        limits: budget === '' ? [] : [{ unit: 'usd', max: Number(budget), per: 'month' }],
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['teams'] });
      setOpen(false);
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>New team</Button>
      {open && (
        <Modal title="New team" hint="A name, and what it may spend." close={() => setOpen(false)}>
          <form onSubmit={submit}>
            <Flex direction="column" gap="3">
              <Field label="Name" value={name} onChange={setName} required />
              <Field
                label="US dollars a month"
                type="number"
                value={budget}
                onChange={setBudget}
                placeholder="no limit"
              />
              {make.error && <Problem error={make.error} />}
              <Button type="submit" disabled={make.isPending || name === ''}>
                Create
              </Button>
            </Flex>
          </form>
        </Modal>
      )}
    </>
  );
}
