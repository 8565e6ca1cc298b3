-- Secrets that a rotation replaced and that work until `ends_at`, so that clients can move to the new one without an outage.
create table retired_secrets (
  hash    bytea       primary key check (octet_length(hash) = 32),
  key_id  text        not null references keys (id) on delete cascade,
  ends_at timestamptz not null
);
create index retired_secrets_key on retired_secrets (key_id);

-- Replicas remember a key under every hash that leads to it, so a change of the key is announced under its retired hashes
-- too, and a retired hash that goes is announced itself.
create function tollgate_announce_retired() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'keys' then
    perform pg_notify('tollgate_keys', 'key:' || encode(hash, 'hex')) from retired_secrets where key_id = new.id;
  else
    perform pg_notify('tollgate_keys', 'key:' || encode(old.hash, 'hex'));
  end if;
  return null;
end $$;
create trigger announce_retired after update on keys for each row execute function tollgate_announce_retired();
create trigger announce after update or delete on retired_secrets
  for each row execute function tollgate_announce_retired();
