-- Who is still served when a gateway has more to do than it can: `low` is refused first, `high` last.
alter table keys add column priority text not null default 'normal';
