/** Teams with what is left of their limits. */
import { Badge, Button, Card, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, type LimitLevel, type Page, query, type Team, write } from '../api';
import { Only } from '../me';
import { Field } from '../parts/fields';
import { Levels } from '../parts/levels';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';

export function TeamsPage() {
  const teams = useQuery({ queryKey: ['teams'], queryFn: () => get<Page<Team>>('/teams?limit=200') });
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
      <Answer of={teams}>
        {({ data }) =>
          data.length === 0 ? (
            <div className="empty">There is no team yet. Make one, give it a budget, and make keys for it.</div>
          ) : (
            <Flex direction="column" gap="3">
              {data.map((team) => (
                <TeamCard key={team.id} team={team} />
              ))}
            </Flex>
          )
        }
      </Answer>
    </PageFrame>
  );
}

function TeamCard({ team }: { team: Team }) {
  const client = useQueryClient();
  const levels = useQuery({
    queryKey: ['limits', 'team', team.id],
    queryFn: () => get<{ data: readonly LimitLevel[] }>(`/limits${query({ team: team.id })}`),
  });
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
        <Answer of={levels}>{({ data }) => <Levels levels={data} empty="This team has no limits." />}</Answer>
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
