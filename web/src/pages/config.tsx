/** The running configuration with its secrets hidden, a draft of it judged, and taking in a changed file. */
import { Button, Callout, DataList, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, write } from '../api';
import { Only } from '../me';
import { LongField } from '../parts/fields';
import { AsJson, Lines } from '../parts/lines';
import { Answer, PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { count, time } from '../words';

const WORKERS_MS = 5_000;

interface Status {
  readonly file: string;
  readonly hash: string;
  readonly since: string;
  readonly restart: readonly string[];
}

interface Worker {
  readonly worker: number;
  readonly state: string;
  readonly pid: number | null;
  readonly started_at: string | null;
  readonly connections: number;
  readonly restarts: number;
}

interface Judgement {
  readonly valid: boolean;
  readonly problems: readonly {
    readonly line: number;
    readonly column: number;
    readonly path: string;
    readonly message: string;
  }[];
  readonly changed: readonly string[];
  readonly restart: readonly string[];
}

export function ConfigPage() {
  const client = useQueryClient();
  const status = useQuery({ queryKey: ['config', 'status'], queryFn: () => get<Status>('/config/status') });
  const config = useQuery({ queryKey: ['config'], queryFn: () => get<object>('/config') });
  const reload = useMutation({
    mutationFn: () => write<object>('POST', '/config/reload'),
    onSuccess: () => client.invalidateQueries({ queryKey: ['config'] }),
  });
  return (
    <PageFrame
      title="Configuration"
      hint="As it is in force; secrets are hidden."
      actions={
        <Only to="administer">
          <Button onClick={() => reload.mutate()} disabled={reload.isPending}>
            Read the file again
          </Button>
        </Only>
      }
    >
      {reload.error && <Problem error={reload.error} />}
      {reload.isSuccess && (
        <Callout.Root color="green" role="status">
          <Callout.Text>The file was read and is in force.</Callout.Text>
        </Callout.Root>
      )}
      <Answer of={status}>
        {({ file, hash, since, restart }) => (
          <DataList.Root>
            {(
              [
                ['File', file],
                ['In force since', time(since)],
                ['Digest', hash],
                ['Waits for a restart', restart.join(', ') || 'nothing'],
              ] as const
            ).map(([name, value]) => (
              <DataList.Item key={name}>
                <DataList.Label>{name}</DataList.Label>
                <DataList.Value>{value}</DataList.Value>
              </DataList.Item>
            ))}
          </DataList.Root>
        )}
      </Answer>
      <Workers />
      <Only to="administer">
        <Draft running={config.data} />
      </Only>
      <Heading as="h2" size="4">
        In force
      </Heading>
      <Answer of={config}>{(data) => <AsJson of={data} />}</Answer>
    </PageFrame>
  );
}

/** The processes of the gateway that answers; each replica has its own. */
function Workers() {
  const workers = useQuery({
    ...{ queryKey: ['workers'], queryFn: () => get<{ data: readonly Worker[] }>('/workers') },
    refetchInterval: WORKERS_MS,
  });
  return (
    <>
      <Heading as="h2" size="4">
        Processes
      </Heading>
      <Answer of={workers}>
        {({ data }) => (
          <DataTable
            caption="Processes of this gateway"
            rows={data}
            id={({ worker }) => String(worker)}
            empty=""
            columns={[
              { name: 'Worker', cell: ({ worker }) => (worker === 1 ? '1 (primary)' : String(worker)) },
              { name: 'State', cell: ({ state }) => state.replace('_', ' ') },
              { name: 'Process', cell: ({ pid }) => (pid === null ? '' : String(pid)), end: true },
              { name: 'Since', cell: ({ started_at }) => (started_at === null ? '' : time(started_at)) },
              { name: 'Connections', cell: ({ connections }) => count(connections), end: true },
              { name: 'Replaced', cell: ({ restarts }) => count(restarts), end: true },
            ]}
          />
        )}
      </Answer>
    </>
  );
}

/** What runs at a name such as `models.gpt-4o.price`; names that were longer than they look are not found. */
function valueAt(running: unknown, name: string): string {
  const value = name
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], running);
  return value === undefined ? 'not there, or under another name' : JSON.stringify(value);
}

function Draft({ running }: { running: unknown }) {
  const [text, setText] = useState('');
  const judge = useMutation({ mutationFn: () => write<Judgement>('POST', '/config/validate', { config: text }) });
  const judged = judge.data;
  return (
    <Flex direction="column" gap="3">
      <Heading as="h2" size="4">
        Try a draft
      </Heading>
      <LongField
        label="The text of config.yaml, as you would write it; nothing is changed"
        value={text}
        onChange={setText}
        rows={10}
      />
      <div>
        <Button onClick={() => judge.mutate()} disabled={text.trim() === '' || judge.isPending}>
          Validate
        </Button>
      </div>
      {judge.error && <Problem error={judge.error} />}
      {judged && !judged.valid && (
        <Callout.Root color="red" role="alert">
          <Callout.Text>A gateway would not start with it.</Callout.Text>
        </Callout.Root>
      )}
      {judged && !judged.valid && (
        <Lines testId="problems">
          {judged.problems
            .map(({ line, column, path, message }) => `${line}:${column}: ${path ? `${path}: ` : ''}${message}`)
            .join('\n')}
        </Lines>
      )}
      {judged?.valid && (
        <Callout.Root color="green" role="status">
          <Callout.Text>
            {judged.changed.length + judged.restart.length === 0
              ? 'It is valid, and says what is in force.'
              : 'It is valid. Write it into the file and read that again to take it in.'}
          </Callout.Text>
        </Callout.Root>
      )}
      {judged?.valid && judged.changed.length > 0 && (
        <DataTable
          caption="What it would change"
          rows={judged.changed}
          id={(name) => name}
          empty=""
          columns={[
            { name: 'Setting', cell: (name) => name },
            { name: 'In force', cell: (name) => valueAt(running, name).slice(0, 200) },
          ]}
        />
      )}
      {judged?.valid && judged.restart.length > 0 && (
        <Text as="p" size="2">{`Would wait for a restart: ${judged.restart.join(', ')}.`}</Text>
      )}
    </Flex>
  );
}
