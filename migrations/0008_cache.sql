-- The answer cache. Bodies are encrypted by the gateway; `key` is an HMAC of the request within its tenant.
create table cache_answers (
  key           text collate "C" primary key,
  id            text collate "C" not null unique,
  body          bytea       not null,
  model         text        not null,
  team          text,
  key_id        text        not null,
  tags          text[]      not null,
  provider      text        not null,
  target        text        not null,
  served_model  text,
  price_version text        not null,
  tokens        jsonb       not null,
  cost_nusd     bigint      not null,
  epoch         bigint      not null, -- the newest purge that was known when the request began
  created_at    timestamptz not null,
  expires_at    timestamptz not null
);
create index cache_answers_expiry on cache_answers (expires_at);
create index cache_answers_team   on cache_answers (team) where team is not null;

-- Prompts that are compared by meaning. `scope` is an HMAC of everything of a request but its last message; prompts are
-- encrypted, vectors are not: they are searched.
create table cache_prompts (
  seq           bigint generated always as identity,
  key           text collate "C" primary key references cache_answers (key) on delete cascade,
  scope         text collate "C" not null,
  prompt        bytea not null,
  vector        bytea not null, -- little-endian 32-bit floats of length one
  answer_vector bytea not null, -- of the answer's beginning; empty where there is none
  answer_group  text  not null, -- prompts of one group have the same answer, as far as that could be judged
  whole_answer  boolean not null -- answer_vector is of all of it
);
create index cache_prompts_scope on cache_prompts (scope, seq);

-- Verified mode: what a candidate was worth. `similarity` to the prompt whose fresh answer told.
create table cache_observations (
  seq        bigint generated always as identity primary key,
  scope      text collate "C" not null,
  team       text,
  similarity real    not null,
  correct    boolean not null,
  weight     real    not null, -- an audited hit stands for several
  audit      boolean not null,
  at         timestamptz not null
);
create index cache_observations_scope on cache_observations (scope, seq);

-- Purges: an entry that one covers and whose epoch is below its number is invalid, at once and without being deleted.
create table cache_purges (
  kind text   not null,
  name text   not null,
  seq  bigint not null,
  at   timestamptz not null default now(),
  primary key (kind, name)
);
create index cache_purges_seq on cache_purges (seq);
create sequence cache_purge_seq;

-- Numbers become visible in their order: whoever purges holds the lock until its transaction ends.
create function tollgate_cache_purge(of_kind text, of_name text) returns bigint language plpgsql as $$
declare
  number bigint;
begin
  perform pg_advisory_xact_lock(7263001);
  number := nextval('cache_purge_seq');
  insert into cache_purges (kind, name, seq) values (of_kind, of_name, number)
    on conflict (kind, name) do update set seq = excluded.seq, at = excluded.at;
  return number;
end $$;

-- The secret of the HMACs and of the encryption, where the configuration gives none: one row, made by the first gateway.
create table cache_secret (
  single boolean primary key default true check (single),
  secret bytea not null
);

-- A team that is deleted takes its answers with it.
create function tollgate_forget_team() returns trigger language plpgsql as $$
begin
  delete from cache_answers where team = old.id;
  delete from cache_observations where team = old.id;
  perform tollgate_cache_purge('team', old.id);
  return null;
end $$;
create trigger forget_answers after delete on teams for each row execute function tollgate_forget_team();

-- What an answer from the cache would have cost.
alter table entries add column saved_nusd bigint not null default 0;
