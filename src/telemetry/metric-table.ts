/**
 * The only list of metrics: their names, what they count, and what their labels can be. Metrics are registered from it by name,
 * `docs/metrics.md` is printed from it, and tests hold dashboard, alerts and what a gateway really tells to it. `watched` are
 * those that an operator acts on: each stands in the shipped dashboard and in an alert. `combined` says how several processes that serve one
 * port are one number; left out: their sum.
 */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly LabelName[];
  readonly watched?: true;
  readonly combined?: 'sum' | 'max' | 'min' | 'first';
  /** Of a histogram: upper bounds in rising order. */
  readonly bounds?: readonly number[];
}

/** The most teams that have a label of their own: those that came first. */
export const MOST_TEAMS = 500;

/** Where the values of each label come from. None is taken from what a caller sends. */
export const labels = {
  endpoint: 'the endpoint of the model API: `chat`, `embeddings`, `count_tokens`, ...',
  model:
    "the model that was asked for, or that a route chose, by its name in the configuration; all names behind a wildcard share the wildcard's; `none` where no model was found",
  provider: 'a provider by its name in the configuration; `none` where no target was reached',
  status: 'the HTTP status that the caller got; 499 where it left',
  kind: 'a kind of tokens; `input`, `cache_read`, `cache_write_5m`, `cache_write_1h` and `output` are disjoint, `reasoning` and `audio_*` are parts of them',
  team: `the team of the key; \`none\` for keys without one; \`other\` for teams after the first ${MOST_TEAMS}`,
  reason: 'a word of a closed set: an error code, a class of failures, or why something was not done',
  unit: 'the unit of the limit',
  window: "the limit's window; `none` for `concurrent`",
  scope: 'what the limit hangs on: `key`, `team`, `user`, `model`, `target`, or what a route counts by',
  result: 'what came of it',
  state: 'where limits are counted: `memory`, `redis`, `recovering` or `away`',
  target: 'a target by its name in the configuration: `provider/model`, or the address of a route',
  code: 'an HTTP status; `none` where there was none',
  guard: 'a guard by its name in the configuration',
  action: '`block`, `redact`, `log`, or `error`: it could not be asked, and the request went on',
  where: '`input` or `output`',
  route: 'a route by its name in the configuration',
  method: 'an HTTP method; `other` for unusual ones',
  policy: 'the policy of the route that refused',
  mode: '`enforce`, or `log` where the policy only says what it would do',
  version: 'the version of Tollgate',
  node: 'the version of Node',
} as const;

export type LabelName = keyof typeof labels;

