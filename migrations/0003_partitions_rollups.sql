-- The ledger by month, what prices need beside tokens, and sums of spend by hour and day.

alter table teams add column markup_ppm bigint check (markup_ppm between 0 and 1000000000); -- billed = cost * markup / 1e6

-- Rows that lie in no month of their own go to `entries_default`, so that no insert fails for want of a partition. From there
-- they are moved when their month gets a partition, and taken by retention: the one DELETE that the ledger knows, and only
-- where maintenance says that it is at work. Dropping a partition is no DELETE.
create or replace function tollgate_refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and tg_table_name = 'entries_default' and current_setting('tollgate.maintenance', true) = 'on' then
    return null;
  end if;
  raise exception 'the ledger is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;

alter table entries rename to entries_unpartitioned;
alter table entries_unpartitioned rename constraint entries_pkey to entries_unpartitioned_pkey;
drop index entries_newest, entries_request, entries_key, entries_team, entries_end_user, entries_model, entries_provider;

-- An id is made with the time at which its attempt began, and both stay the same however often an entry is written again:
-- so (at, id) is as good a key as id, and it is the order of pages too.
create table entries (
  id                    text collate "C" not null,
  at                    timestamptz      not null,
  request_id            text             not null,
  attempt               integer          not null,
  key_id                text             not null,
  team                  text,
  end_user              text,
  tags                  text[]           not null,
  metadata              jsonb            not null,
  endpoint              text             not null,
  model                 text             not null,
  served_model          text,
  provider              text             not null,
  target                text             not null,
  status                integer          not null,
  error                 text,
  stream                boolean          not null,
  cache                 text             not null,
  input_tokens          bigint           not null,
  cache_read_tokens     bigint           not null,
  cache_write_5m_tokens bigint           not null,
  cache_write_1h_tokens bigint           not null,
  output_tokens         bigint           not null,
  reasoning_tokens      bigint           not null,
  audio_input_tokens    bigint           not null,
  audio_output_tokens   bigint           not null,
  image_input_tokens    bigint           not null default 0, -- a part of input
  image_output_tokens   bigint           not null default 0, -- a part of output
  usage_source          text             not null,
  input_nusd            bigint           not null,
  cache_read_nusd       bigint           not null,
  cache_write_nusd      bigint           not null,
  output_nusd           bigint           not null,
  request_nusd          bigint           not null default 0, -- a fee per request
  total_nusd            bigint           not null,
  billed_nusd           bigint,                              -- with the team's markup; null: no markup, as total_nusd
  price_version         text             not null,
  service_tier          text,                                -- as the provider named it
  requests              smallint         not null default 1, -- 1: the first entry of its request; 0: a later one, or a correction
  corrects              text collate "C",                    -- the entry whose cost this one corrects
  first_byte_ms         double precision,
  duration_ms           double precision not null,
  overhead_ms           double precision not null,
  primary key (at, id)
) partition by range (at);

create index entries_request  on entries (request_id, at, id);
create index entries_key      on entries (key_id, at, id);
create index entries_team     on entries (team, at, id)     where team is not null;
create index entries_end_user on entries (end_user, at, id) where end_user is not null;
create index entries_model    on entries (model, at, id);
create index entries_provider on entries (provider, at, id);
create index entries_status   on entries (status, at, id)   where status <> 200;
create index entries_tags     on entries using gin (tags);
create index entries_corrects on entries (corrects)         where corrects is not null;

create trigger append_only before update or delete or truncate on entries
  for each statement execute function tollgate_refuse_change();

create table entries_default partition of entries default;
create trigger append_only before update or delete or truncate on entries_default
  for each statement execute function tollgate_refuse_change();

-- Makes the partition of the month that begins at `month` (UTC), with what lies in `entries_default` for it; false where it
-- is there already. One caller at a time.
create function tollgate_make_partition(month date) returns boolean language plpgsql as $$
declare
  name text        := 'entries_' || to_char(month, 'YYYYMM');
  low  timestamptz := month::timestamp at time zone 'UTC';
  high timestamptz := (month + interval '1 month') at time zone 'UTC';
