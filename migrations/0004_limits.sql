-- Limits of end users hang on a key or a team and hold for each of its users. `cache`: with whom a key shares cached answers;
-- null: as the model says.
alter table keys
  add column user_limits jsonb not null default '[]',
  add column cache       text;
alter table teams add column user_limits jsonb not null default '[]';

-- The hold under which an attempt was made, and when it was taken by the clock that budgets go by; null where no limit
-- applied. A budget that has to be summed again leaves out the holds that are counted already, and counts an entry in the
-- window in which its hold was taken.
alter table entries
  add column hold    text collate "C",
  add column held_at timestamptz;
create index entries_target on entries (target, at, id);
