-- Entries without a tag need no place in the index of tags: a fifth of what it takes to insert them.
drop index entries_tags;
create index entries_tags on entries using gin (tags) where tags <> '{}';
