-- Entries in the order in which they were committed, for whoever follows the ledger live: written only while somebody does
-- (`entry_tails`), and kept for ten minutes. What is lost with a crash of the database is nothing that anybody counts on.
create unlogged table entry_feed (
  tx     xid8             not null,
  at     timestamptz      not null,
  id     text collate "C" not null,
  fed_at timestamptz      not null default now()
);
create index entry_feed_tx on entry_feed (tx);

-- Until when entries are fed, and since which transaction they are without a gap.
create table entry_tails (
  single boolean     primary key default true check (single),
  until  timestamptz not null,
  since  xid8        not null
);
