/** Virtual keys: made with limits, shown once, rotated, blocked, and what is left of each limit. */
import { Badge, Button, Code, Flex, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, type Key, type LimitLevel, query, write } from '../api';
import { Only, useIsFor, useMe } from '../me';
import { Choice, Field } from '../parts/fields';
import { Left, Levels } from '../parts/levels';
import { LimitEditor, useLimitFields } from '../parts/limit-editor';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { Secret } from '../parts/secret';
import { DataTable } from '../parts/table';
import { day, dollars, namesIn, time } from '../words';

const withRevoked = [
  ['', 'left out'],
  ['true', 'shown'],
] as const;

export function KeysPage() {
  const [opened, setOpened] = useState<Key | null>(null);
  const [q, setQ] = useState('');
  const [team, setTeam] = useState('');
  const [revoked, setRevoked] = useState('');
  const keys = usePaged<Key>('keys', `/keys${query({ limit: 100, q, team, include_revoked: revoked })}`);
  return (
    <PageFrame
      title="Keys"
      hint="What clients send instead of a provider's key."
      actions={
        <Only to="manage">
          <NewKey />
        </Only>
      }
    >
      <Flex gap="2" wrap="wrap">
        <Field label="Search" value={q} onChange={setQ} placeholder="a name, an id or a prefix" />
        <Field label="Of team" value={team} onChange={setTeam} placeholder="all" />
        <Choice label="Revoked ones" value={revoked} onChange={setRevoked} options={withRevoked} />
      </Flex>
      <Answer of={keys}>
        {(rows) => (
          <DataTable
            caption="Keys"
            rows={rows}
            id={(key) => key.id}
            empty={
              q + team === ''
                ? 'There is no key yet. Make one: its secret is what a client sends.'
                : 'There is no such key. Take a filter away, or make one.'
            }
            onOpen={setOpened}
            columns={[
              { name: 'Name', cell: (key) => key.name },
              { name: 'Secret', cell: (key) => <Code>{key.prefix}…</Code> },
              { name: 'Team', cell: (key) => key.team ?? '–' },
              { name: 'Models', cell: (key) => key.models?.join(', ') ?? 'all' },
              { name: 'This month (UTC)', end: true, cell: (key) => dollars(key.month.cost_usd) },
              { name: 'Left', cell: (key) => <Left of={key.limit_states} /> },
              { name: 'Last use', cell: (key) => (key.last_used_at === null ? 'never' : time(key.last_used_at)) },
              { name: 'State', cell: (key) => <KeyState of={key} /> },
              { name: 'Created', cell: (key) => day(key.created_at) },
            ]}
          />
        )}
      </Answer>
      <More of={keys} />
      {opened && <KeyDialog of={opened} close={() => setOpened(null)} />}
    </PageFrame>
  );
}

function KeyState({ of: key }: { of: Key }) {
  if (key.revoked_at !== null)
    return (
      <Badge highContrast color="gray">
        revoked
      </Badge>
    );
  if (key.blocked)
    return (
      <Badge highContrast color="red">
        blocked
      </Badge>
    );
  if (key.expires_at !== null && Date.parse(key.expires_at) < Date.now())
    return (
      <Badge highContrast color="gray">
        expired
      </Badge>
    );
  return (
    <Badge highContrast color="green">
      in use
    </Badge>
  );
}

