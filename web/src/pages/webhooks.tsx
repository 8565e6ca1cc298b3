/** Endpoints that are told of events, and what became of each delivery. */
import { Button, Flex, Heading } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type Delivery, get, type Page, type Webhook, write } from '../api';
import { useIsFor } from '../me';
import { Answer, PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { time } from '../words';

export function WebhooksPage() {
  const client = useQueryClient();
  const hooks = useQuery({ queryKey: ['webhooks'], queryFn: () => get<Page<Webhook>>('/webhooks?limit=100') });
  const deliveries = useQuery({
    queryKey: ['deliveries'],
    queryFn: () => get<Page<Delivery>>('/webhooks/deliveries?limit=50'),
  });
  const act = useMutation({
    mutationFn: (path: string) => write('POST', path),
    onSuccess: () => client.invalidateQueries({ queryKey: ['deliveries'] }),
  });
  const mayChange = useIsFor('administer');
  const change = <T,>(cell: (row: T) => ReactNode) => (mayChange ? [{ name: 'Change', cell }] : []);
  return (
    <PageFrame title="Webhooks" hint="Signed as the Standard Webhooks specification says.">
      {act.error && <Problem error={act.error} />}
      <Answer of={hooks}>
        {({ data }) => (
          <DataTable
            caption="Endpoints"
            rows={data}
            id={(hook) => hook.id}
            empty="There is no endpoint yet. Add one to `webhooks` of the configuration, or by POST /admin/v1/webhooks."
            columns={[
              { name: 'URL', cell: (hook) => hook.url },
              { name: 'Events', cell: (hook) => hook.events.join(', ') },
              ...change((hook: Webhook) => (
                <Button size="1" variant="soft" onClick={() => act.mutate(`/webhooks/${hook.id}/test`)}>
                  Send a test
                </Button>
              )),
            ]}
          />
        )}
      </Answer>
      <Heading as="h2" size="4">
        Deliveries
      </Heading>
      <Answer of={deliveries}>
        {({ data }) => (
          <DataTable
            caption="Deliveries"
            rows={data}
            id={(delivery) => delivery.id}
            empty="Nothing was delivered yet."
            columns={[
              { name: 'Time', cell: (delivery) => time(delivery.created_at ?? null) },
              { name: 'Event', cell: (delivery) => delivery.type ?? delivery.event ?? '–' },
              { name: 'State', cell: (delivery) => delivery.state },
              ...change((delivery: Delivery) => (
                <Flex gap="1">
                  <Button
                    size="1"
                    variant="soft"
                    onClick={() => act.mutate(`/webhooks/deliveries/${delivery.id}/redeliver`)}
                  >
                    Send again
                  </Button>
                </Flex>
              )),
            ]}
          />
        )}
      </Answer>
    </PageFrame>
  );
}