const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const overheadBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];
const routeBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const rows = {
  tollgate_requests_total: {
    type: 'counter',
    help: 'Requests to the model API that ended.',
    labels: ['endpoint', 'model', 'provider', 'status'],
    watched: true,
  },
  tollgate_request_duration_seconds: {
    type: 'histogram',
    help: 'From the request to the last byte.',
    labels: ['endpoint', 'model', 'provider'],
    bounds: secondsBounds,
  },
  tollgate_overhead_seconds: {
    type: 'histogram',
    help: 'Time of a request that the gateway itself took.',
    labels: ['endpoint', 'model', 'provider'],
    bounds: overheadBounds,
    watched: true,
  },
  tollgate_first_byte_seconds: {
    type: 'histogram',
    help: 'From sending upstream to its first byte.',
    labels: ['endpoint', 'model', 'provider'],
    bounds: secondsBounds,
  },
  tollgate_in_flight_requests: {
    type: 'gauge',
    help: 'Requests that run now, streams and classic routes included.',
  },
  tollgate_workers: {
    type: 'gauge',
    help: 'Processes that serve now: as many as `server.workers` says, unless one is just replaced or stands still.',
  },
  tollgate_overload_level: {
    type: 'gauge',
    help: 'How many priorities of keys are refused for overload: 0 none, 1 low, 2 normal too, 3 all.',
    combined: 'max',
    watched: true,
  },
  tollgate_refused_requests_total: {
    type: 'counter',
    help: 'Requests to the model API that the gateway itself refused, by the code of the error. What an upstream failed at is not among them.',
    labels: ['reason', 'team'],
    watched: true,
  },
  tollgate_tokens_total: {
    type: 'counter',
    help: 'Tokens of attempts, as they are entered in the ledger.',
    labels: ['kind', 'model', 'provider'],
  },
  tollgate_cost_usd_total: {
    type: 'counter',
    help: 'Spend in US dollars.',
    labels: ['model', 'provider'],
    watched: true,
  },
  tollgate_team_cost_usd_total: {
    type: 'counter',
    help: 'Spend of teams in US dollars.',
    labels: ['team'],
  },
  tollgate_implausible_usage_total: {
    type: 'counter',
    help: 'Reports of more tokens than the request can have used, entered at the most that it can.',
    labels: ['target'],
    watched: true,
  },
  tollgate_guardrail_total: {
    type: 'counter',
    help: 'Requests in which a guard did something: block, redact, log, or error: it could not be asked.',
    labels: ['guard', 'action', 'where'],
  },
  tollgate_capture_total: {
    type: 'counter',
    help: 'Requests whose content was to be captured: stored, dropped_memory (too much waited), dropped_database (it could not be written), failed.',
    labels: ['result'],
    watched: true,
  },
  tollgate_capture_waiting_bytes: {
    type: 'gauge',
    help: 'Memory of captured content that is not in the database yet. At most 64 MiB.',
  },
  tollgate_auth_failures_total: {
    type: 'counter',
    help: 'Requests refused for their credential, those to the admin API included.',
    labels: ['reason'],
    watched: true,
  },
  tollgate_limit_rejections_total: {
    type: 'counter',
    help: 'Requests refused by a limit.',
    labels: ['unit', 'window', 'scope'],
  },
  tollgate_limits_state: {
    type: 'gauge',
    help: 'Where limits are counted now (1): memory, redis, recovering (Redis lost its counters), away (Redis is).',
    labels: ['state'],
    combined: 'max',
    watched: true,
  },
  tollgate_limits_gateways_apart: {
    type: 'gauge',
    help: 'Other gateways on the same database that do not share limits with this one: more than 0 means that limits hold for each alone.',
    combined: 'max',
    watched: true,
  },
  tollgate_cache_total: {
    type: 'counter',
    help: 'Requests for models that are cached: hit, semantic, miss or off.',
    labels: ['result'],
  },
  tollgate_cache_saved_usd_total: {
    type: 'counter',
    help: 'What answers from the cache would have cost, in US dollars.',
  },
  tollgate_cache_rejections_total: {
    type: 'counter',
    help: 'Near prompts that were not answered from the cache, by what spoke against it.',
    labels: ['reason'],
  },
  tollgate_cache_semantic_skipped_total: {
    type: 'counter',
    help: 'Prompts that were not compared by meaning, by why.',
    labels: ['reason'],
  },
  tollgate_upstream_responses_total: {
    type: 'counter',
    help: 'Answers of targets.',
    labels: ['target', 'code'],
    watched: true,
  },
  tollgate_breaker_state: {
    type: 'gauge',
    help: 'Breakers of targets: 0 closed, 1 half open, 2 open.',
    labels: ['target'],
    combined: 'max',
    watched: true,
  },
  tollgate_provider_healthy: {
    type: 'gauge',
    help: '1 where the health probes of a provider are answered, 0 where not.',
    labels: ['provider'],
    combined: 'min',
    watched: true,
  },
  tollgate_health_probes_total: {
    type: 'counter',
    help: 'Health probes of providers: good or bad.',
    labels: ['provider', 'result'],
  },
  tollgate_retries_total: {
    type: 'counter',
    help: 'Attempts that followed a failure, by what it was.',
    labels: ['reason'],
    watched: true,
  },
  tollgate_retry_budget_spent_total: {
    type: 'counter',
    help: 'Further attempts that were not made, because the retry budget of the model was used up.',
    labels: ['model'],
    watched: true,
  },
  tollgate_fallbacks_total: { type: 'counter', help: 'Requests that another model was tried for.', watched: true },
  tollgate_spool_entries: {
    type: 'gauge',
    help: 'Entries that wait to be written to the database.',
    watched: true,
  },
  tollgate_spool_bytes: { type: 'gauge', help: "Size of the spool's files." },
  tollgate_spool_refusing: {
    type: 'gauge',
    help: '1 while the spool is full or cannot be written: requests are refused (ledger.on_full).',
    combined: 'max',
    watched: true,
  },
  tollgate_spool_damages: { type: 'gauge', help: 'Damaged places that were found in the spool.', watched: true },
  tollgate_ledger_lost: {
    type: 'gauge',
    help: 'Entries that were dropped or refused by the database, since the start.',
    watched: true,
  },
  tollgate_webhook_deliveries_total: {
    type: 'counter',
    help: 'Attempts to deliver an event: delivered, failed and tried again, or dead: given up.',
    labels: ['result'],
    watched: true,
  },
  tollgate_webhook_events_dropped: {
    type: 'gauge',
    help: 'Events dropped while the database was away, since the start.',
    watched: true,
  },
  tollgate_trace_spans_total: {
    type: 'counter',
    help: 'Spans of traces: exported, failed (the collector did not take them), or dropped (the queue was full).',
    labels: ['result'],
    watched: true,
  },
  tollgate_config_reloads_total: {
    type: 'counter',
    help: 'Reloads of the configuration: reloaded, unchanged or rejected.',
    labels: ['result'],
  },
  tollgate_config_left_out: {
    type: 'gauge',
    help: 'Providers and models that the admin API made and that are not in force, because something is wrong with them.',
    combined: 'max',
  },
  tollgate_config_last_reload_successful: {
    type: 'gauge',
    help: '0 where the last reload was rejected.',
    combined: 'min',
    watched: true,
  },
  tollgate_config_since_timestamp_seconds: {
    type: 'gauge',
    help: 'When the running configuration was taken in, in seconds since the Unix epoch.',
    combined: 'min',
  },
  tollgate_route_duration_seconds: {
    type: 'histogram',
    help: 'From the request to the last byte, per classic route.',
    labels: ['route', 'method', 'code'],
    bounds: routeBounds,
    watched: true,
  },
  tollgate_route_refusals_total: {
    type: 'counter',
    help: 'Requests that a policy of a route refused, or would have (mode log).',
    labels: ['route', 'policy', 'mode'],
  },
  tollgate_route_retries_total: {
    type: 'counter',
    help: 'Attempts of routes after the first, by what made them.',
    labels: ['route', 'reason'],
  },
  tollgate_route_breaker_state: {
    type: 'gauge',
    help: 'Breakers of targets of routes: 0 closed, 1 half open, 2 open.',
    labels: ['route', 'target'],
    combined: 'max',
    watched: true,
  },
  tollgate_route_target_healthy: {
    type: 'gauge',
    help: '1 where the target of a route takes requests as far as its health goes.',
    labels: ['route', 'target'],
    combined: 'min',
    watched: true,
  },
  tollgate_database_up: {
    type: 'gauge',
    help: '1 where the database answers within a second, asked when metrics are read.',
    combined: 'min',
    watched: true,
  },
  tollgate_redis_up: {
    type: 'gauge',
    help: '1 where Redis answers. There is no such series where no Redis is configured.',
    combined: 'min',
    watched: true,
  },
  tollgate_build_info: {
    type: 'gauge',
    help: 'Always 1; what runs is in the labels.',
    labels: ['version', 'node'],
    combined: 'first',
    watched: true,
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof rows;

export const metricTable: Readonly<Record<MetricName, MetricRow>> = rows;
