-- Entries by what they cost, so that the few dear ones are found without reading all of the ledger. A partition that is small gets its
-- index here; on a large one a gateway builds it while entries are written (`ledger/indexes-pg.ts`).
create index entries_cost on only entries (total_nusd) where total_nusd > 0;

do $$
declare
  part regclass;
  made text;
begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = 'entries'::regclass loop
    continue when pg_relation_size(part) > 64 * 1024 * 1024;
    made := part::text || '_cost';
    execute format('create index %I on %s (total_nusd) where total_nusd > 0', made, part);
    execute format('alter index entries_cost attach partition %I', made);
  end loop;
end $$;
