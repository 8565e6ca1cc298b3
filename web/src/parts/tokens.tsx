/** Tokens for scripts: of a user, or one's own. A new one is shown once. */
import { Button, Code, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, type Page, query, type Role, type Token, write } from '../api';
import { roleWords } from '../me';
import { day } from '../words';
import { Choice, Field } from './fields';
import { Modal } from './modal';
import { Answer, Problem } from './page';
import { Secret } from './secret';
import { DataTable } from './table';

interface Props {
  /** Left out: one's own. */
  readonly user?: string;
  /** What a new token may be, highest first. */
  readonly roles: readonly Role[];
  readonly mayChange: boolean;
}

export function Tokens({ user, roles, mayChange }: Props) {
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const tokens = useQuery({
    queryKey: ['tokens', user],
    queryFn: () => get<Page<Token>>(`/tokens${query({ user, limit: 200 })}`),
  });
  const revoke = useMutation({
    mutationFn: (id: string) => write('DELETE', `/tokens/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  const revoking = (token: Token) => (
    <Button size="1" variant="soft" color="red" highContrast onClick={() => revoke.mutate(token.id)}>
      {`Revoke ${token.name}`}
    </Button>
  );
  return (
    <Flex direction="column" gap="3">
      <Flex justify="between" gap="2">
        <Heading as="h2" size="3">
          Tokens for scripts
        </Heading>
        {mayChange && (
          <Button size="1" variant="soft" onClick={() => setMaking(true)}>
            New token
          </Button>
        )}
      </Flex>
      {revoke.error && <Problem error={revoke.error} />}
      <Answer of={tokens}>
        {({ data }) => (
          <DataTable
            caption="Tokens"
            rows={data}
            id={(token) => token.id}
            empty="There is no token. A script sends one like the admin key, and may do what its role covers."
            columns={[
              { name: 'Name', cell: (token) => token.name },
              { name: 'Token', cell: (token) => <Code>{token.prefix}…</Code> },
              { name: 'Role', cell: (token) => roleWords[token.role] },
              { name: 'Last used', cell: (token) => day(token.last_used_at) },
              { name: 'Ends', cell: (token) => day(token.expires_at) },
              ...(mayChange ? [{ name: 'Change', cell: revoking }] : []),
            ]}
          />
        )}
      </Answer>
      {making && <NewToken {...(user === undefined ? {} : { user })} roles={roles} close={() => setMaking(false)} />}
    </Flex>
  );
}

const ends = [
  ['30', 'in 30 days'],
  ['90', 'in 90 days'],
  ['365', 'in a year'],
] as const;
const DAY_MS = 86_400_000;

function NewToken({ user, roles, close }: { user?: string; roles: readonly Role[]; close: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>(roles[0]!);
  const [days, setDays] = useState('90');
  const make = useMutation({
    mutationFn: () =>
      write<Token & { token: string }>('POST', '/tokens', {
        ...{ name, role, expires_at: new Date(Date.now() + Number(days) * DAY_MS - 60_000).toISOString() },
        ...(user === undefined ? {} : { user }),
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Modal title="New token" close={close}>
      {make.data ? (
        <Secret of={make.data.token} what="token" close={close} />
      ) : (
        <form onSubmit={submit}>
          <Flex direction="column" gap="3">
            <Field label="What it is for" value={name} onChange={setName} required />
            <Choice
              label="Role"
              value={role}
              onChange={setRole}
              options={roles.map((one) => [one, roleWords[one]] as const)}
            />
            <Choice label="It ends" value={days} onChange={setDays} options={ends} />
            {make.error && <Problem error={make.error} />}
            <Button type="submit" disabled={make.isPending || name === ''}>
              Create
            </Button>
          </Flex>
        </form>
      )}
    </Modal>
  );
}
