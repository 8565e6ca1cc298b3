-- Estimates, and what supersedes them. An entry that was written before the end of its attempt was known says from what
-- (`estimate`); where more is known later, a reversal and a replacement follow it, both with its id in `corrects`.
alter table entries
  add column estimate   text check (estimate in ('intent', 'progress')), -- null: a fact
  add column correction text check (correction in ('reversal', 'replacement')), -- null: no correction, or one of prices
  add column flags      text[]; -- null: none

-- An entry on its way into the ledger, as gateways of this version write it. Those of the version before write `ledger_line`.
create type ledger_line_2 as (
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
  correction            text
);
