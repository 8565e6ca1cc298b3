-- The catalogue of list prices that an operator brought, newer than the one that the version ships with: one row, or none. `data` is
-- the file, gzipped; what was in force before is told by the audit log.
create table price_catalogue (
  one     boolean     primary key default true check (one),
  sha256  text        not null,
  dated   date        not null,
  data    bytea       not null,
  actor   text        not null,
  set_at  timestamptz not null default now()
);

create function tollgate_prices_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('tollgate_keys', 'prices');
  return null;
end $$;
create trigger announce after insert or update or delete on price_catalogue
  for each statement execute function tollgate_prices_changed();
