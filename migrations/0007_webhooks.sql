-- Webhooks: endpoints, the outbox of messages, what is to be delivered where, and the log of tries.

create table webhook_endpoints (
  id               text collate "C" primary key,
  source           text        not null check (source in ('api', 'config')),
  url              text        not null,
  events           text[]      not null, -- patterns: usage.recorded, budget.*, *
  description      text        not null default '',
  secret           bytea, -- encrypted; null where the configuration has it
  old_secret       bytea, -- signs as well until old_secret_ends_at
  old_secret_ends_at timestamptz,
  key_id           text, -- of the key that the secrets are encrypted with
  created_at       timestamptz not null,
  updated_at       timestamptz not null,
  disabled_at      timestamptz,
  disabled_reason  text,
  removed_at       timestamptz, -- of the configuration: it is not there any more
  failures         integer     not null default 0, -- in a row
  paused_until     timestamptz,
  lease            text, -- of the process that delivers to it now
  leased_until     timestamptz,
  served_at        timestamptz
);

-- One message for all its receivers; `body` is sent to the byte, each time.
create table webhook_messages (
  id         text collate "C" primary key, -- the `webhook-id`
  type       text        not null,
  body       text        not null,
  created_at timestamptz not null
);

create table webhook_deliveries (
  id           bigint generated always as identity primary key, -- in the order of the outbox
  endpoint_id  text        not null references webhook_endpoints (id) on delete cascade,
  message_id   text        not null references webhook_messages (id) on delete cascade,
  state        text        not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  attempts     integer     not null default 0,
  tries        integer     not null default 0, -- since it was last asked for
  created_at   timestamptz not null,
  next_at      timestamptz not null,
  expires_at   timestamptz not null,
  last_at      timestamptz,
  last_status  integer,
  last_error   text,
  ended_at     timestamptz -- delivered, or dead
);
create index webhook_deliveries_due      on webhook_deliveries (endpoint_id, next_at) where state = 'pending';
create index webhook_deliveries_queue    on webhook_deliveries (endpoint_id, id) where state = 'pending';
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id, id);
create index webhook_deliveries_message  on webhook_deliveries (message_id);
create index webhook_deliveries_expiry   on webhook_deliveries (expires_at) where state = 'pending';
create index webhook_deliveries_ended    on webhook_deliveries (ended_at) where state <> 'pending';
create index webhook_messages_created    on webhook_messages (created_at);

create table webhook_attempts (
  delivery_id bigint           not null references webhook_deliveries (id) on delete cascade,
  number      integer          not null,
  at          timestamptz      not null,
  status      integer, -- of the answer; null: there was none
  error       text,
  duration_ms double precision not null,
  response    text             not null default '', -- its beginning
  primary key (delivery_id, number)
);

-- What may be told only once, such as a mark of a budget in a window; kept for as long as it could be told again.
create table webhook_once (
  key     text collate "C" primary key,
  ends_at timestamptz -- null: never
);
create index webhook_once_ends on webhook_once (ends_at) where ends_at is not null;

create index keys_expiring on keys (expires_at) where expires_at is not null and revoked_at is null;
