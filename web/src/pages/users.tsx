/** Users: who may come in, as what, and of which teams. */
import { Badge, Button, Flex } from '@radix-ui/themes';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { query, type User, write } from '../api';
import { isOfTeams, Only, roleOptions, roleWords } from '../me';
import { Choice, Field } from '../parts/fields';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { DataTable } from '../parts/table';
import { day, namesIn } from '../words';
import { UserDialog } from './user-dialog';

export function UsersPage() {
  const [search, setSearch] = useState('');
  const [opened, setOpened] = useState<string | null>(null);
  const users = usePaged<User>('users', `/users${query({ q: search, limit: 100 })}`);
  const user = users.data?.find(({ id }) => id === opened);
  return (
    <PageFrame
      title="Users"
      hint="People who sign in here, and what they may do. The admin key may do everything."
      actions={
        <Only to="administer">
          <NewUser />
        </Only>
      }
    >
      <Field label="Search names and addresses" value={search} onChange={setSearch} />
      <Answer of={users}>
        {(found) => (
          <DataTable
            caption="Users"
            rows={found}
            id={({ id }) => id}
            empty={
              search === '' ? 'There is no user yet. Until there is, the admin key signs in.' : 'Nobody is called so.'
            }
            onOpen={({ id }) => setOpened(id)}
            columns={[
              { name: 'Name', cell: ({ name, email, id }) => name || email || id },
              { name: 'Address', cell: ({ email }) => email ?? '–' },
              { name: 'Role', cell: ({ role }) => roleWords[role] },
              { name: 'Teams', cell: ({ role, teams }) => (isOfTeams(role) ? teams.join(', ') || 'none' : 'all') },
              { name: 'Signs in', cell: (one) => waysOf(one) },
              { name: 'Last here', cell: (one) => day(one.last_seen_at) },
              { name: 'State', cell: ({ blocked }) => <State blocked={blocked} /> },
            ]}
          />
        )}
      </Answer>
      <More of={users} />
      {user && <UserDialog key={user.id} of={user} close={() => setOpened(null)} />}
    </PageFrame>
  );
}

const waysOf = ({ has_password, issuer }: User): string =>
  [has_password && 'with a password', issuer && `at ${new URL(issuer).host}`].filter(Boolean).join(', ') || 'not yet';

const State = ({ blocked }: { blocked: boolean }) => (
  <Badge highContrast color={blocked ? 'red' : 'green'}>
    {blocked ? 'blocked' : 'active'}
  </Badge>
);

function NewUser() {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [teams, setTeams] = useState('');
  const [password, setPassword] = useState('');
  const make = useMutation({
    mutationFn: () =>
      write<User>('POST', '/users', {
        ...{ email, role },
        ...(name === '' ? {} : { name }),
        ...(isOfTeams(role) ? { teams: namesIn(teams) } : {}),
        ...(password === '' ? {} : { password }),
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['users'] });
      for (const set of [setEmail, setName, setTeams, setPassword]) set('');
      setOpen(false);
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>New user</Button>
      {open && (
        <Modal
          title="New user"
          hint="Without a password, the user signs in by OIDC alone."
          close={() => setOpen(false)}
        >
          <form onSubmit={submit}>
            <Flex direction="column" gap="3">
              <Field label="E-mail address" value={email} onChange={setEmail} autoComplete="off" required />
              <Field label="Name" value={name} onChange={setName} />
              <Choice label="Role" value={role} onChange={setRole} options={roleOptions} />
              {isOfTeams(role) && <Field label="Teams" value={teams} onChange={setTeams} placeholder="search, ads" />}
              <Field
                label="Password, of 12 characters or more"
                type="password"
                value={password}
                onChange={setPassword}
                autoComplete="new-password"
              />
              {make.error && <Problem error={make.error} />}
              <Button type="submit" disabled={make.isPending || email === ''}>
                Create
              </Button>
            </Flex>
          </form>
        </Modal>
      )}
    </>
  );
}