begin
  if to_regclass(quote_ident(name)) is not null then
    return false;
  end if;
  execute format('create table %I (like entries including defaults including constraints)', name);
  perform set_config('tollgate.maintenance', 'on', true);
  execute format(
    'with moved as (delete from entries_default where at >= %L and at < %L returning *) insert into %I select * from moved',
    low, high, name);
  perform set_config('tollgate.maintenance', 'off', true);
  execute format('alter table entries attach partition %I for values from (%L) to (%L)', name, low, high);
  execute format('create trigger append_only before update or delete or truncate on %I
    for each statement execute function tollgate_refuse_change()', name);
  return true;
end $$;

do $$
declare
  month date;
begin
  for month in
    select distinct date_trunc('month', at at time zone 'UTC')::date from entries_unpartitioned
    union
    select (date_trunc('month', now() at time zone 'UTC') + ahead * interval '1 month')::date from generate_series(0, 3) as ahead
  loop
    perform tollgate_make_partition(month);
  end loop;
end $$;

insert into entries (
  id, at, request_id, attempt, key_id, team, end_user, tags, metadata, endpoint, model, served_model, provider, target,
  status, error, stream, cache, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
  output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, usage_source, input_nusd, cache_read_nusd,
  cache_write_nusd, output_nusd, total_nusd, price_version, requests, first_byte_ms, duration_ms, overhead_ms)
select
  id, at, request_id, attempt, key_id, team, end_user, tags, metadata, endpoint, model, served_model, provider, target,
  status, error, stream, cache, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
  output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, usage_source, input_nusd, cache_read_nusd,
  cache_write_nusd, output_nusd, total_nusd, price_version,
  case when attempt = 1 or row_number() over (partition by request_id, key_id order by attempt, at, id) = 1 then 1 else 0 end,
  first_byte_ms, duration_ms, overhead_ms
from entries_unpartitioned;
drop table entries_unpartitioned;

-- From when on the ledger is whole: retention dropped what is older, and only the sums are left of it.
create table ledger_kept (single boolean primary key default true check (single), since timestamptz not null);

-- Sums of spend, each entry's in eight tables: by hour and by day (UTC), by team and model, by all of who and what, by user, and by tag (an entry with
-- two tags is in both; one with none is under null). They are written in the transaction that writes the entries. What a row
-- is of is also in `dims` as a hash, since texts may be too long together for an index.
create function tollgate_dims(variadic dims text[]) returns bytea language sql immutable parallel safe as
$$ select substring(sha256(convert_to(array_to_json(dims)::text, 'UTF8')) for 20) $$;

do $$
declare
  grain text;
  cube  text;
  keys  text;
  first text;
begin
  foreach grain in array array['hour', 'day'] loop
    foreach cube in array array['team', 'main', 'user', 'tag'] loop
      keys := case cube when 'team' then 'team, model, provider'
                        when 'main' then 'key_id, team, model, served_model, provider, target, endpoint'
                        when 'user' then 'end_user, key_id, team, model, provider'
                        else 'tag, key_id, team, model, provider' end;
      first := split_part(keys, ',', 1);
      execute format(
        'create table spend_%1$s_%2$s (start timestamptz not null, dims bytea not null, %3$s text,
           requests bigint not null, attempts bigint not null, errors bigint not null, cache_hits bigint not null,
           input_tokens bigint not null, cache_read_tokens bigint not null, cache_write_5m_tokens bigint not null,
           cache_write_1h_tokens bigint not null, output_tokens bigint not null, reasoning_tokens bigint not null,
           audio_input_tokens bigint not null, audio_output_tokens bigint not null, image_input_tokens bigint not null,
           image_output_tokens bigint not null, input_nusd bigint not null, cache_read_nusd bigint not null,
           cache_write_nusd bigint not null, output_nusd bigint not null, request_nusd bigint not null,
           total_nusd bigint not null, billed_nusd bigint not null,
           primary key (start, dims)) with (fillfactor = 70);
         create index on spend_%1$s_%2$s (%4$I, start)',
        grain, cube, replace(keys, ',', ' text,'), first);
      -- What is in the ledger already.
      execute format(
        'insert into spend_%1$s_%2$s
         select date_trunc(%1$L, at, ''UTC''), tollgate_dims(%3$s), %3$s, sum(requests), count(*),
           count(*) filter (where status >= 400), count(*) filter (where cache in (''hit'', ''semantic'')),
           sum(input_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(output_tokens),
           sum(reasoning_tokens), sum(audio_input_tokens), sum(audio_output_tokens), 0, 0, sum(input_nusd), sum(cache_read_nusd),
           sum(cache_write_nusd), sum(output_nusd), 0, sum(total_nusd), sum(total_nusd)
         from entries %4$s group by date_trunc(%1$L, at, ''UTC''), %3$s',
        grain, cube, keys,
        case cube when 'tag' then 'left join lateral (select distinct unnest(tags) as tag) t on true' else '' end);
    end loop;
  end loop;
end $$;

-- Scheduled reports: who delivers which, and what became of it. A claim lapses, so that another replica takes over.
create table report_runs (
  name         text        not null,
  period_start timestamptz not null,
  period_end   timestamptz not null,
  claimed_at   timestamptz,
  attempts     integer     not null default 0,
  delivered_at timestamptz,
  error        text,
  primary key (name, period_start)
);
