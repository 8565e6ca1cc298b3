/** A newcomer's way: a key, a first request, what it cost. */
import { Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, type Key, type ModelState, write } from '../api';
import { useIsFor, useMe } from '../me';
import { Lines } from '../parts/lines';
import { Problem } from '../parts/page';
import { dollars } from '../words';

export const curlOf = (secret: string, model: string): string =>
  `curl ${location.origin}/v1/chat/completions \\
  -H 'authorization: Bearer ${secret}' \\
  -H 'content-type: application/json' \\
  -d '${JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] })}'`;

/** The model that answers by itself. */
const SANDBOX = 'sandbox';

export function FirstSteps() {
  const client = useQueryClient();
  const mayManage = useIsFor('manage');
  const team = useMe().teams?.[0];
  const mayList = useIsFor('readAll');
  const models = useQuery({
    queryKey: ['models'],
    queryFn: () => get<{ data: readonly ModelState[] }>('/models'),
    enabled: mayList,
  });
  const names = models.data?.data.map(({ id }) => id).filter((id) => !id.includes('*'));
  const model = names === undefined || names.includes(SANDBOX) ? SANDBOX : names[0];
  const make = useMutation({
    mutationFn: () =>
      write<Key & { key: string }>('POST', '/keys', {
        ...{ name: 'first', models: [model ?? SANDBOX] },
        ...(team === undefined ? {} : { team }),
      }),
  });
  if (model === undefined)
    return (
      <div className="empty">
        There is no model to ask yet. Add a provider with a model of it on the page Models; the first request follows.
      </div>
    );
  if (!mayManage) return <div className="empty">Nothing was asked yet in this time.</div>;
  return (
    <Card size="3">
      <Flex direction="column" gap="3">
        <Heading as="h2" size="4">
          Nothing was asked yet. Three steps to the first request
        </Heading>
        <Text as="p">
          {model === SANDBOX
            ? '1. Make a key for the sandbox, a model that answers by itself and sends nothing anywhere.'
            : `1. Make a key for the model ${model}.`}
        </Text>
        <div>
          <Button onClick={() => make.mutate()} disabled={make.isPending || make.isSuccess}>
            Make a key
          </Button>
        </div>
        {make.error && <Problem error={make.error} />}
        {make.data && (
          <>
            <Text as="p">2. Paste this into a terminal. The key in it is shown here once and nowhere else.</Text>
            <Lines>{curlOf(make.data.key, model)}</Lines>
            <Text as="p">Or send the same from here.</Text>
            <FirstRequest secret={make.data.key} model={model} />
            <Text as="p">3. Look at what it cost.</Text>
            <div>
              <Button variant="soft" onClick={() => void client.invalidateQueries({ queryKey: ['spend'] })}>
                Show the spend
              </Button>
            </div>
          </>
        )}
      </Flex>
    </Card>
  );
}

/** The request of the `curl` line, and what it cost. */
function FirstRequest({ secret, model }: { secret: string; model: string }) {
  const send = useMutation({
    mutationFn: async () => {
      const response = await fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      });
      const body = (await response.json()) as {
        choices?: { message: { content: string } }[];
        error?: { message: string };
      };
      if (!response.ok) throw new Error(body.error?.message ?? `The gateway answered ${response.status}.`);
      return {
        text: body.choices?.[0]?.message.content ?? '',
        cost: response.headers.get('x-tollgate-cost-usd') ?? '0',
      };
    },
  });
  return (
    <>
      <div>
        <Button variant="soft" onClick={() => send.mutate()} disabled={send.isPending}>
          Send it
        </Button>
      </div>
      {send.error && <Problem error={send.error} />}
      {send.data && (
        <Text as="p" role="status">
          {`${send.data.text} It cost ${dollars(send.data.cost)}.`}
        </Text>
      )}
    </>
  );
}
