/** One user: role and teams, block, password, sessions, tokens. */
import { Button, Flex, Text } from '@radix-ui/themes';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type User, write } from '../api';
import { below, isOfTeams, Only, roleOptions, roleWords, useIsFor } from '../me';
import { Choice, Field } from '../parts/fields';
import { Modal } from '../parts/modal';
import { Problem } from '../parts/page';
import { Tokens } from '../parts/tokens';
import { namesIn } from '../words';

type Act = readonly ['POST' | 'PATCH' | 'DELETE', string, object?];

export function UserDialog({ of: user, close }: { of: User; close: () => void }) {
  const client = useQueryClient();
  const [role, setRole] = useState<string>(user.role);
  const [teams, setTeams] = useState(user.teams.join(', '));
  const [password, setPassword] = useState('');
  const [sure, setSure] = useState(false);
  const [done, setDone] = useState('');
  const mayChange = useIsFor('administer');
  const act = useMutation({
    mutationFn: ([method, path, body]: Act) => write(method, `/users/${user.id}${path}`, body),
    onSuccess: (_, [method, path]) => {
      void client.invalidateQueries({ queryKey: ['users'] });
      setPassword('');
      setDone(path === '/password' ? 'The password is set, and the user is signed out everywhere.' : 'Done.');
      if (method === 'DELETE') close();
    },
  });
  const save = (event: FormEvent): void => {
    event.preventDefault();
    act.mutate(['PATCH', '', { role, ...(isOfTeams(role) ? { teams: namesIn(teams) } : {}) }]);
  };
  const reset = (event: FormEvent): void => {
    event.preventDefault();
    act.mutate(['POST', '/password', { password }]);
  };
  return (
    <Modal
      title={user.name || user.email || user.id}
      hint={`${user.email ?? user.id}, ${roleWords[user.role]}`}
      close={close}
    >
      <Flex direction="column" gap="4">
        {act.error && <Problem error={act.error} />}
        {done !== '' && act.isSuccess && (
          <Text as="p" size="2" role="status">
            {done}
          </Text>
        )}
        <Only to="administer">
          <form onSubmit={save}>
            <Flex gap="2" align="end" wrap="wrap">
              <Choice label="Role" value={role} onChange={setRole} options={roleOptions} />
              {isOfTeams(role) && <Field label="Teams" value={teams} onChange={setTeams} />}
              <Button type="submit" variant="soft" disabled={act.isPending}>
                Save
              </Button>
            </Flex>
          </form>
          {user.issuer && (
            <Text as="p" size="1" color="gray">
              Role and teams are what the sign-in service says, from the next sign-in on.
            </Text>
          )}
          <form onSubmit={reset}>
            <Flex gap="2" align="end" wrap="wrap">
              <Field
                label="New password, of 12 characters or more"
                type="password"
                value={password}
                onChange={setPassword}
                autoComplete="new-password"
              />
              <Button type="submit" variant="soft" disabled={act.isPending || password.length < 12}>
                Set password
              </Button>
            </Flex>
          </form>
        </Only>
        <Tokens user={user.id} roles={below[user.role]} mayChange={mayChange} />
        {sure && (
          <Text as="p" size="2">
            The user goes for good, with all tokens and sessions.
          </Text>
        )}
        <Flex gap="2" wrap="wrap">
          <Only to="administer">
            <Button
              highContrast
              variant="soft"
              color="orange"
              onClick={() => act.mutate(['POST', user.blocked ? '/unblock' : '/block'])}
            >
              {user.blocked ? 'Unblock' : 'Block'}
            </Button>
            <Button highContrast variant="soft" onClick={() => act.mutate(['POST', '/sign-out'])}>
              Sign out everywhere
            </Button>
            <Button
              highContrast
              variant={sure ? 'solid' : 'soft'}
              color="red"
              onClick={() => (sure ? act.mutate(['DELETE', '']) : setSure(true))}
            >
              {sure ? 'Delete for good' : 'Delete'}
            </Button>
          </Only>
          <Button variant="soft" color="gray" onClick={close}>
            Close
          </Button>
        </Flex>
      </Flex>
    </Modal>
  );
}
