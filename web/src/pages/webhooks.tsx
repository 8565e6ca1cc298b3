/** Endpoints that are told of events, and what became of each delivery. */
import { Badge, Button, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { type Delivery, get, type Page, query, type Webhook, write } from '../api';
import { Only, useIsFor } from '../me';
import { Choice, Field } from '../parts/fields';
import { AsJson } from '../parts/lines';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { Secret } from '../parts/secret';
import { DataTable } from '../parts/table';
import { count, milliseconds, namesIn, time } from '../words';

const states = [
  ['', 'all'],
  ['pending', 'under way'],
  ['delivered', 'delivered'],
  ['dead', 'given up'],
] as const;

export function WebhooksPage() {
  const client = useQueryClient();
  const [state, setState] = useState('');
  const [opened, setOpened] = useState<string | null>(null);
  const hooks = useQuery({ queryKey: ['webhooks'], queryFn: () => get<Page<Webhook>>('/webhooks?limit=100') });
  const deliveries = usePaged<Delivery>('deliveries', `/webhooks/deliveries${query({ limit: 50, state })}`, 5_000);
  const act = useMutation({
    mutationFn: (path: string) => write('POST', path),
    onSuccess: () => client.invalidateQueries({ queryKey: ['deliveries'] }),
  });
  const mayChange = useIsFor('administer');
  const change = <T,>(cell: (row: T) => ReactNode) => (mayChange ? [{ name: 'Change', cell }] : []);
  return (
    <PageFrame
      title="Webhooks"
      hint="Signed as the Standard Webhooks specification says."
      actions={
        <Only to="administer">
          <NewEndpoint />
        </Only>
      }
    >
      {act.error && <Problem error={act.error} />}
      <Answer of={hooks}>
        {({ data }) => (
          <DataTable
            caption="Endpoints"
            rows={data}
            id={(hook) => hook.id}
            empty="There is no endpoint yet. Add one here, or to `webhooks` of the configuration."
            columns={[
              { name: 'URL', cell: (hook) => hook.url },
              { name: 'Events', cell: (hook) => hook.events.join(', ') },
              {
                name: 'State',
                cell: (hook) => (hook.disabled ? `disabled: ${hook.disabled_reason ?? 'by hand'}` : 'enabled'),
              },
              { name: 'Failures in a row', end: true, cell: (hook) => count(hook.failures) },
              ...change((hook: Webhook) => (
                <Button size="1" variant="soft" onClick={() => act.mutate(`/webhooks/${hook.id}/test`)}>
                  Send a test
                </Button>
              )),
            ]}
          />
        )}
      </Answer>
      <Flex justify="between" align="end">
        <Heading as="h2" size="4">
          Deliveries
        </Heading>
        <Choice label="State" value={state} onChange={setState} options={states} />
      </Flex>
      <Answer of={deliveries}>
        {(data) => (
          <DataTable
            caption="Deliveries"
            rows={data}
            id={(delivery) => delivery.id}
            empty="Nothing was delivered yet. Send a test to an endpoint."
            onOpen={({ id }) => setOpened(id)}
            columns={[
              { name: 'Time', cell: (delivery) => time(delivery.created_at) },
              { name: 'Event', cell: (delivery) => delivery.type },
              { name: 'State', cell: (delivery) => <State of={delivery} /> },
              { name: 'Attempts', end: true, cell: (delivery) => count(delivery.attempts) },
              { name: 'Last answer', cell: (delivery) => delivery.last_error ?? delivery.last_status ?? '–' },
              { name: 'Next attempt', cell: (delivery) => time(delivery.next_attempt_at) },
              ...change((delivery: Delivery) => (
                <Button
                  size="1"
                  variant="soft"
                  onClick={() => act.mutate(`/webhooks/deliveries/${delivery.id}/redeliver`)}
                >
                  Send again
                </Button>
              )),
            ]}
          />
        )}
      </Answer>
      <More of={deliveries} />
      {opened !== null && <DeliveryDialog id={opened} close={() => setOpened(null)} />}
    </PageFrame>
  );
}

const colors = { pending: 'orange', delivered: 'green', dead: 'red' } as const;
const State = ({ of: { state } }: { of: Delivery }) => (
  <Badge highContrast color={colors[state]}>
    {states.find(([name]) => name === state)?.[1]}
  </Badge>
);

interface Full extends Delivery {
  readonly body: unknown;
  readonly log: readonly {
    readonly at: string;
    readonly status: number | null;
    readonly error: string | null;
    readonly duration_ms: number;
  }[];
}

function DeliveryDialog({ id, close }: { id: string; close: () => void }) {
  const delivery = useQuery({ queryKey: ['delivery', id], queryFn: () => get<Full>(`/webhooks/deliveries/${id}`) });
  return (
    <Modal title="Delivery" hint={id} close={close}>
      <Answer of={delivery}>
        {({ log, body }) => (
          <>
            <DataTable
              caption="Attempts"
              rows={log}
              id={({ at }) => at}
              empty="It was not tried yet."
              columns={[
                { name: 'Time', cell: ({ at }) => time(at) },
                { name: 'Answer', cell: ({ status, error }) => error ?? status ?? '–' },
                { name: 'Took', end: true, cell: ({ duration_ms }) => milliseconds(duration_ms) },
              ]}
            />
            <AsJson of={body} />
          </>
        )}
      </Answer>
      <Flex justify="end">
        <Button variant="soft" onClick={close}>
          Close
        </Button>
      </Flex>
    </Modal>
  );
}

function NewEndpoint() {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState('*');
  const make = useMutation({
    mutationFn: () => write<Webhook & { secret: string }>('POST', '/webhooks', { url, events: namesIn(events) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  const change = (next: boolean): void => {
    setOpen(next);
    if (!next) make.reset();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <>
      <Button onClick={() => change(true)}>New endpoint</Button>
      {open && (
        <Modal title="New endpoint" close={() => change(false)}>
          {make.data ? (
            <Secret
              of={make.data.secret}
              what="secret, by which the receiver checks signatures"
              close={() => change(false)}
            />
          ) : (
            <form onSubmit={submit}>
              <Flex direction="column" gap="3">
                <Field label="URL" value={url} onChange={setUrl} placeholder="https://…" required />
                <Field label="Events, such as budget.*, usage.recorded" value={events} onChange={setEvents} />
                {make.error && <Problem error={make.error} />}
                <Button type="submit" disabled={make.isPending || url === ''}>
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
