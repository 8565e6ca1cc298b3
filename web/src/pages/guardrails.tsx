/** The guards of the configuration: where they are in force, and what they did in this gateway process. */
import { Badge, Flex, Text } from '@radix-ui/themes';
import { useQuery } from '@tanstack/react-query';
import { get, type Key, type Page, type Team } from '../api';
import { Answer, PageFrame } from '../parts/page';
import { DataTable } from '../parts/table';
import { count } from '../words';

interface Guard {
  readonly name: string;
  readonly kind: string;
  readonly on: readonly string[];
  readonly action: string;
  readonly everywhere: boolean;
  readonly models: readonly string[];
  readonly spoke: Readonly<Record<string, number>>;
}

type Guarded<T> = T & { readonly guards: readonly string[] };

/** So many keys and teams are looked through. */
const MOST = 200;

async function guardsAndWhere() {
  const [guards, teams, keys] = await Promise.all([
    get<{ data: readonly Guard[] }>('/guardrails'),
    get<Page<Guarded<Team>>>(`/teams?limit=${MOST}`),
    get<Page<Guarded<Key>>>(`/keys?limit=${MOST}`),
  ]);
  return {
    isAll: teams.next_cursor === null && keys.next_cursor === null,
    guards: guards.data.map((guard) => ({
      ...guard,
      places: [
        ...(guard.everywhere ? ['every request'] : []),
        ...guard.models.map((name) => `model ${name}`),
        ...namedIn(guard, teams.data, ({ name }) => `team ${name}`),
        ...namedIn(guard, keys.data, ({ name }) => `key ${name}`),
      ],
    })),
  };
}

const namedIn = <T extends { readonly guards: readonly string[] }>(
  { name }: Guard,
  list: readonly T[],
  called: (one: T) => string,
): string[] => list.filter(({ guards }) => guards.includes(name)).map(called);

const MOST_PLACES = 8;

export function GuardrailsPage() {
  const found = useQuery({ queryKey: ['guardrails'], queryFn: guardsAndWhere, refetchInterval: 5_000 });
  return (
    <PageFrame
      title="Guardrails"
      hint="Guards read what clients send and are answered. Counts are of requests, in this gateway process."
    >
      <Answer of={found}>
        {({ guards, isAll }) => (
          <>
            <DataTable
              caption="Guards"
              rows={guards}
              id={({ name }) => name}
              empty="There is no guard. Name some under guardrails in config.yaml."
              columns={[
                { name: 'Guard', cell: ({ name }) => name },
                { name: 'Kind', cell: ({ kind }) => kind },
                { name: 'Reads', cell: ({ on }) => on.join(', ') },
                { name: 'Action', cell: ({ action }) => <Badge highContrast>{action}</Badge> },
                { name: 'In force for', cell: ({ places }) => <Places names={places} /> },
                { name: 'What it did', cell: ({ spoke }) => toldOf(spoke) },
              ]}
            />
            {!isAll && (
              <Text size="2" color="gray">
                {`Of teams and keys, the first ${MOST} are looked through.`}
              </Text>
            )}
          </>
        )}
      </Answer>
    </PageFrame>
  );
}

function Places({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <>nobody</>;
  return (
    <Flex gap="1" wrap="wrap">
      {names.slice(0, MOST_PLACES).map((name) => (
        <Badge key={name} highContrast color="gray">
          {name}
        </Badge>
      ))}
      {names.length > MOST_PLACES && <Text size="1">{`and ${count(names.length - MOST_PLACES)} more`}</Text>}
    </Flex>
  );
}

const toldOf = (spoke: Guard['spoke']): string =>
  Object.entries(spoke)
    .map(([what, times]) => `${what.replace('_', ' ')} ${count(times)}`)
    .join(', ') || 'nothing yet';
