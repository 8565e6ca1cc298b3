-- The first schema: teams, virtual keys, the spend ledger, the audit log and remembered admin writes.
-- Secrets are nowhere in clear: of a key only the SHA-256 is kept.

create table teams (
  id         text collate "C" primary key check (octet_length(id) between 1 and 1000), -- the team's name
  limits     jsonb       not null default '[]',
  metadata   jsonb       not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  blocked_at timestamptz
);

create table keys (
  id          text collate "C" primary key,
  hash        bytea       not null unique check (octet_length(hash) = 32),
  name        text        not null,
  prefix      text        not null,
  team        text        references teams (id),
  models      text[],                               -- patterns; null: all
  endpoints   text[],                               -- null: all
  allowed_ips text[],                               -- addresses and CIDR blocks; null: anywhere
  limits      jsonb       not null default '[]',
  tags        text[]      not null default '{}',
  metadata    jsonb       not null default '{}',
  expires_at  timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  blocked_at  timestamptz,
  revoked_at  timestamptz
);
create index keys_team on keys (team) where team is not null;

-- Every replica keeps keys and teams in memory and hears of changes on the channel `tollgate_keys`. The payload is
--   key:<SHA-256 of the key in lower-case hexadecimal>     or     team:<id of the team>
-- and is delivered when the transaction commits. A key whose hash changed is announced under both. The embedded database
-- delivers no notifications: there the one process tells itself.
create function tollgate_announce_key() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform pg_notify('tollgate_keys', 'key:' || encode(old.hash, 'hex'));
  end if;
  if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.hash <> old.hash) then
    perform pg_notify('tollgate_keys', 'key:' || encode(new.hash, 'hex'));
  end if;
  return null;
end $$;
create trigger announce after insert or update or delete on keys for each row execute function tollgate_announce_key();

create function tollgate_announce_team() returns trigger language plpgsql as $$
begin
  perform pg_notify('tollgate_keys', 'team:' || case when tg_op = 'DELETE' then old.id else new.id end);
  return null;
end $$;
create trigger announce after insert or update or delete on teams for each row execute function tollgate_announce_team();

-- The spend ledger: one line per upstream attempt that cost or could cost something. Keys and teams are not foreign keys,
-- because what was spent stays when they go, and because the ledger never waits for another table.
create table entries (
  id                    text collate "C" primary key, -- compared by bytes, so that paging agrees everywhere
  at                    timestamptz      not null, -- when the attempt began, to the millisecond
  request_id            text             not null,
  attempt               integer          not null,
  key_id                text             not null,
  team                  text,
  end_user              text,
  tags                  text[]           not null,
  metadata              jsonb            not null,
  endpoint              text             not null,
  model                 text             not null, -- as asked
  served_model          text,
  provider              text             not null,
  target                text             not null,
  status                integer          not null,
  error                 text,
  stream                boolean          not null,
  cache                 text             not null,
  input_tokens          bigint           not null, -- input, cache_* and output are disjoint
  cache_read_tokens     bigint           not null,
  cache_write_5m_tokens bigint           not null,
  cache_write_1h_tokens bigint           not null,
  output_tokens         bigint           not null,
  reasoning_tokens      bigint           not null, -- a part of output
  audio_input_tokens    bigint           not null, -- a part of input
  audio_output_tokens   bigint           not null, -- a part of output
  usage_source          text             not null,
  input_nusd            bigint           not null, -- costs are integer nano-dollars
  cache_read_nusd       bigint           not null,
  cache_write_nusd      bigint           not null,
  output_nusd           bigint           not null,
  total_nusd            bigint           not null,
  price_version         text             not null,
  first_byte_ms         double precision,
  duration_ms           double precision not null,
  overhead_ms           double precision not null
);
create index entries_newest   on entries (at, id);
create index entries_request  on entries (request_id);
create index entries_key      on entries (key_id, at, id);
create index entries_team     on entries (team, at, id)     where team is not null;
create index entries_end_user on entries (end_user, at, id) where end_user is not null;
create index entries_model    on entries (model, at, id);
create index entries_provider on entries (provider, at, id);

-- Append-only. Dropping or detaching a partition is no DELETE, so retention stays possible.
create function tollgate_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete or truncate on entries
  for each statement execute function tollgate_refuse_change();

-- Who changed what through the admin API. `detail` holds no secret.
create table audit_log (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  actor   text        not null,
  action  text        not null,
  subject text        not null,
  detail  jsonb       not null default '{}'
);

-- The answers of admin writes that carried an `Idempotency-Key`, so that a repeated write answers the same and does nothing.
-- `status` and `body` are null while the first one runs; `body` never holds a key's secret.
create table idempotency (
  key          text        not null,
  route        text        not null,
  request_hash bytea       not null,
  status       integer,
  body         jsonb,
  created_at   timestamptz not null default now(),
  primary key (key, route)
);
create index idempotency_created on idempotency (created_at);
