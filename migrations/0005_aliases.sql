-- Names that a key's or a team's clients send as `model`, and the models that they stand for.
alter table keys  add column aliases jsonb not null default '{}';
alter table teams add column aliases jsonb not null default '{}';
