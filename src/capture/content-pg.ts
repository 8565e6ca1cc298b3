/** Captured content in Postgres (the embedded database too). Throws where the database is away. */
import type { Store } from '../store/pg.js';
import { msOf, timeOf } from '../store/times.js';
import type { CapturedRow, ContentFilter, ContentStore, Deletion, NewRow } from './captured.js';

interface Row {
  readonly entry_id: string;
  readonly request_id: string;
  readonly key_id: string;
  readonly team: string | null;
  readonly end_user: string | null;
  readonly model: string;
  readonly endpoint: string;
  readonly stream: boolean;
  readonly mode: CapturedRow['mode'];
  readonly body: Buffer;
  readonly at_ms: string;
}

const columns = `c.entry_id, c.request_id, c.key_id, c.team, c.end_user, c.model, c.endpoint, c.stream, c.mode, c.body,
  ${msOf('c.at')} as at_ms`;

/** Of a row under this name. Of many deletions only those are looked at that name something of the row. */
const deleted = (row: string): string => `exists (select from content_deletions d where d.until >= ${row}.at
  and d.names = any (array['entry ' || ${row}.entry_id, 'request ' || ${row}.request_id, 'user ' || ${row}.end_user,
    'key ' || ${row}.key_id, 'team ' || ${row}.team, 'all'] collate "C")
  and (d.key_id is null or d.key_id = ${row}.key_id) and (d.team is null or d.team = ${row}.team)
  and (d.end_user is null or d.end_user = ${row}.end_user) and (d.request_id is null or d.request_id = ${row}.request_id)
  and (d.entry_id is null or d.entry_id = ${row}.entry_id))`;

const insert = `
  with written as (
    select *, ${timeOf('at_ms')} as at
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[],
      $10::bytea[], $11::bigint[])
      as r (entry_id, request_id, key_id, team, end_user, model, endpoint, stream, mode, body, at_ms)
  ), kept as (
    insert into captured_content (entry_id, request_id, key_id, team, end_user, model, endpoint, stream, mode, body, at)
    select entry_id, request_id, key_id, team, end_user, model, endpoint, stream, mode, body, at from written
    where not ${deleted('written')}
    on conflict (entry_id) do nothing
    returning entry_id
  )
  insert into captured_attempts (entry_id, content_id)
  select a.entry_id, a.content_id from unnest($12::text[], $13::text[]) as a (entry_id, content_id)
  join kept on kept.entry_id = a.content_id
  on conflict (entry_id) do nothing`;

const get = `
  select ${columns} from captured_content c
  where c.entry_id = coalesce((select content_id from captured_attempts where entry_id = $1), $1)
    and c.at > ${timeOf('$2')} and ($3::text[] is null or c.team = any($3)) and not ${deleted('c')}`;

/** Column by field. */
const fields = {
  ...{ key: 'key_id', team: 'team', user: 'end_user', request_id: 'request_id', entry: 'entry_id' },
} as const satisfies Record<keyof Deletion, string>;
const names = Object.keys(fields) as (keyof Deletion)[];

export function pgContentStore(pool: Store['pool']): ContentStore {
  return {
    async insert(rows) {
      await pool.query({ text: insert, values: [...valuesOf(rows), ...othersOf(rows)] });
    },
    async get(entry, teams, sinceMs) {
      const { rows } = await pool.query<Row>({ text: get, values: [entry, sinceMs, teams && [...teams]] });
      return rows[0] && rowOf(rows[0]);
    },
    async page(filter, after, most) {
      const { where, values } = conditionsOf(filter);
      if (after)
        where.push(`(c.at, c.entry_id) > (${timeOf(`$${values.push(after.atMs)}`)}, $${values.push(after.entry)})`);
      const text = `select ${columns} from captured_content c where ${[...where, `not ${deleted('c')}`].join(' and ')}
        order by c.at, c.entry_id limit ${Math.trunc(most)}`;
      return (await pool.query<Row>({ text, values })).rows.map(rowOf);
    },
    async mark(deletions, untilMs) {
      const text = `insert into content_deletions (key_id, team, end_user, request_id, entry_id, until)
        select key_id, team, end_user, request_id, entry_id, ${timeOf('$6')}
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          as d (key_id, team, end_user, request_id, entry_id)`;
      const lists = names.map((name) => deletions.map((one) => one[name] ?? null));
      await pool.query({ text, values: [...lists, untilMs] });
    },
    async erase({ deletion, untilMs }, most) {
      const { where, values } = conditionsOf({ ...deletion, toMs: untilMs + 1 });
      const text = `delete from captured_content where entry_id in
        (select c.entry_id from captured_content c where ${where.join(' and ')} limit ${Math.trunc(most)})`;
      return (await pool.query({ text, values })).rowCount ?? 0;
    },
    async pending() {
      const text = `select *, ${msOf('until')} as until_ms from content_deletions where not done order by id limit 1000`;
      const { rows } = await pool.query<{ id: string; until_ms: string } & Record<string, string | null>>(text);
      return rows.map((row) => ({
        id: row.id,
        deletion: Object.fromEntries(names.map((name) => [name, row[fields[name]] ?? undefined])),
        untilMs: Number(row.until_ms),
      }));
    },
    async done(id) {
      await pool.query({ text: 'update content_deletions set done = true where id = $1', values: [id] });
    },
    async sweep(beforeMs, most) {
      const text = `delete from captured_content where entry_id in
        (select entry_id from captured_content where at <= ${timeOf('$1')} limit $2)`;
      return (await pool.query({ text, values: [beforeMs, most] })).rowCount ?? 0;
    },
    async forget(beforeMs) {
      const text = `delete from content_deletions where done and until <= ${timeOf('$1')}`;
      await pool.query({ text, values: [beforeMs] });
    },
  };
}

function conditionsOf(filter: ContentFilter): { where: string[]; values: unknown[] } {
  const values: unknown[] = [];
  const where = ['true'];
  const { model, fromMs, toMs, teams } = filter;
  for (const name of names) {
    const value = filter[name];
    if (value !== undefined) where.push(`c.${fields[name]} = $${values.push(value)}`);
  }
  if (model !== undefined) where.push(`c.model = $${values.push(model)}`);
  if (fromMs !== undefined) where.push(`c.at >= ${timeOf(`$${values.push(fromMs)}`)}`);
  if (toMs !== undefined) where.push(`c.at < ${timeOf(`$${values.push(toMs)}`)}`);
  if (teams !== undefined) where.push(`c.team = any($${values.push([...teams])})`);
  return { where, values };
}

function valuesOf(rows: readonly NewRow[]): unknown[] {
  const column = <T>(of: (row: NewRow) => T): T[] => rows.map(of);
  return [
    column(({ entry }) => entry),
    column(({ requestId }) => requestId),
    column(({ key }) => key),
    column(({ team }) => team),
    column(({ user }) => user),
    column(({ model }) => model),
    column(({ endpoint }) => endpoint),
    column(({ stream }) => stream),
    column(({ mode }) => mode),
    column(({ body }) => body),
    column(({ atMs }) => Math.round(atMs)),
  ];
}

const othersOf = (rows: readonly NewRow[]): [string[], string[]] => [
  rows.flatMap(({ others }) => others),
  rows.flatMap(({ others, entry }) => others.map(() => entry)),
];

const rowOf = (row: Row): CapturedRow => ({
  entry: row.entry_id,
  requestId: row.request_id,
  key: row.key_id,
  team: row.team,
  user: row.end_user,
  model: row.model,
  endpoint: row.endpoint,
  stream: row.stream,
  mode: row.mode,
  body: row.body,
  atMs: Number(row.at_ms),
});
