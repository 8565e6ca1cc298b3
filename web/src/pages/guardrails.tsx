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

/** Which teams and keys name guards. */
async function namesGuards() {
  const [teams, keys] = await Promise.all([
    get<Page<Guarded<Team>>>(`/teams?limit=${MOST}`),
    get<Page<Guarded<Key>>>(`/keys?limit=${MOST}`),
  ]);
  return { teams: teams.data, keys: keys.data, isAll: teams.next_cursor === null && keys.next_cursor === null };
}

const placesOf = (guard: Guard, { teams, keys }: Awaited<ReturnType<typeof namesGuards>>): string[] => [
  ...(guard.everywhere ? ['every request'] : []),
  ...guard.models.map((name) => `model ${name}`),
  ...namedIn(guard, teams, ({ name }) => `team ${name}`),
  ...namedIn(guard, keys, ({ name }) => `key ${name}`),
];

const namedIn = <T extends { readonly guards: readonly string[] }>(
  { name }: Guard,
  list: readonly T[],
  called: (one: T) => string,
): string[] => list.filter(({ guards }) => guards.includes(name)).map(called);

const MOST_PLACES = 8;

export function GuardrailsPage() {
  const guards = useQuery({
    queryKey: ['guardrails'],
    queryFn: () => get<{ data: readonly Guard[] }>('/guardrails'),
    refetchInterval: 5_000,
  });
  // Lists of keys tell of spend and limits too, which is much to ask for every few seconds.
  const named = useQuery({ queryKey: ['guardrails', 'named'], queryFn: namesGuards });
  return (
    <PageFrame
      title="Guardrails"
      hint="Guards read what clients send and are answered. Counts are of requests, in this gateway process."
    >
      <Answer of={named}>
        {(names) => (
          <>
            <Answer of={guards}>
              {({ data }) => (
                <DataTable
                  caption="Guards"
                  rows={data}
                  id={({ name }) => name}
                  empty="There is no guard. Name some under guardrails in config.yaml."
                  columns={[
                    { name: 'Guard', cell: ({ name }) => name },
                    { name: 'Kind', cell: ({ kind }) => kind },
                    { name: 'Reads', cell: ({ on }) => on.join(', ') },
                    { name: 'Action', cell: ({ action }) => <Badge highContrast>{action}</Badge> },
                    { name: 'In force for', cell: (guard) => <Places names={placesOf(guard, names)} /> },
                    { name: 'What it did', cell: ({ spoke }) => toldOf(spoke) },
                  ]}
                />
              )}
            </Answer>
            {!names.isAll && (
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
