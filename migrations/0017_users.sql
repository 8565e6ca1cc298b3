-- Users, with the teams that they have to do with, their tokens for scripts and their sessions. Of tokens and sessions only the
-- SHA-256 is kept, of passwords what scrypt makes of them.
create table users (
  id           text collate "C" primary key,
  email        text        unique, -- in lower case; null: its issuer told none
  name         text        not null default '',
  role         text        not null check (role in ('admin', 'viewer', 'team_admin', 'member')),
  password     text,                -- scrypt:N:r:p:salt:hash; null: nobody signs in with a password
  issuer       text,
  subject      text,
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  blocked_at   timestamptz,
  last_seen_at timestamptz,
  unique (issuer, subject)
);

create table user_teams (
  user_id text not null references users (id) on delete cascade,
  team    text not null references teams (id) on delete cascade,
  primary key (user_id, team)
);
create index user_teams_team on user_teams (team);

create table tokens (
  id           text collate "C" primary key,
  hash         bytea       not null unique check (octet_length(hash) = 32),
  prefix       text        not null,
  name         text        not null,
  user_id      text        references users (id) on delete cascade,   -- null: made with the admin key
  parent_id    text        references tokens (id) on delete cascade,  -- the token that it was made with
  role         text        not null check (role in ('admin', 'viewer', 'team_admin', 'member')),
  teams        text[],     -- null: those of its user
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  revoked_at   timestamptz,
  last_used_at timestamptz
);
create index tokens_user on tokens (user_id);
create index tokens_parent on tokens (parent_id) where parent_id is not null;

create table sessions (
  hash       bytea       primary key check (octet_length(hash) = 32),
  user_id    text        references users (id) on delete cascade, -- null: of the admin key
  admin      text,       -- the beginning of the admin key's hash, as the audit log has it
  created_at timestamptz not null,
  seen_at    timestamptz not null,
  ends_at    timestamptz not null
);
create index sessions_user on sessions (user_id);
create index sessions_ends on sessions (ends_at);

-- The teams that a line is of: whoever has to do with named teams alone sees theirs.
alter table audit_log add column teams text[] not null default '{}';
update audit_log set teams = array[keys.team] from keys where keys.id = audit_log.subject and keys.team is not null;
update audit_log set teams = array[subject] where action like 'team.%';