function NewKey() {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  // Keys that a team admin makes are of one of the teams.
  const { teams } = useMe();
  const [team, setTeam] = useState(teams?.[0] ?? '');
  const [models, setModels] = useState('');
  const { limit, fields, empty } = useLimitFields();
  const make = useMutation({
    mutationFn: () => {
      const wanted = namesIn(models);
      return write<Key & { key: string }>('POST', '/keys', {
        name,
        ...(team === '' ? {} : { team }),
        ...(wanted.length > 0 ? { models: wanted } : {}),
        limits: limit ? [limit] : [],
      });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['keys'] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  const change = (next: boolean): void => {
    setOpen(next);
    if (!next) {
      make.reset();
      empty();
      for (const set of [setName, setModels]) set('');
    }
  };
  return (
    <>
      <Button onClick={() => change(true)}>New key</Button>
      {open && (
        <Modal
          title="New key"
          hint={make.data ? undefined : 'Only the name must be there. Without models it may use all.'}
          close={() => change(false)}
        >
          {make.data ? (
            <Secret of={make.data.key} what="key" close={() => change(false)} />
          ) : (
            <form onSubmit={submit}>
              <Flex direction="column" gap="3">
                <Field label="Name" value={name} onChange={setName} required />
                {teams === null ? (
                  <Field label="Team" value={team} onChange={setTeam} placeholder="none" />
                ) : (
                  <Choice label="Team" value={team} onChange={setTeam} options={teams.map((one) => [one, one])} />
                )}
                <Field label="Models" value={models} onChange={setModels} placeholder="gpt-4o*, claude-*" />
                {fields}
                {make.error && <Problem error={make.error} />}
                <Button type="submit" disabled={make.isPending || name === ''}>
                  Create
                </Button>
              </Flex>
            </form>
          )}
        </Modal>
      )}
    </>
  );
}

function KeyDialog({ of: key, close }: { of: Key; close: () => void }) {
  const client = useQueryClient();
  const mayManage = useIsFor('manage');
  const [sure, setSure] = useState(false);
  const [editing, setEditing] = useState(false);
  const levels = useQuery({
    queryKey: ['limits', 'key', key.id],
    queryFn: () => get<{ data: readonly LimitLevel[] }>(`/limits${query({ key: key.id })}`),
  });
  const act = useMutation({
    mutationFn: (what: 'rotate' | 'block' | 'unblock' | 'revoke') =>
      what === 'revoke'
        ? write<{ key?: string } | null>('DELETE', `/keys/${key.id}`)
        : write<{ key?: string } | null>('POST', `/keys/${key.id}/${what}`, {}),
    onSuccess: (answer, what) => {
      void client.invalidateQueries({ queryKey: ['keys'] });
      if (what !== 'rotate' || !answer?.key) close();
    },
  });
  if (editing) return <LimitEditor path={`/keys/${key.id}`} name={key.name} limits={key.limits} close={close} />;
  return (
    <Modal title={key.name} hint={<Code>{key.id}</Code>} close={close}>
      {act.data?.key ? (
        <Secret of={act.data.key} what="key" close={close} />
      ) : (
        <>
          <Answer of={levels}>
            {({ data }) => <Levels levels={data} empty="This key has no limit of its own." />}
          </Answer>
          {act.error && <Problem error={act.error} />}
          {sure && (
            <Text as="p" size="2">
              It stops at once, for good. What it spent stays in the reports.
            </Text>
          )}
          <Flex gap="2" wrap="wrap">
            {mayManage && key.revoked_at === null && (
              <>
                <Button variant="soft" onClick={() => act.mutate('rotate')}>
                  Rotate
                </Button>
                <Button variant="soft" onClick={() => setEditing(true)}>
                  Limits
                </Button>
                <Button
                  highContrast
                  variant="soft"
                  color="orange"
                  onClick={() => act.mutate(key.blocked ? 'unblock' : 'block')}
                >
                  {key.blocked ? 'Unblock' : 'Block'}
                </Button>
                <Button
                  variant={sure ? 'solid' : 'soft'}
                  color="red"
                  onClick={() => (sure ? act.mutate('revoke') : setSure(true))}
                >
                  {sure ? `Revoke ${key.name} for good` : 'Revoke'}
                </Button>
              </>
            )}
            <Button variant="soft" color="gray" onClick={close}>
              Close
            </Button>
          </Flex>
        </>
      )}
    </Modal>
  );
}
