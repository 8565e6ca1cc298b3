/** The running configuration with its secrets hidden, and taking in a changed file. */
import { Button, Callout, DataList } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, write } from '../api';
import { Only } from '../me';
import { AsJson } from '../parts/lines';
import { Answer, PageFrame, Problem } from '../parts/page';
import { time } from '../words';

interface Status {
  readonly file: string;
  readonly hash: string;
  readonly since: string;
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
      <Answer of={config}>{(data) => <AsJson of={data} />}</Answer>
    </PageFrame>
  );
}
