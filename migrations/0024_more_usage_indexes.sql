-- What the ledger is filtered by beside team, key, user, model, provider and target: rare values are found without reading all of it. A partition
-- that is small gets its index here; on a large one a gateway builds it while entries are written (`ledger/indexes-pg.ts`).
create index entries_error on only entries (error, at, id) where error is not null;
create index entries_cache on only entries (cache, at, id) where cache in ('hit', 'semantic');

do $$
declare
  part regclass;
  made text;
begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = 'entries'::regclass loop
    continue when pg_relation_size(part) > 64 * 1024 * 1024;
    made := part::text || '_error';
    execute format('create index %I on %s (error, at, id) where error is not null', made, part);
    execute format('alter index entries_error attach partition %I', made);
    made := part::text || '_cache';
    execute format('create index %I on %s (cache, at, id) where cache in (''hit'', ''semantic'')', made, part);
    execute format('alter index entries_cache attach partition %I', made);
  end loop;
end $$;
