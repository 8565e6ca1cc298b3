-- Which admin keys gateways of this database run with, each by the beginning of its hash: they are to have the same.
create table admin_keys (
  actor   text        primary key,
  seen_at timestamptz not null
);
