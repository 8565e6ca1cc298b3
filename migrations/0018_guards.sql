-- Names of the guards that read the requests of a key, or of all keys of a team, and their answers.
alter table keys  add column guards jsonb not null default '[]';
alter table teams add column guards jsonb not null default '[]';
