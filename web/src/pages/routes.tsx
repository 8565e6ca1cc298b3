/** Classic routes and how their targets are: breaker, health, load, latency; send nothing to one, or send again. */
import { Button, Card, Code, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, write } from '../api';
import { useIsFor } from '../me';
import { Answer, PageFrame, Problem } from '../parts/page';
import { DataTable } from '../parts/table';
import { count, milliseconds } from '../words';

interface RouteTarget {
  readonly id: string;
  readonly weight: number;
  readonly healthy: boolean;
  readonly breaker: string | null;
  readonly attempts: number | null;
  readonly failures: number | null;
  readonly in_flight: number;
  readonly latency_ms: number;
}

interface ClassicRoute {
  readonly id: string;
  readonly kind: string;
  readonly match: unknown;
  readonly targets: readonly RouteTarget[];
}

export function RoutesPage() {
  const routes = useQuery({
    queryKey: ['routes'],
    queryFn: () => get<{ data: readonly ClassicRoute[] }>('/routes'),
    refetchInterval: 5_000,
  });
  return (
    <PageFrame title="Routes" hint="Ordinary HTTP APIs behind the gateway, as this process sees them.">
      <Answer of={routes}>
        {({ data }) =>
          data.length === 0 ? (
            <div className="empty">
              There is no route. Add one to `routes` of the configuration: docs/routes.md says how.
            </div>
          ) : (
            <Flex direction="column" gap="3">
              {data.map((route) => (
                <Card key={route.id}>
                  <Flex direction="column" gap="2">
                    <Heading as="h2" size="3">
                      {route.id}
                    </Heading>
                    <Text size="1" color="gray">
                      {route.kind} <Code>{JSON.stringify(route.match)}</Code>
                    </Text>
                    <Targets of={route} />
                  </Flex>
                </Card>
              ))}
            </Flex>
          )
        }
      </Answer>
    </PageFrame>
  );
}

function Targets({ of: route }: { of: ClassicRoute }) {
  const mayChange = useIsFor('administer');
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: ({ id, open }: { id: string; open: boolean }) =>
      write(
        'POST',
        `/routes/${encodeURIComponent(route.id)}/targets/${encodeURIComponent(id)}/${open ? 'open' : 'close'}`,
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ['routes'] }),
  });
  return (
    <>
      {act.error && <Problem error={act.error} />}
      <DataTable
        caption={`Targets of ${route.id}`}
        rows={route.targets}
        id={(target) => target.id}
        empty="It answers by itself."
        columns={[
          { name: 'Target', cell: (target) => target.id },
          { name: 'State', cell: (target) => (target.healthy ? 'ready' : 'not ready') },
          { name: 'Breaker', cell: (target) => target.breaker?.replaceAll('_', ' ') ?? 'none' },
          { name: 'Attempts', end: true, cell: (target) => (target.attempts === null ? '–' : count(target.attempts)) },
          { name: 'Failures', end: true, cell: (target) => (target.failures === null ? '–' : count(target.failures)) },
          { name: 'Running', end: true, cell: (target) => count(target.in_flight) },
          { name: 'Latency', end: true, cell: (target) => milliseconds(target.latency_ms) },
          ...(mayChange
            ? [
                {
                  name: 'Change',
                  cell: (target: RouteTarget) =>
                    target.breaker === null ? (
                      '–'
                    ) : (
                      <Button
                        size="1"
                        variant="soft"
                        onClick={() => act.mutate({ id: target.id, open: target.breaker === 'closed' })}
                      >
                        {target.breaker === 'closed' ? 'Send nothing' : 'Send again'}
                      </Button>
                    ),
                },
              ]
            : []),
        ]}
      />
    </>
  );
}
