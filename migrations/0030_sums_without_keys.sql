-- Sums of spend for reports of what there is much of: the cost of each key by month, which tells the dearest ones, and sums by day of
-- tags and of what became of attempts that are not broken down by key. A trigger writes them with the entries: a
-- gateway of the version before this one, which does not know them, keeps them whole too while replicas are replaced.
do $$
declare
  every  constant text[] := array['requests', 'attempts', 'errors', 'cache_hits', 'input_tokens', 'cache_read_tokens',
    'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens', 'reasoning_tokens', 'audio_input_tokens', 'audio_output_tokens',
    'image_input_tokens', 'image_output_tokens', 'input_nusd', 'cache_read_nusd', 'cache_write_nusd', 'output_nusd', 'request_nusd',
    'total_nusd', 'billed_nusd'];
  counts constant text := $sql$case when correction = 'reversal' then -1 when correction = 'replacement' or corrects is null then 1 else 0 end$sql$;
  most   constant text := '4611686018427387904';
  tagged constant text := '(select e.*, t.tag from added e left join lateral (select distinct unnest(e.tags) as tag) t on true)';
  body   text := '';
  one    record;
  name   text;
  added  text; -- sums of entries
  kept   text; -- sums of sums
  more   text;
  rows   text;
begin
  -- What is in the ledger is summed up here, what comes after by the trigger, and nothing in between. All entries come through this
  -- table: what holds a partition, a vacuum or an index that is made, is not waited for.
  lock table only entries in share row exclusive mode;
  for one in
    select *, 'spend_' || grain || '_' || cube as made from (values
      ('month', 'key', 'key_id, team', array['total_nusd'], 'added', 'spend_day_main'),
      ('day', 'tag_team', 'tag, team, model, provider', every, tagged, 'spend_day_tag'),
      ('day', 'outcome', 'status, error, cache, team, model, provider, target', every, 'added', null)
    ) as tables (grain, cube, dims, sums, source, summed)
  loop
    execute format('create table %s (start timestamptz not null, dims bytea not null, %s, %s bigint not null, primary key (start, dims))
      with (fillfactor = 70)', one.made, replace(replace(one.dims, ',', ' text,') || ' text', 'status text', 'status integer'),
      array_to_string(one.sums, ' bigint not null, '));
    execute format('create index on %s (%s, start)', one.made, split_part(one.dims, ',', 1));
    added := '';
    kept := '';
    more := '';
    foreach name in array one.sums loop
      added := added || format(', least(sum(%s), %s)::bigint',
        case name when 'attempts' then counts
                  when 'errors' then 'case when status >= 400 then ' || counts || ' else 0 end'
                  when 'cache_hits' then 'case when cache in (''hit'', ''semantic'') then ' || counts || ' else 0 end'
                  when 'billed_nusd' then 'coalesce(billed_nusd, total_nusd)'
                  else name end, most);
      kept := kept || format(', least(sum(%s), %s)::bigint', name, most);
      more := more || format('%1$s%2$s = case when kept.%2$s >= %3$s then kept.%2$s else kept.%2$s + excluded.%2$s end',
        case when more = '' then '' else ', ' end, name, most);
    end loop;
    rows := format('insert into %s as kept (start, dims, %s, %s) select date_trunc(%L, ', one.made, one.dims,
        array_to_string(one.sums, ', '), one.grain)
      || '%s' || format(', ''UTC''), tollgate_dims(%s), %s', replace(one.dims, 'status', 'status::text'), one.dims)
      || '%s from %s as e group by 1, ' || one.dims;
    body := body || format(rows, 'at', added, one.source) || ' order by 1, 2 on conflict (start, dims) do update set ' || more || '; ';
    execute case when one.summed is null then format(rows, 'at', added, 'entries') else format(rows, 'start', kept, one.summed) end;
  end loop;
  execute format('create function tollgate_add_sums() returns trigger language plpgsql as %L', 'begin ' || body || 'return null; end');
end $$;

create trigger add_sums after insert on entries referencing new table as added
  for each statement execute function tollgate_add_sums();
