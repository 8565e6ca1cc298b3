/** Models and the targets behind them: health, breakers, latency, load, prices. */
import { Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, type ModelState, type Pricing, type TargetState, write } from '../api';
import { useIsFor } from '../me';
import { Answer, PageFrame, Problem } from '../parts/page';
import { PriceOf } from '../parts/prices';
import { DataTable } from '../parts/table';
import { count, milliseconds } from '../words';
import { Healthy, Providers } from './providers';

export function ModelsPage() {
  const models = useQuery({
    queryKey: ['models'],
    queryFn: () => get<{ data: readonly ModelState[] }>('/models'),
    refetchInterval: 5_000,
  });
  const prices = useQuery({
    queryKey: ['pricing'],
    queryFn: () => get<Pricing>('/pricing'),
    refetchInterval: 60_000,
  });
  return (
    <PageFrame title="Models" hint="What this gateway process knows of each target. It looks again every five seconds.">
      {prices.error && <Problem error={prices.error} retry={() => void prices.refetch()} />}
      <Answer of={models}>
        {({ data }) =>
          data.length === 0 ? (
            <div className="empty">
              There is no model yet. Add a provider below with a model of it, or add both to the configuration.
            </div>
          ) : (
            <Flex direction="column" gap="3">
              {data.map((model) => (
                <Card key={model.id}>
                  <Flex direction="column" gap="2">
                    <Heading as="h2" size="3">
                      {model.id} <Healthy is={model.healthy} />
                    </Heading>
                    <Text size="1" color="gray">
                      {`${model.balance}${model.fallbacks.length > 0 ? `, then ${model.fallbacks.join(', ')}` : ''}`}
                    </Text>
                    <Targets of={model} prices={prices.data} />
                  </Flex>
                </Card>
              ))}
            </Flex>
          )
        }
      </Answer>
      <Providers />
    </PageFrame>
  );
}

function Targets({ of: model, prices }: { of: ModelState; prices: Pricing | undefined }) {
  const client = useQueryClient();
  const mayChange = useIsFor('administer');
  const act = useMutation({
    mutationFn: ({ id, open }: { id: string; open: boolean }) =>
      write('POST', `/targets/${encodeURIComponent(id)}/${open ? 'open' : 'close'}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['models'] }),
  });
  const priceOf = ({ id }: TargetState) =>
    prices?.data.find((row) => row.model === model.id && row.target === id)?.price;
  const toggle = (target: TargetState) => {
    const open = target.breaker === 'closed';
    return (
      <Button size="1" variant="soft" onClick={() => act.mutate({ id: target.id, open })}>
        {open ? 'Send nothing' : 'Send again'}
      </Button>
    );
  };
  return (
    <>
      {act.error && <Problem error={act.error} />}
      <DataTable
        caption={`Targets of ${model.id}`}
        rows={model.targets}
        id={(target) => target.id}
        empty="Another model serves it, by what the request is."
        columns={[
          { name: 'Target', cell: (target) => target.id },
          {
            name: 'State',
            cell: (target) => (target.healthy ? 'ready' : (target.reason ?? 'not ready').replaceAll('_', ' ')),
          },
          { name: 'Breaker', cell: (target) => target.breaker.replaceAll('_', ' ') },
          { name: 'Attempts', end: true, cell: (target) => count(target.attempts) },
          { name: 'Failures', end: true, cell: (target) => count(target.failures) },
          { name: 'Running', end: true, cell: (target) => count(target.in_flight) },
          { name: 'Latency', end: true, cell: (target) => milliseconds(target.latency_ms) },
          { name: 'Price per million tokens', cell: (target) => <PriceOf price={priceOf(target)} /> },
          ...(mayChange ? [{ name: 'Change', cell: toggle }] : []),
        ]}
      />
    </>
  );
}
