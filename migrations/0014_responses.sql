-- Stored responses: what a key may ask for again, and go on from. `body` is compressed and encrypted by the gateway.
create table stored_responses (
  id            text collate "C" primary key,
  key_id        text        not null,
  status        text        not null,
  background    boolean     not null,
  item_ids      text[]      not null, -- of its input and its output: a later request may refer to one
  body          bytea       not null,
  cancelled     boolean     not null default false, -- asked for; the gateway that runs it looks here
  running_until timestamptz,                        -- of a background response: it is over by then, or its gateway ended
  created_at    timestamptz not null,
  expires_at    timestamptz not null
);
create index stored_responses_expiry on stored_responses (expires_at);
create index stored_responses_key    on stored_responses (key_id);
create index stored_responses_items  on stored_responses using gin (item_ids);
