-- Providers and models that are made by the admin API, beside those of the configuration's file. `sealed` is what was written, as JSON,
-- encrypted with the gateways' `secrets_key` and bound to its row: no credential is in clear.
create table added_configuration (
  kind       text             not null check (kind in ('provider', 'model')),
  name       text collate "C" not null check (octet_length(name) between 1 and 1000),
  sealed     bytea            not null,
  created_at timestamptz      not null default now(),
  updated_at timestamptz      not null default now(),
  primary key (kind, name)
);

create function tollgate_configuration_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('tollgate_keys', 'configuration');
  return null;
end $$;
create trigger announce after insert or update or delete on added_configuration
  for each statement execute function tollgate_configuration_changed();
