/** Teams with what is left of their limits, and who has to do with them. */
import { Badge, Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type Member, query, type Team, write } from '../api';
import { Only, roleWords, useIsFor } from '../me';
import { Field } from '../parts/fields';
import { Levels } from '../parts/levels';
import { LimitEditor } from '../parts/limit-editor';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { DataTable } from '../parts/table';
import { count, day, dollars, time } from '../words';

export function TeamsPage() {
  const [q, setQ] = useState('');
  const teams = usePaged<Team>('teams', `/teams${query({ limit: 50, q })}`);
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
  const [editing, setEditing] = useState(false);
  const path = `/teams/${encodeURIComponent(team.id)}`;
  const act = useMutation({
    mutationFn: () => write('POST', `${path}/${team.blocked ? 'unblock' : 'block'}`, {}),
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
          <Flex gap="2" flexShrink="0">
            <Members of={team} />
            <Only to="administer">
              <Button size="1" variant="soft" onClick={() => setEditing(true)}>
                Limits
              </Button>
              <Button highContrast size="1" variant="soft" color="orange" onClick={() => act.mutate()}>
                {team.blocked ? 'Unblock' : 'Block'}
              </Button>
            </Only>
          </Flex>
        </Flex>
        {editing && <LimitEditor path={path} name={team.name} limits={team.limits} close={() => setEditing(false)} />}
        {act.error && <Problem error={act.error} />}
        <Text as="p" size="2" color="gray">
          {`${dollars(team.month.cost_usd)} and ${count(team.month.requests)} requests this month (UTC); last used ${team.last_used_at === null ? 'never' : time(team.last_used_at)}.`}
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

const membersOf = ({ members }: Team): string =>
  members === 0 ? 'no members' : members === 1 ? '1 member' : `${count(members)} members`;

function Members({ of: team }: { of: Team }) {
  const [open, setOpen] = useState(false);
  const mayRead = useIsFor('seePeople');
  if (!mayRead) return <Text size="2">{membersOf(team)}</Text>;
  return (
    <>
      <Button size="1" variant="soft" color="gray" highContrast onClick={() => setOpen(true)}>
        {membersOf(team)}
      </Button>
      {open && <MembersDialog of={team} close={() => setOpen(false)} />}
    </>
  );
}

function MembersDialog({ of: team, close }: { of: Team; close: () => void }) {
  const mayMake = useIsFor('administer');
  const members = usePaged<Member>('members', `/teams/${encodeURIComponent(team.id)}/members${query({ limit: 100 })}`);
  return (
    <Modal title={`Members of ${team.name}`} hint="Admins and viewers have to do with every team." close={close}>
      <Answer of={members}>
        {(data) => (
          <DataTable
            caption={`Members of ${team.name}`}
            rows={data}
            id={({ id }) => id}
            empty={`Nobody yet. ${mayMake ? 'Make a user on the page Users' : 'An admin makes a user'}, as a team admin or a member of ${team.name}.`}
            columns={[
              { name: 'Name', cell: ({ name, email, id }) => name || email || id },
              { name: 'Address', cell: ({ email }) => email ?? '–' },
              { name: 'Role', cell: ({ role }) => roleWords[role] },
              { name: 'State', cell: ({ blocked }) => (blocked ? 'blocked' : 'may come in') },
              { name: 'Last here', cell: ({ last_seen_at }) => (last_seen_at === null ? 'never' : day(last_seen_at)) },
            ]}
          />
        )}
      </Answer>
      <More of={members} />
      <Flex justify="end">
        <Button variant="soft" onClick={close}>
          Close
        </Button>
      </Flex>
    </Modal>
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
      setName('');
      setBudget('');
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
