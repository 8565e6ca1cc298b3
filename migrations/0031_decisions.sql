-- How an attempt's target was chosen and which limits were taken, as one text; null: an earlier version wrote it.
alter table entries add column decision text;

-- An entry on its way into the ledger, as gateways of this version write it. Those of the version before write `ledger_line_3`.
create type ledger_line_4 as (
  id                    text,
  at                    bigint,           -- milliseconds since the Unix epoch
  request_id            text,
  attempt               integer,
  key_id                text,
  team                  text,
  end_user              text,
  tags                  jsonb,            -- null: none
  metadata              jsonb,            -- null: none
  endpoint              text,
  model                 text,
  provider              text,
  target                text,
  stream                boolean,
  cache                 text,
  price_version         text,
  saved_nusd            bigint,
  corrects              text,
  hold                  text,
  held_at               bigint,           -- milliseconds since the Unix epoch
  limit_model           text,
  served_model          text,
  status                integer,
  error                 text,
  input_tokens          bigint,
  cache_read_tokens     bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  output_tokens         bigint,
  reasoning_tokens      bigint,
  audio_input_tokens    bigint,
  audio_output_tokens   bigint,
  image_input_tokens    bigint,
  image_output_tokens   bigint,
  usage_source          text,
  input_nusd            bigint,
  cache_read_nusd       bigint,
  cache_write_nusd      bigint,
  output_nusd           bigint,
  request_nusd          bigint,
  total_nusd            bigint,
  first_byte_ms         double precision,
  duration_ms           double precision,
  overhead_ms           double precision,
  service_tier          text,
  billed_nusd           bigint,
  estimate              text,
  flags                 jsonb,            -- null: none
  correction            text,
  provider_request_id   text,
  decision              text
);
