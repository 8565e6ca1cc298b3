-- Prompts and answers that are kept with their entries. `body` is compressed and encrypted by the gateway.
create table captured_content (
  entry_id   text collate "C" primary key, -- of the attempt whose answer was told
  request_id text        not null,
  key_id     text        not null,
  team       text,
  end_user   text,
  model      text        not null,
  endpoint   text        not null,
  stream     boolean     not null,
  mode       text        not null,
  body       bytea       not null,
  at         timestamptz not null
);
create index captured_content_at      on captured_content (at, entry_id);
create index captured_content_key     on captured_content (key_id, at);
create index captured_content_team    on captured_content (team, at) where team is not null;
create index captured_content_user    on captured_content (end_user) where end_user is not null;
create index captured_content_request on captured_content (request_id);

-- Entries of the other attempts of a request.
create table captured_attempts (
  entry_id   text collate "C" primary key,
  content_id text collate "C" not null references captured_content on delete cascade
);
create index captured_attempts_content on captured_attempts (content_id);

-- What was deleted: in force at once, for what is written later too; rows go a few at a time.
create table content_deletions (
  id         bigint generated always as identity primary key,
  key_id     text,
  team       text,
  end_user   text,
  request_id text,
  entry_id   text,
  until      timestamptz not null, -- of what was captured up to then
  done       boolean     not null default false
);

-- off, on or redacted; null: as others say.
alter table keys  add column capture text;
alter table teams add column capture text;
