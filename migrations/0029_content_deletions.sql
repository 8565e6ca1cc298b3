-- The narrowest thing that a deletion names, so that what is read is looked up among very many deletions by it.
alter table content_deletions add column names text collate "C" generated always as (
  coalesce('entry ' || entry_id, 'request ' || request_id, 'user ' || end_user, 'key ' || key_id, 'team ' || team, 'all')
) stored;
create index content_deletions_names on content_deletions (names, until);
create index content_deletions_open  on content_deletions (id) where not done;
