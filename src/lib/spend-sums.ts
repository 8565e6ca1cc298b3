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
  user_team: ['end_user', 'team', 'model', 'provider'],
  attempt: [
    ...([
      'status',
      'error',
      'cache',
      'stream',
      'team',
      'model',
      'served_model',
      'provider',
      'target',
      'endpoint',
    ] as const),
    ...(['usage_source', 'price_version', 'service_tier', 'sent'] as const),
  ],
  key: ['key_id', 'team', 'model', 'provider'],
} as const satisfies Record<string, readonly string[]>;

export type Cube = keyof typeof cubes;

/** The days of a month (UTC) with which its parts begin. */
export const partDays = [1, 6, 11, 16, 21, 26] as const;

/** The cost of a part of a month. */
export const partName = (part: number): string => `nusd_from_${partDays[part]}`;

const partSums: Readonly<Record<string, string>> = Object.fromEntries(
  partDays.map((_, part) => [
    partName(part),
    `case when least((extract(day from at at time zone 'UTC')::int - 1) / 5, 5) = ${part} then total_nusd else 0 end`,
  ]),
);

const costs = ['total_nusd', ...Object.keys(partSums)];

/** What a cube sums up: of keys their cost alone, which tells the dearest ones, by month and its parts. */
export const summedIn = (cube: Cube): readonly string[] => (cube === 'key' ? costs : sumNames);

/** How a sum is read off an entry, in SQL. */
const summedBy = (name: string): string => partSums[name] ?? sums[name as Sum];

/** Those by hour and by day, which the statement that writes entries adds to. */
export const writtenCubes = ['team', 'main', 'user', 'tag'] as const satisfies readonly Cube[];

/** All tables of sums. Those that are not by hour and by day are written by a trigger of the ledger. */
export const sumTables: readonly (readonly [Grain, Cube])[] = [
  ...grains.flatMap((grain) => writtenCubes.map((cube) => [grain, cube] as const)),
  ['month', 'key'],
  ['day', 'user_team'],
  ['day', 'tag_team'],
  ['day', 'attempt'],
];

/**
 * Where a sum of one row ends: half of what a `bigint` holds, which is some 4.6 billion dollars in nano-dollars. Nothing that an
 * upstream claims to have used can overflow a sum, and with it fail the transaction that writes entries.
 */
export const MOST = '4611686018427387904';

export const rollupTable = (grain: Grain, cube: Cube): string => `spend_${grain}_${cube}`;

/** Whether anybody knows that an entry's request was sent, in SQL. */
export const SENT = "case when 'sent_unknown' = any(flags) then 'unknown' end";

/** Entries as the rows of a cube take them: for tags, once for each tag, and once without one where there are none. */
export function cubeSource(cube: Cube, entries: string): string {
  if (cube === 'attempt') return `(select e.*, ${SENT} as sent from ${entries} e)`;
  return cube === 'tag' || cube === 'tag_team'
    ? `(select e.*, t.tag from ${entries} e left join lateral (select distinct unnest(e.tags) as tag) t on true)`
    : entries;
}

const noTexts: readonly string[] = ['status', 'stream'];

/** The rows of a rollup that entries sum up to. `entries` is a relation or a query in parentheses. */
export function rollupOf(grain: Grain, cube: Cube, entries: string): string {
  const dims = cubes[cube].join(', ');
  const hashed = cubes[cube].map((name) => (noTexts.includes(name) ? `${name}::text` : name)).join(', ');
  const totals = summedIn(cube)
    .map((name) => `least(sum(${summedBy(name)}), ${MOST})::bigint as ${name}`)
    .join(', ');
  const start = `date_trunc('${grain}', at, 'UTC')`;
  return `select ${start} as start, tollgate_dims(${hashed}) as dims, ${dims}, ${totals}
    from ${cubeSource(cube, entries)} as counted group by ${start}, ${dims}`;
}

/** Writers of sums hold this advisory lock together, whoever rebuilds them holds it alone. */
export const ROLLUP_LOCK = '8390043843661231206';
