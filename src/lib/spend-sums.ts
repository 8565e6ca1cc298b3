/**
 * The shape of the sums of spend: which tables there are, what each is broken down by, and what is summed. The writer, the
 * check and the reports all build their SQL from these lists, so that none knows a column that another does not.
 */

/**
 * How often an entry counts as an attempt, and where it failed as an error. A correction of prices changes money alone; one that
 * supersedes an estimate takes back what that counted as (`reversal`), and counts as what is known now (`replacement`).
 */
export const counted =
  "case when correction = 'reversal' then -1 when correction = 'replacement' or corrects is null then 1 else 0 end";

/** What is summed, and how it is read off an entry in SQL. */
export const sums = {
  requests: 'requests',
  attempts: counted,
  errors: `case when status >= 400 then ${counted} else 0 end`,
  cache_hits: `case when cache in ('hit', 'semantic') then ${counted} else 0 end`,
  input_tokens: 'input_tokens',
  cache_read_tokens: 'cache_read_tokens',
  cache_write_5m_tokens: 'cache_write_5m_tokens',
  cache_write_1h_tokens: 'cache_write_1h_tokens',
  output_tokens: 'output_tokens',
  reasoning_tokens: 'reasoning_tokens',
  audio_input_tokens: 'audio_input_tokens',
  audio_output_tokens: 'audio_output_tokens',
  image_input_tokens: 'image_input_tokens',
  image_output_tokens: 'image_output_tokens',
  input_nusd: 'input_nusd',
  cache_read_nusd: 'cache_read_nusd',
  cache_write_nusd: 'cache_write_nusd',
  output_nusd: 'output_nusd',
  request_nusd: 'request_nusd',
  total_nusd: 'total_nusd',
  billed_nusd: 'coalesce(billed_nusd, total_nusd)',
} as const satisfies Record<string, string>;

export type Sum = keyof typeof sums;
export const sumNames = Object.keys(sums) as Sum[];

export const grains = ['hour', 'day'] as const;
export type Grain = (typeof grains)[number] | 'month';

/** Each cube's columns, in the order in which `tollgate_dims` takes them. */
export const cubes = {
  team: ['team', 'model', 'provider'],
  main: ['key_id', 'team', 'model', 'served_model', 'provider', 'target', 'endpoint'],
  user: ['end_user', 'key_id', 'team', 'model', 'provider'],
  tag: ['tag', 'key_id', 'team', 'model', 'provider'],
  tag_team: ['tag', 'team', 'model', 'provider'],
  outcome: ['status', 'error', 'cache', 'team', 'model', 'provider', 'target'],
  key: ['key_id', 'team'],
} as const satisfies Record<string, readonly string[]>;

export type Cube = keyof typeof cubes;

/** What a cube sums up: of keys their cost alone, which tells the dearest ones. */
export const summedIn = (cube: Cube): readonly Sum[] => (cube === 'key' ? ['total_nusd'] : sumNames);

/** Those by hour and by day, which the statement that writes entries adds to. */
export const writtenCubes = ['team', 'main', 'user', 'tag'] as const satisfies readonly Cube[];

/** All tables of sums. Those that are not by hour and by day are written by a trigger of the ledger. */
export const sumTables: readonly (readonly [Grain, Cube])[] = [
  ...grains.flatMap((grain) => writtenCubes.map((cube) => [grain, cube] as const)),
  ['month', 'key'],
  ['day', 'tag_team'],
  ['day', 'outcome'],
];

/**
 * Where a sum of one row ends: half of what a `bigint` holds, which is some 4.6 billion dollars in nano-dollars. Nothing that an
 * upstream claims to have used can overflow a sum, and with it fail the transaction that writes entries.
 */
export const MOST = '4611686018427387904';

export const rollupTable = (grain: Grain, cube: Cube): string => `spend_${grain}_${cube}`;

/** Entries as the rows of a cube take them: for tags, once for each tag, and once without one where there are none. */
export const cubeSource = (cube: Cube, entries: string): string =>
  cube === 'tag' || cube === 'tag_team'
    ? `(select e.*, t.tag from ${entries} e left join lateral (select distinct unnest(e.tags) as tag) t on true)`
    : entries;

/** The rows of a rollup that entries sum up to. `entries` is a relation or a query in parentheses. */
export function rollupOf(grain: Grain, cube: Cube, entries: string): string {
  const dims = cubes[cube].join(', ');
  const hashed = cubes[cube].map((name) => (name === 'status' ? 'status::text' : name)).join(', ');
  const totals = summedIn(cube)
    .map((name) => `least(sum(${sums[name]}), ${MOST})::bigint as ${name}`)
    .join(', ');
  const start = `date_trunc('${grain}', at, 'UTC')`;
  return `select ${start} as start, tollgate_dims(${hashed}) as dims, ${dims}, ${totals}
    from ${cubeSource(cube, entries)} as counted group by ${start}, ${dims}`;
}

/** Writers of sums hold this advisory lock together, whoever rebuilds them holds it alone. */
export const ROLLUP_LOCK = '8390043843661231206';
