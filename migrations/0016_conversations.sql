-- Conversations of the Responses API: items that a key may ask for again, and go on from. Bodies are compressed and encrypted by
-- the gateway. `size` is what the items hold before that.
create table conversations (
  id         text collate "C" primary key,
  key_id     text        not null,
  body       bytea       not null,
  size       bigint      not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index conversations_expiry on conversations (expires_at);
create index conversations_key    on conversations (key_id);

create table conversation_items (
  conversation_id text collate "C" not null references conversations on delete cascade,
  id              text collate "C" not null,
  seq             bigint generated always as identity,
  body            bytea  not null,
  size            bigint not null,
  primary key (conversation_id, id)
);
create unique index conversation_items_order on conversation_items (conversation_id, seq);
