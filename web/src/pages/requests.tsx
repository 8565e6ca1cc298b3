/** The ledger: one line an attempt, filtered, a page at a time; one request whole, with its attempts. */
import { Badge, Button, Card, Code, DataList, Flex, Heading, Switch, Text } from '@radix-ui/themes';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Entry, get, type Page, query } from '../api';
import { Only } from '../me';
import { CapturedContent } from '../parts/content';
import { Decision } from '../parts/decision';
import { Field } from '../parts/fields';
import { useLive } from '../parts/live';
import { Modal } from '../parts/modal';
import { Answer, PageFrame, Problem } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { DataTable } from '../parts/table';
import { count, dollars, instantOf, milliseconds, time, tokensOf } from '../words';

const names = [
  ...(['request_id', 'team', 'key', 'key_name', 'user', 'model', 'provider', 'target'] as const),
  ...(['status', 'error', 'cache', 'tag', 'min_cost_usd', 'max_cost_usd'] as const),
] as const;
const periods = ['from', 'to'] as const;
const labels: Readonly<Record<string, string>> = { min_cost_usd: 'cost from ($)', max_cost_usd: 'cost to ($)' };
/** What these are looked for by: whole, but for the name of a key. */
const examples: Readonly<Record<string, string>> = {
  key: 'key_…',
  key_name: 'a part of it',
  min_cost_usd: '0.05',
  max_cost_usd: '1',
  target: 'provider/model',
  status: '429',
  error: 'upstream_error',
  cache: 'hit, semantic, miss, off',
};
type Filters = Partial<Record<(typeof names)[number] | (typeof periods)[number], string>>;

/** What comes live stands before what was listed; so many at most. */
const MOST_LIVE = 200;

export function RequestsPage() {
  const [filters, setFilters] = useState<Filters>({});
  const [live, setLive] = useState(false);
  const [opened, setOpened] = useState<string | null>(null);
  const [came, setCame] = useState<readonly Entry[]>([]);
  const client = useQueryClient();
  const { from, to, ...equal } = filters;
  const asked = { ...equal, from: instantOf(from), to: instantOf(to) };
  const entries = usePaged<Entry>('usage', `/usage${query({ ...asked, limit: 50 })}`);
  /** From the newest on: what came before may not follow on what is listed. */
  const readAnew = (): void => {
    setCame([]);
    void client.invalidateQueries({ queryKey: ['usage'] });
  };
  const broken = useLive(live ? `/usage/stream${query(equal)}` : null, {
    onStart: readAnew,
    onEvent: (event, data) => {
      if (event === 'gap') readAnew();
      else if (event === 'entry') setCame((before) => [JSON.parse(data) as Entry, ...before].slice(0, MOST_LIVE));
    },
  });
  const change = (name: keyof Filters, value: string): void => {
    setCame([]);
    setFilters({ ...filters, [name]: value });
  };
  const rows = entries.data && merged(came, entries.data);
  return (
    <PageFrame
      title="Requests"
      hint="One line for each attempt at an upstream, and one for each answer from the cache. Newest first."
      actions={
        <Text as="label" size="2">
          <Flex gap="2" align="center">
            <Switch checked={live} onCheckedChange={setLive} disabled={to !== undefined && to !== ''} /> Live
          </Flex>
        </Text>
      }
    >
      <Flex gap="2" wrap="wrap">
        {names.map((name) => (
          <Field
            key={name}
            label={labels[name] ?? name.replace('_', ' ')}
            value={filters[name] ?? ''}
            placeholder={examples[name] ?? 'all'}
            onChange={(value) => change(name, value)}
          />
        ))}
        {periods.map((name) => (
          <Field
            key={name}
            label={name}
            type="datetime-local"
            value={filters[name] ?? ''}
            onChange={(value) => change(name, value)}
          />
        ))}
      </Flex>
      {broken !== null && <Problem error={broken} />}
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
              { name: 'Key', cell: (entry) => entry.key_name ?? entry.key ?? '–' },
              { name: 'Cache', cell: (entry) => entry.cache },
              { name: 'Tokens', end: true, cell: (entry) => count(tokensOf(entry.tokens)) },
              { name: 'Cost', end: true, cell: (entry) => dollars(entry.cost_usd) },
              { name: 'Duration', end: true, cell: (entry) => milliseconds(entry.duration_ms) },
            ]}
          />
        )}
      </Answer>
      <More of={entries} />
      {opened !== null && <RequestDialog id={opened} close={() => setOpened(null)} />}
    </PageFrame>
  );
}

