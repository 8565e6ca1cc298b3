-- Gateways that use this database now, and where each counts limits (`memory` or `redis`): those that count in their own memory
-- do not share limits, and say so. A row that was not renewed for a minute is removed.
create table gateways (
  id      text        primary key,
  counts  text        not null,
  seen_at timestamptz not null
);
