-- Other sums of spend. The cost of each key by month tells the cost of every five days of it too (from its first, 6th, 11th, 16th, 21st
-- and 26th day, UTC), so that the dearest keys of any period are found by it. By day there are sums of users that are not broken down by
-- key, and of all that is neither of a key, a user nor a tag, in the place of those by status, error, cache and target alone. The trigger
-- writes them with the entries, whichever version of a gateway wrote these.
do $$
declare
  every  constant text[] := array['requests', 'attempts', 'errors', 'cache_hits', 'input_tokens', 'cache_read_tokens',
    'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens', 'reasoning_tokens', 'audio_input_tokens', 'audio_output_tokens',
    'image_input_tokens', 'image_output_tokens', 'input_nusd', 'cache_read_nusd', 'cache_write_nusd', 'output_nusd', 'request_nusd',
    'total_nusd', 'billed_nusd'];
  counts constant text := $sql$case when correction = 'reversal' then -1 when correction = 'replacement' or corrects is null then 1 else 0 end$sql$;
  most   constant text := '4611686018427387904';
  tagged constant text := '(select e.*, t.tag from added e left join lateral (select distinct unnest(e.tags) as tag) t on true)';
  known  constant text := $sql$(select e.*, case when 'sent_unknown' = any(flags) then 'unknown' end as sent from added e)$sql$;
  parts  constant text[] := array['total_nusd', 'nusd_from_1', 'nusd_from_6', 'nusd_from_11', 'nusd_from_16', 'nusd_from_21', 'nusd_from_26'];
  part   constant text := 'case when least((extract(day from %s at time zone ''UTC'')::int - 1) / 5, 5) = %s then total_nusd else 0 end';
  body   text := '';
  one    record;
  name   text;
  added  text; -- sums of entries
  kept   text; -- sums of sums
  more   text;
  rows   text;
begin
  lock table only entries in share row exclusive mode;
  drop table spend_month_key, spend_day_outcome;
  for one in
    select *, 'spend_' || grain || '_' || cube as made, 'date_trunc(''' || grain || ''', %s, ''UTC'')' as begins from (values
      ('month', 'key', 'key_id, team, model, provider', parts, 'added', 'spend_day_main', true),
      ('day', 'user_team', 'end_user, team, model, provider', every, 'added', 'spend_day_user', true),
      ('day', 'tag_team', 'tag, team, model, provider', every, tagged, null, false),
      ('day', 'attempt', 'status, error, cache, stream, team, model, served_model, provider, target, endpoint, usage_source, price_version,'
        ' service_tier, sent', every, known, 'entries', true)
    ) as tables (grain, cube, dims, sums, source, summed, is_new)
  loop
    added := '';
    kept := '';
    more := '';
    foreach name in array one.sums loop
      added := added || format(', least(sum(%s), %s)::bigint',
        case name when 'attempts' then counts
                  when 'errors' then 'case when status >= 400 then ' || counts || ' else 0 end'
                  when 'cache_hits' then 'case when cache in (''hit'', ''semantic'') then ' || counts || ' else 0 end'
                  when 'billed_nusd' then 'coalesce(billed_nusd, total_nusd)'
                  else case when name like 'nusd_from_%' then format(part, 'at', array_position(one.sums, name) - 2) else name end end, most);
      kept := kept || format(', least(sum(%s), %s)::bigint',
        case when name like 'nusd_from_%' then format(part, 'start', array_position(one.sums, name) - 2) else name end, most);
      more := more || format('%1$s%2$s = case when kept.%2$s >= %3$s then kept.%2$s else kept.%2$s + excluded.%2$s end',
        case when more = '' then '' else ', ' end, name, most);
    end loop;
    rows := format('insert into %s as kept (start, dims, %s, %s) select ', one.made, one.dims, array_to_string(one.sums, ', '))
      || '%s' || format(', tollgate_dims(%s), %s', replace(replace(one.dims, 'status', 'status::text'), 'stream', 'stream::text'), one.dims)
      || '%s from %s as e group by 1, ' || one.dims;
    body := body || format(rows, format(one.begins, 'at'), added, one.source)
      || ' order by 1, 2 on conflict (start, dims) do update set ' || more || '; ';
    continue when not one.is_new;
    execute format('create table %s (start timestamptz not null, dims bytea not null, %s, %s bigint not null, primary key (start, dims))
      with (fillfactor = 70)', one.made,
      replace(replace(replace(one.dims, ',', ' text,') || ' text', 'status text', 'status integer'), 'stream text', 'stream boolean'),
      array_to_string(one.sums, ' bigint not null, '));
    execute case one.summed
      when 'entries' then format(rows, format(one.begins, 'at'), added, replace(one.source, 'added', 'entries'))
      else format(rows, format(one.begins, 'start'), kept, one.summed) end || ' order by 1';
  end loop;
  execute format('create or replace function tollgate_add_sums() returns trigger language plpgsql as %L', 'begin ' || body || 'return null; end');
end $$;

-- Of these alone some are looked for: the others are read by their time.
create index on spend_day_user_team (end_user, start);