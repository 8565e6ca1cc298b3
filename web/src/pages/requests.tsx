/** The ledger: one line an attempt, filtered, a page at a time; one request whole, with its attempts. */
import { Badge, Button, Card, Code, DataList, Flex, Heading, Switch, Text } from '@radix-ui/themes';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Entry, get, type Page, query } from '../api';
import { Only } from '../me';
import { CapturedContent } from '../parts/content';
import { Field } from '../parts/fields';
import { Modal } from '../parts/modal';
import { Answer, PageFrame } from '../parts/page';
import { DataTable } from '../parts/table';
import { count, dollars, milliseconds, time, tokensOf } from '../words';

const names = ['request_id', 'team', 'key', 'user', 'model', 'target', 'status', 'error', 'cache', 'tag'] as const;
type Filters = Partial<Record<(typeof names)[number], string>>;

export function RequestsPage() {
  const [filters, setFilters] = useState<Filters>({});
  const [live, setLive] = useState(false);
  const [opened, setOpened] = useState<string | null>(null);
  const entries = useInfiniteQuery({
    queryKey: ['usage', filters],
    queryFn: ({ pageParam }) => get<Page<Entry>>(`/usage${query({ ...filters, limit: 50, cursor: pageParam })}`),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: live ? 2_000 : false,
  });
  const rows = entries.data?.pages.flatMap(({ data }) => data);
  return (
    <PageFrame
      title="Requests"
      hint="One line for each attempt at an upstream, and one for each answer from the cache. Newest first."
      actions={
        <Text as="label" size="2">
          <Flex gap="2" align="center">
            <Switch checked={live} onCheckedChange={setLive} /> Live
          </Flex>
        </Text>
      }
    >
      <Flex gap="2" wrap="wrap">
        {names.map((name) => (
          <Field
            key={name}
            label={name.replace('_', ' ')}
            value={filters[name] ?? ''}
            onChange={(value) => setFilters({ ...filters, [name]: value })}
          />
        ))}
      </Flex>
      <Answer of={{ ...entries, data: rows }}>
        {(data) => (
          <DataTable
            caption="Attempts"
            rows={data}
            id={(entry) => entry.id}
            empty="There is no such request. Send one from the playground, or take a filter away."
            onOpen={(entry) => setOpened(entry.request_id)}
            columns={[
              { name: 'Time', cell: (entry) => time(entry.at) },
              { name: 'Status', cell: (entry) => <StatusBadge entry={entry} /> },
              { name: 'Model', cell: (entry) => entry.model },
              { name: 'Target', cell: (entry) => entry.target ?? '–' },
              { name: 'Team', cell: (entry) => entry.team ?? '–' },
              { name: 'Cache', cell: (entry) => entry.cache },
              { name: 'Tokens', end: true, cell: (entry) => count(tokensOf(entry.tokens)) },
              { name: 'Cost', end: true, cell: (entry) => dollars(entry.cost_usd) },
              { name: 'Duration', end: true, cell: (entry) => milliseconds(entry.duration_ms) },
            ]}
          />
        )}
      </Answer>
      {entries.hasNextPage && (
        <div>
          <Button variant="soft" onClick={() => void entries.fetchNextPage()} disabled={entries.isFetchingNextPage}>
            Show more
          </Button>
        </div>
      )}
      {opened !== null && <RequestDialog id={opened} close={() => setOpened(null)} />}
    </PageFrame>
  );
}

function StatusBadge({ entry: { status, error } }: { entry: Entry }) {
  const color = status < 400 ? 'green' : status === 429 || status === 499 ? 'orange' : 'red';
  return (
    <Badge highContrast color={color}>
      {status}
      {error === null ? '' : ` ${error}`}
    </Badge>
  );
}

function RequestDialog({ id, close }: { id: string; close: () => void }) {
  const attempts = useQuery({
    queryKey: ['request', id],
    queryFn: () => get<Page<Entry>>(`/usage${query({ request_id: id, limit: 100 })}`),
  });
  return (
    <Modal title="Request" hint={<Code>{id}</Code>} close={close}>
      <Answer of={attempts}>
        {({ data }) => (
          <Flex direction="column" gap="3">
            {[...data]
              .sort((a, b) => a.attempt - b.attempt)
              .map((entry) => (
                <Attempt key={entry.id} entry={entry} longestMs={Math.max(1, ...data.map((one) => one.duration_ms))} />
              ))}
            <Only to="manage">{data[0] && <CapturedContent entry={data[0].id} />}</Only>
          </Flex>
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

function Attempt({ entry, longestMs }: { entry: Entry; longestMs: number }) {
  const kinds = Object.entries(entry.cost_nusd).filter(([kind, amount]) => kind !== 'total' && amount !== 0);
  const facts = [
    ['Served model', entry.served_model ?? '–'],
    ['Key', entry.key ?? '–'],
    ['Id at the provider', entry.provider_request_id ?? '–'],
    ['First byte', milliseconds(entry.first_byte_ms)],
    ['Gateway', milliseconds(entry.overhead_ms)],
    ['Usage from', entry.usage_source],
    ['Price', entry.price_version ?? '–'],
    [
      'Tokens',
      Object.entries(entry.tokens)
        .filter(([, n]) => n > 0)
        .map(([kind, n]) => `${kind} ${count(n)}`)
        .join(', ') || '–',
    ],
    [
      'Cost',
      `${dollars(entry.cost_usd)}${kinds.length > 0 ? ` (${kinds.map(([kind, nano]) => `${kind} ${dollars(nano / 1e9)}`).join(', ')})` : ''}`,
    ],
  ] as const;
  return (
    <Card>
      <Flex direction="column" gap="2">
        <Flex justify="between" gap="2">
          <Heading as="h3" size="2">
            {`Attempt ${entry.attempt}: ${entry.target ?? 'from the cache'}`}
          </Heading>
          <StatusBadge entry={entry} />
        </Flex>
        <div className="bar">
          <progress value={entry.duration_ms} max={longestMs} aria-label={`Took ${milliseconds(entry.duration_ms)}`} />
        </div>
        <DataList.Root size="1">
          {facts.map(([name, value]) => (
            <DataList.Item key={name}>
              <DataList.Label>{name}</DataList.Label>
              <DataList.Value>{value}</DataList.Value>
            </DataList.Item>
          ))}
        </DataList.Root>
      </Flex>
    </Card>
  );
}