/** Newest first, each once. */
function merged(came: readonly Entry[], listed: readonly Entry[]): readonly Entry[] {
  if (came.length === 0) return listed;
  const all = new Map([...came, ...listed].map((entry) => [entry.id, entry]));
  return [...all.values()].sort((a, b) => b.at.localeCompare(a.at));
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
            <Course of={data} />
            {inOrder(data).map((entry) => (
              <Attempt key={entry.id} entry={entry} span={spanOf(data)} />
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

const inOrder = (data: readonly Entry[]): Entry[] =>
  [...data].sort((a, b) => a.attempt - b.attempt || a.at.localeCompare(b.at));

interface Span {
  readonly fromMs: number;
  readonly wholeMs: number;
}

function spanOf(data: readonly Entry[]): Span {
  const fromMs = Math.min(...data.map(({ at }) => Date.parse(at)));
  return { fromMs, wholeMs: Math.max(1, ...data.map(({ at, duration_ms }) => Date.parse(at) - fromMs + duration_ms)) };
}

/** What was decided about the request, as far as its entries tell. */
function Course({ of: data }: { of: readonly Entry[] }) {
  const ordered = inOrder(data);
  const last = ordered.at(-1);
  if (!last) return <Text as="p">Nothing of it is in the ledger.</Text>;
  const cached = last.cache === 'hit' || last.cache === 'semantic';
  const decision = cached
    ? `answered from the cache (${last.cache === 'hit' ? 'the same request' : 'by meaning'})`
    : ordered.map(({ target, error }) => `${target ?? 'none'}${error === null ? '' : ` (${error})`}`).join(', then ');
  const cost = data.reduce((sum, { cost_usd }) => sum + Number(cost_usd), 0);
  const facts = [
    ['Asked', `${last.model}, ${last.endpoint}${last.stream ? ', as a stream' : ''}`],
    ['Went to', decision],
    ['Took', milliseconds(spanOf(data).wholeMs)],
    ['Cost', dollars(cost)],
  ] as const;
  return (
    <DataList.Root size="1">
      {facts.map(([name, value]) => (
        <DataList.Item key={name}>
          <DataList.Label>{name}</DataList.Label>
          <DataList.Value>{value}</DataList.Value>
        </DataList.Item>
      ))}
    </DataList.Root>
  );
}

function Attempt({ entry, span }: { entry: Entry; span: Span }) {
  const startMs = Date.parse(entry.at) - span.fromMs;
  const kinds = Object.entries(entry.cost_nusd).filter(([kind, amount]) => kind !== 'total' && amount !== 0);
  const facts = [
    ['Served model', entry.served_model ?? '–'],
    ['Key', entry.key_name ? `${entry.key_name} (${entry.key})` : (entry.key ?? '–')],
    ['End user', entry.user ?? '–'],
    ['Tags', entry.tags.join(', ') || '–'],
    ['Began', `${milliseconds(startMs)} after the first`],
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
        <svg
          className="timeline"
          viewBox="0 0 1000 12"
          preserveAspectRatio="none"
          role="img"
          aria-label={`From ${milliseconds(startMs)} on, for ${milliseconds(entry.duration_ms)}`}
        >
          <rect className="whole" width="1000" height="12" />
          <rect
            className="took"
            x={(1000 * startMs) / span.wholeMs}
            width={Math.max(3, (1000 * entry.duration_ms) / span.wholeMs)}
            height="12"
          />
          {entry.first_byte_ms !== null && (
            <rect className="first" x={(1000 * (startMs + entry.first_byte_ms)) / span.wholeMs} width="3" height="12" />
          )}
        </svg>
        <DataList.Root size="1">
          {facts.map(([name, value]) => (
            <DataList.Item key={name}>
              <DataList.Label>{name}</DataList.Label>
              <DataList.Value>{value}</DataList.Value>
            </DataList.Item>
          ))}
        </DataList.Root>
        <Decision of={entry} />
      </Flex>
    </Card>
  );
}
