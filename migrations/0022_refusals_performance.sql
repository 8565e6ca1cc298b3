-- How many requests the gateways refused, by quarter hour, key, team, model and reason. Each gateway counts in memory and adds to it
-- every few seconds, so that refusing costs no call of the database. Null for key, team and model: nobody was known, or there were
-- more than a gateway counts apart.
create table refusals (
  start   timestamptz not null,
  dims    bytea       not null,
  key_id  text,
  team    text,
  model   text,
  reason  text        not null,
  refused bigint      not null,
  last_at timestamptz not null,
  primary key (start, dims)
);
create index refusals_key  on refusals (key_id, start) where key_id is not null;
create index refusals_team on refusals (team, start)   where team is not null;

-- How fast targets answered and what became of attempts, by hour and by day (UTC): a histogram whose buckets grow by an eighth of an
-- octave, so that hours, targets and gateways can be added up. Written with the entries, as the sums of spend are.
create table performance_hour (
  start       timestamptz not null,
  dims        bytea       not null,
  model       text        not null,
  provider    text        not null,
  target      text        not null,
  status      integer     not null,
  error       text,
  cached      boolean     not null,
  bucket      smallint    not null, -- up to 2 ^ (bucket / 8) milliseconds
  durations   bigint      not null, -- attempts that took so long
  first_bytes bigint      not null, -- attempts whose first byte took so long
  saved_nusd  bigint      not null, -- what those that were answered from the cache would have cost
  primary key (start, dims)
) with (fillfactor = 70);
create table performance_day (like performance_hour including all) with (fillfactor = 70);
