/** Who am I: the role, the teams, one's own password and tokens. */
import { Button, Callout, DataList, Flex, Heading } from '@radix-ui/themes';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { write } from '../api';
import { below, roleWords, useMe } from '../me';
import { Field } from '../parts/fields';
import { PageFrame, Problem } from '../parts/page';
import { Tokens } from '../parts/tokens';

export function AccountPage() {
  const { user, role, teams, actor } = useMe();
  const facts = [
    ['Signed in as', user ? user.name || user.email || user.id : 'the admin key'],
    ['Address', user?.email ?? '–'],
    ['Role', roleWords[role]],
    ['Teams', teams?.join(', ') ?? 'all'],
    ['In the audit log', actor],
  ] as const;
  return (
    <PageFrame title="Account" hint="Who you are here, and what your scripts come with.">
      <DataList.Root>
        {facts.map(([name, value]) => (
          <DataList.Item key={name}>
            <DataList.Label>{name}</DataList.Label>
            <DataList.Value>{value}</DataList.Value>
          </DataList.Item>
        ))}
      </DataList.Root>
      {user?.has_password && <NewPassword />}
      <Tokens {...(user ? { user: user.id } : {})} roles={below[role]} mayChange />
    </PageFrame>
  );
}

function NewPassword() {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: () => write('POST', '/session/password', { current, password }),
    onSuccess: () => {
      setCurrent('');
      setPassword('');
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Flex direction="column" gap="3" maxWidth="22rem">
        <Heading as="h2" size="3">
          Your password
        </Heading>
        <Field
          label="Current password"
          type="password"
          value={current}
          onChange={setCurrent}
          autoComplete="current-password"
        />
        <Field
          label="New password, of 12 characters or more"
          type="password"
          value={password}
          onChange={setPassword}
          autoComplete="new-password"
        />
        {change.error && <Problem error={change.error} />}
        {change.isSuccess && (
          <Callout.Root color="green" role="status">
            <Callout.Text>It is changed. You are signed out everywhere else.</Callout.Text>
          </Callout.Root>
        )}
        <div>
          <Button type="submit" variant="soft" disabled={change.isPending || current === '' || password.length < 12}>
            Change it
          </Button>
        </div>
      </Flex>
    </form>
  );
}
